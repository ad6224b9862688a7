// What a lane of the depthwise half holds of a pixel, 4 bytes of it: two channels of 16 bits, or one of fp32;
// and how what it makes goes to the products, as kParts numbers for each.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "kernels/dsconv/dilated/plan.h"

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/pair.h"
#include "kernels/device/ptx/shared_word.h"
#include "kernels/device/ptx/tf32.h"
#include "kernels/dsconv/wide/two_channels.h"

namespace assay::dsconv::dilated {

// fp16 and bf16, as they are.
template <class T, int kNumParts>
struct KindOf {
  static_assert(kNumParts == 1 && sizeof(T) == 2);
  using Element = T;
  using Values = float2;
  static constexpr int kParts = kNumParts;
  static constexpr std::uint32_t kInfinity = std::is_same_v<T, __half> ? 0x7c007c00u : 0x7f807f80u;

  __device__ __forceinline__ static Values Of(std::uint32_t word) { return wide::ToFloats<T>(word); }
  // kCapped: whether the activation has an upper bound.
  template <bool kCapped>
  __device__ __forceinline__ static void Store(std::uint32_t to, const wide::Clamp& clamp, Values sum) {
    constexpr auto kTag = device::ElementTag<T>{};
    const std::uint32_t pair = device::Pack(sum.x, sum.y, kTag);
    device::StoreSharedWord(to, kCapped ? device::ClampPair(pair, clamp.low, clamp.high, kTag)
                                        : device::RaisePair(pair, clamp.low, kTag));
  }
};

// fp32: the nearest TF32 number; and a second one, of what that leaves, of which products take the upper
// digits.
template <int kNumParts>
struct KindOf<float, kNumParts> {
  using Element = float;
  using Values = float;
  static constexpr int kParts = kNumParts;
  static constexpr std::uint32_t kInfinity = 0x7f800000u;

  __device__ __forceinline__ static Values Of(std::uint32_t word) { return __uint_as_float(word); }
  template <bool>
  __device__ __forceinline__ static void Store(std::uint32_t to, const wide::Clamp& clamp, Values sum) {
    const float value = wide::Clamped(clamp, sum);
    const float first = device::RoundToTf32(value);
    device::StoreSharedWord(to, __float_as_uint(first));
    if constexpr (kParts == 2) device::StoreSharedWord(to + kOperandBytes, __float_as_uint(value - first));
  }
};

__device__ __forceinline__ void AddProduct(float2& sum, float2 x, float2 w) { wide::AddProduct(sum, x, w); }
__device__ __forceinline__ void AddProduct(float& sum, float x, float w) { sum = fmaf(x, w, sum); }

}  // namespace assay::dsconv::dilated

#endif
