// What a lane of the depthwise half has of a pixel, 8 bytes of it: four channels of 16 bits, or two of fp32;
// and how what it makes is handed to the products.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#ifndef ASSAY_SIMT

#include "kernels/device/element.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/ptx/tf32.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/two_channels.h"

namespace assay::dsconv::phases {

// fp16 and bf16, rounded to themselves.
template <class T>
struct LaneOf {
  using Values = float4;

  __device__ __forceinline__ static Values Of(uint2 four) {
    const float2 low = wide::ToFloats<T>(four.x), high = wide::ToFloats<T>(four.y);
    return make_float4(low.x, low.y, high.x, high.y);
  }
  __device__ __forceinline__ static Values Filter(const float* from) { return device::LoadFloat4(from); }
  __device__ __forceinline__ static Values Add(Values x, Values w, Values sum) {
    return make_float4(fmaf(x.x, w.x, sum.x), fmaf(x.y, w.y, sum.y), fmaf(x.z, w.z, sum.z),
                       fmaf(x.w, w.w, sum.w));
  }
  // Clamps are from zero on.
  template <bool kClamps>
  __device__ __forceinline__ static uint2 Operands(const wide::Clamp& clamp, Values sum) {
    return make_uint2(Pack<kClamps>(clamp, sum.x, sum.y), Pack<kClamps>(clamp, sum.z, sum.w));
  }

 private:
  template <bool kClamps>
  __device__ __forceinline__ static std::uint32_t Pack(const wide::Clamp& clamp, float first, float second) {
    constexpr auto kTag = device::ElementTag<T>{};
    if constexpr (kClamps)
      return device::LowerPair(device::PackFromZero(first, second, kTag), clamp.high, kTag);
    return device::Pack(first, second, kTag);
  }
};

// fp32, rounded to TF32.
template <>
struct LaneOf<float> {
  using Values = float2;

  __device__ __forceinline__ static Values Of(uint2 two) {
    return make_float2(__uint_as_float(two.x), __uint_as_float(two.y));
  }
  __device__ __forceinline__ static Values Filter(const float* from) { return device::LoadFloat2(from); }
  __device__ __forceinline__ static Values Add(Values x, Values w, Values sum) {
    return make_float2(fmaf(x.x, w.x, sum.x), fmaf(x.y, w.y, sum.y));
  }
  template <bool kClamps>
  __device__ __forceinline__ static uint2 Operands(const wide::Clamp& clamp, Values sum) {
    if constexpr (kClamps) sum = make_float2(wide::Clamped(clamp, sum.x), wide::Clamped(clamp, sum.y));
    return make_uint2(__float_as_uint(device::RoundToTf32(sum.x)),
                      __float_as_uint(device::RoundToTf32(sum.y)));
  }
};

}  // namespace assay::dsconv::phases

#endif
