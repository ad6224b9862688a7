// Activations inline, without calls: the mere possibility of one would hold up the matrix products around it.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/activation.h"
#include "kernels/device/ptx/clamp.h"

namespace assay::dsconv::hopper_tf32 {

// The exponential and the quotient within 2 ulp each; below -87.3, where the sigmoid is subnormal, 0.
__device__ __forceinline__ float Silu(float z) { return __fdividef(z, 1.0f + expf(-z)); }

// Four roundings, that of 1/6 included.
__device__ __forceinline__ float Hardswish(float z) {
  return z * device::ClampNan(z + 3.0f, 0.0f, 6.0f) * (1.0f / 6.0f);
}

// None, relu and relu6 are clamps.
__host__ __device__ constexpr bool IsClamp(device::Activation activation) {
  return activation != device::Activation::kSilu && activation != device::Activation::kHardswish;
}

struct Clamp {
  float low = -INFINITY, high = INFINITY;

  __device__ __forceinline__ explicit Clamp(device::Activation of) {
    if (of == device::Activation::kRelu || of == device::Activation::kRelu6) low = 0.0f;
    if (of == device::Activation::kRelu6) high = 6.0f;
  }
  __device__ __forceinline__ float operator()(float z) const { return device::ClampNan(z, low, high); }
};

// None, and relu or relu6 of which the part from zero on is left to the rounding that follows (operand.h).
struct Identity {
  __device__ __forceinline__ explicit Identity(device::Activation) {}
  __device__ __forceinline__ float operator()(float z) const { return z; }
};
struct FromZero {
  float high = INFINITY;

  __device__ __forceinline__ explicit FromZero(device::Activation of) {
    if (of == device::Activation::kRelu6) high = 6.0f;
  }
  __device__ __forceinline__ float operator()(float z) const { return device::MinNan(z, high); }
};

struct Curve {
  bool silu;

  __device__ __forceinline__ explicit Curve(device::Activation of) : silu(of == device::Activation::kSilu) {}
  __device__ __forceinline__ float operator()(float z) const { return silu ? Silu(z) : Hardswish(z); }
};

}  // namespace assay::dsconv::hopper_tf32
