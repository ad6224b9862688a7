// Rounding to TF32 in one instruction (PTX ISA, cvt.rn.tf32; sm_90 and up).
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include <cstdint>

namespace assay::device {

// The nearest TF32 number, ties to even. NaN stays NaN.
__device__ __forceinline__ float RoundToTf32(float value) {
  std::uint32_t bits;
  asm volatile("cvt.rn.tf32.f32 %0, %1;\n" : "=r"(bits) : "f"(value));
  return __uint_as_float(bits);
}

// The same of max(value, 0).
__device__ __forceinline__ float RoundToTf32FromZero(float value) {
  std::uint32_t bits;
  asm volatile("cvt.rn.relu.tf32.f32 %0, %1;\n" : "=r"(bits) : "f"(value));
  return __uint_as_float(bits);
}

}  // namespace assay::device

#endif
