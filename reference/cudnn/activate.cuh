// Activations as the baselines' own kernels compute them, in fp32.
#pragma once

#include <cuda_runtime.h>

#include "reference/cudnn/convolution.h"

namespace assay::cudnn {

// The formulas and the behaviour at infinities are those of reference/dsconv/activation.h; NaN passes through
// all of them.
__device__ inline float Activate(float x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return x < 0.0f ? 0.0f : x;
    case Activation::kRelu6:
      return x < 0.0f ? 0.0f : (x > 6.0f ? 6.0f : x);
    case Activation::kSilu:
      return x == -INFINITY ? 0.0f : x / (1.0f + expf(-x));
    case Activation::kHardswish:
      return x <= -3.0f ? 0.0f : (x >= 3.0f ? x : x * (x + 3.0f) / 6.0f);
  }
  return x;
}

}  // namespace assay::cudnn
