// Activations of many values of a lane at once.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/activation.h"

namespace assay::dsconv::tf32 {

inline bool IsClamp(device::Activation activation) {
  return activation == device::Activation::kNone || activation == device::Activation::kRelu ||
         activation == device::Activation::kRelu6;
}

// Activations with an exponential or a division, out of the way of the rest: unrolled with it they make a
// kernel larger than the instruction caches.
__device__ __attribute__((noinline)) inline float4 ActivateFour(device::Activation activation, float4 z) {
  return make_float4(device::Activate(activation, z.x), device::Activate(activation, z.y),
                     device::Activate(activation, z.z), device::Activate(activation, z.w));
}

// With kClamps nothing but clamps is taken: the mere possibility of a call costs registers all around.
template <bool kClamps, int kCount>
__device__ __forceinline__ void ActivateAll(device::Activation activation, float (&values)[kCount][4]) {
  if (activation == device::Activation::kNone) return;
  if (kClamps || activation == device::Activation::kRelu || activation == device::Activation::kRelu6) {
    const float high = activation == device::Activation::kRelu6 ? 6.0f : INFINITY;
#pragma unroll
    for (int i = 0; i < 4 * kCount; ++i) {
      float& z = values[i / 4][i % 4];
      z = z < 0.0f ? 0.0f : (z > high ? high : z);  // NaN stays
    }
    return;
  }
  if constexpr (!kClamps) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const float4 four =
          ActivateFour(activation, make_float4(values[i][0], values[i][1], values[i][2], values[i][3]));
      values[i][0] = four.x, values[i][1] = four.y, values[i][2] = four.z, values[i][3] = four.w;
    }
  }
}

}  // namespace assay::dsconv::tf32
