// Two 16-bit elements in one register, the first in the lower half.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <bit>
#include <cstdint>

#include "kernels/device/element.h"

namespace assay::device {

// A 16-bit element's bits, and the element that they are.
template <class T>
__device__ __forceinline__ std::uint32_t BitsOf(T value) {
#ifdef ASSAY_SIMT
  return std::bit_cast<std::uint16_t>(value);
#else
  return *reinterpret_cast<const unsigned short*>(&value);
#endif
}

template <class T>
__device__ __forceinline__ T FromBits(std::uint16_t bits) {
#ifdef ASSAY_SIMT
  return std::bit_cast<T>(bits);
#else
  return *reinterpret_cast<const T*>(&bits);
#endif
}

// Both rounded to nearest, ties to even.
__device__ __forceinline__ std::uint32_t Pack(float first, float second, ElementTag<__half>) {
#ifdef ASSAY_SIMT
  return BitsOf(__float2half_rn(first)) | BitsOf(__float2half_rn(second)) << 16;
#else
  std::uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;\n" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
#endif
}

__device__ __forceinline__ std::uint32_t Pack(float first, float second, ElementTag<__nv_bfloat16>) {
#ifdef ASSAY_SIMT
  return BitsOf(__float2bfloat16_rn(first)) | BitsOf(__float2bfloat16_rn(second)) << 16;
#else
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;\n" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
#endif
}

#ifdef ASSAY_SIMT
template <class T>
std::uint32_t ClampPairOnHost(std::uint32_t pair, std::uint32_t low, std::uint32_t high) {
  const auto clamp = [](std::uint32_t value, std::uint32_t least, std::uint32_t most) {
    const auto number = [](std::uint32_t bits) {
      return static_cast<float>(FromBits<T>(static_cast<std::uint16_t>(bits)));
    };
    if (number(value) < number(least)) value = least;
    return (number(value) > number(most) ? most : value) & 0xffffu;
  };
  return clamp(pair, low, high) | clamp(pair >> 16, low >> 16, high >> 16) << 16;
}
#endif

// min(max(value, low), high) of both, where NaN stays NaN (PTX ISA, max.NaN; sm_80 and up).
__device__ __forceinline__ std::uint32_t ClampPair(std::uint32_t pair, std::uint32_t low, std::uint32_t high,
                                                   ElementTag<__half>) {
#ifdef ASSAY_SIMT
  return ClampPairOnHost<__half>(pair, low, high);
#else
  std::uint32_t clamped;
  asm("{.reg .b32 t;\n max.NaN.f16x2 t, %1, %2;\n min.NaN.f16x2 %0, t, %3;}\n"
      : "=r"(clamped)
      : "r"(pair), "r"(low), "r"(high));
  return clamped;
#endif
}

__device__ __forceinline__ std::uint32_t ClampPair(std::uint32_t pair, std::uint32_t low, std::uint32_t high,
                                                   ElementTag<__nv_bfloat16>) {
#ifdef ASSAY_SIMT
  return ClampPairOnHost<__nv_bfloat16>(pair, low, high);
#else
  std::uint32_t clamped;
  asm("{.reg .b32 t;\n max.NaN.bf16x2 t, %1, %2;\n min.NaN.bf16x2 %0, t, %3;}\n"
      : "=r"(clamped)
      : "r"(pair), "r"(low), "r"(high));
  return clamped;
#endif
}

#ifndef ASSAY_SIMT
// Both rounded, and what is below zero made zero; NaN stays NaN.
__device__ __forceinline__ std::uint32_t PackFromZero(float first, float second, ElementTag<__half>) {
  std::uint32_t pair;
  asm("cvt.rn.relu.f16x2.f32 %0, %1, %2;\n" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}
__device__ __forceinline__ std::uint32_t PackFromZero(float first, float second, ElementTag<__nv_bfloat16>) {
  std::uint32_t pair;
  asm("cvt.rn.relu.bf16x2.f32 %0, %1, %2;\n" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

// min(value, high) of both, where NaN stays NaN.
__device__ __forceinline__ std::uint32_t LowerPair(std::uint32_t pair, std::uint32_t high,
                                                   ElementTag<__half>) {
  std::uint32_t lowered;
  asm("min.NaN.f16x2 %0, %1, %2;\n" : "=r"(lowered) : "r"(pair), "r"(high));
  return lowered;
}

__device__ __forceinline__ std::uint32_t LowerPair(std::uint32_t pair, std::uint32_t high,
                                                   ElementTag<__nv_bfloat16>) {
  std::uint32_t lowered;
  asm("min.NaN.bf16x2 %0, %1, %2;\n" : "=r"(lowered) : "r"(pair), "r"(high));
  return lowered;
}

// max(value, low) of both, where NaN stays NaN.
__device__ __forceinline__ std::uint32_t RaisePair(std::uint32_t pair, std::uint32_t low,
                                                   ElementTag<__half>) {
  std::uint32_t raised;
  asm("max.NaN.f16x2 %0, %1, %2;\n" : "=r"(raised) : "r"(pair), "r"(low));
  return raised;
}

__device__ __forceinline__ std::uint32_t RaisePair(std::uint32_t pair, std::uint32_t low,
                                                   ElementTag<__nv_bfloat16>) {
  std::uint32_t raised;
  asm("max.NaN.bf16x2 %0, %1, %2;\n" : "=r"(raised) : "r"(pair), "r"(low));
  return raised;
}
#endif

}  // namespace assay::device
