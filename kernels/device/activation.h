// Activations between and after fused halves, in fp32. NaN goes through every one of them.
#pragma once

#include <cuda_runtime.h>

#include <cmath>

namespace assay::device {

// The numbers that problems carry (reference/dsconv/problem.h).
enum class Activation : int { kNone = 0, kRelu = 1, kRelu6 = 2, kSilu = 3, kHardswish = 4 };

__device__ __forceinline__ float Relu6(float z) { return z < 0.0f ? 0.0f : (z > 6.0f ? 6.0f : z); }

// `activation` is the same for a whole launch, so the switch never diverges.
__device__ __forceinline__ float Activate(Activation activation, float z) {
  switch (activation) {
    case Activation::kRelu:
      return z < 0.0f ? 0.0f : z;
    case Activation::kRelu6:
      return Relu6(z);
    case Activation::kSilu:
      return z / (1.0f + expf(-z));
    case Activation::kHardswish:
      return z * Relu6(z + 3.0f) / 6.0f;
    default:
      return z;
  }
}

}  // namespace assay::device
