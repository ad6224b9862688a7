// Activations that are clamps, after rounding: their bounds are numbers of every T, so that clamping and
// rounding may change places.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/activation.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/pack.h"

namespace assay::dsconv::wide {

inline bool IsClamp(device::Activation activation) {
  return activation == device::Activation::kNone || activation == device::Activation::kRelu ||
         activation == device::Activation::kRelu6;
}

// Bounds, each twice in a pair.
struct Clamp {
  std::uint32_t low, high;
};

inline Clamp ClampOf(device::Activation activation, assay_dtype dtype) {
  const bool half = dtype == ASSAY_F16, six = activation == device::Activation::kRelu6;
  const std::uint32_t infinity = half ? 0x7c00 : 0x7f80, high = six ? (half ? 0x4600 : 0x40c0) : infinity;
  const std::uint32_t low = six || activation == device::Activation::kRelu ? 0 : infinity | 0x8000;
  return {low | low << 16, high | high << 16};
}

template <class T>
__device__ __forceinline__ std::uint32_t PackClamped(const Clamp& clamp, float first, float second) {
  return device::ClampPair(device::Pack(first, second, device::ElementTag<T>{}), clamp.low, clamp.high,
                           device::ElementTag<T>{});
}

}  // namespace assay::dsconv::wide
