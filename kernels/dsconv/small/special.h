// Outputs that are NaN are computed once more without matrix units. The diagonal matrices of the depthwise
// half turn an infinity of one channel into NaN in its neighbours, and a NaN in any channel of a pixel
// reaches each of its outputs, whatever the weights; so outputs that are numbers need no second look.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/activation.h"
#include "kernels/device/element.h"
#include "kernels/dsconv/mma/special.h"
#include "kernels/dsconv/small/plan.h"

namespace assay::dsconv::small {

// act_mid(b_dw[c] + sum over the window) of channel c, rounded to T; the window begins at (h0, w0).
template <class T>
__device__ __forceinline__ float MiddlePixel(const Plan& plan, const mma::Tensors<T>& tensors, const T* image,
                                             std::int32_t c, std::int32_t h0, std::int32_t w0) {
  float sum = tensors.b_dw != nullptr ? device::ToFloat(tensors.b_dw[c]) : 0.0f;
  const T* taps = tensors.w_dw + static_cast<std::int64_t>(c) * plan.taps_h * plan.taps_w;
#pragma unroll 1
  for (std::int32_t r = 0; r < plan.taps_h; ++r) {
#pragma unroll 1
    for (std::int32_t s = 0; s < plan.taps_w; ++s) {
      const std::int32_t h = h0 + r * plan.dilation_h, w = w0 + s * plan.dilation_w;
      if (h < 0 || h >= plan.h || w < 0 || w >= plan.w) continue;
      sum = fmaf(device::ToFloat(taps[r * plan.taps_w + s]),
                 device::ToFloat(image[h * plan.x_row + w * plan.c + c]), sum);
    }
  }
  return device::ToFloat(device::FromFloat<T>(device::Activate(plan.act_mid, sum)));
}

// `count` output channels of a pixel from k on, by one thread: the definition.
template <class T>
__device__ __attribute__((noinline)) void RecomputeOutputs(const Plan& plan, const mma::Tensors<T>& tensors,
                                                           std::int32_t n, std::int32_t p, std::int32_t q,
                                                           std::int32_t k, std::int32_t count) {
  const T* image = tensors.x + n * plan.x_image;
  const std::int32_t h0 = p * plan.stride_h - plan.pad_h, w0 = q * plan.stride_w - plan.pad_w;
  T* to = tensors.y + (n * plan.y_image + p * plan.y_row + q * plan.k);
  const std::int32_t end = min(k + count, plan.k);
#pragma unroll 1
  for (; k < end; ++k) {
    const T* weights = tensors.w_pw + static_cast<std::int64_t>(k) * plan.c;
    float sum = tensors.b_pw != nullptr ? device::ToFloat(tensors.b_pw[k]) : 0.0f;
#pragma unroll 1
    for (std::int32_t c = 0; c < plan.c; ++c) {
      sum = fmaf(device::ToFloat(weights[c]), MiddlePixel(plan, tensors, image, c, h0, w0), sum);
    }
    to[k] = device::FromFloat<T>(device::Activate(plan.act_out, sum));
  }
}

}  // namespace assay::dsconv::small
