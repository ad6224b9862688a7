// Activations that are clamps. In 16 bits they come after rounding: their bounds are numbers of every T, so
// that clamping and rounding may change places.
#pragma once

#include <cuda_runtime.h>

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/device/activation.h"
#include "kernels/device/ptx/clamp.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/pack.h"

namespace assay::dsconv::wide {

inline bool IsClamp(device::Activation activation) {
  return activation == device::Activation::kNone || activation == device::Activation::kRelu ||
         activation == device::Activation::kRelu6;
}

// Bounds, each twice in a pair of 16 bits, or as a float.
struct Clamp {
  std::uint32_t low, high;
};

inline Clamp ClampOf(device::Activation activation, assay_dtype dtype) {
  const bool half = dtype == ASSAY_F16, six = activation == device::Activation::kRelu6;
  if (dtype == ASSAY_F32) {
    const bool raised = six || activation == device::Activation::kRelu;
    return {std::bit_cast<std::uint32_t>(raised ? 0.0f : -INFINITY),
            std::bit_cast<std::uint32_t>(six ? 6.0f : INFINITY)};
  }
  const std::uint32_t infinity = half ? 0x7c00 : 0x7f80, high = six ? (half ? 0x4600 : 0x40c0) : infinity;
  const std::uint32_t low = six || activation == device::Activation::kRelu ? 0 : infinity | 0x8000;
  return {low | low << 16, high | high << 16};
}

template <class T>
__device__ __forceinline__ std::uint32_t PackClamped(const Clamp& clamp, float first, float second) {
  return device::ClampPair(device::Pack(first, second, device::ElementTag<T>{}), clamp.low, clamp.high,
                           device::ElementTag<T>{});
}

// Of fp32: whether nothing is done, and doing it.
__device__ __forceinline__ bool IsNone(const Clamp& clamp) {
  return __uint_as_float(clamp.low) == -INFINITY && __uint_as_float(clamp.high) == INFINITY;
}
__device__ __forceinline__ float Clamped(const Clamp& clamp, float value) {
  return device::ClampNan(value, __uint_as_float(clamp.low), __uint_as_float(clamp.high));
}

}  // namespace assay::dsconv::wide
