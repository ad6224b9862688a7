// The depthwise half of one output pixel, straight from device memory.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/element.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv {

// act_mid(b_dw[c] + sum_rs w_dw[c,r,s] x[n,c,h,w]) of the pixel whose window starts at (h0, w0), which may
// lie outside the image. `plane` points at x[n,c,0,0], `taps` at w_dw[c,0,0].
template <class T>
__device__ __forceinline__ float DepthwisePixel(const Shape& shape, const T* __restrict__ plane,
                                                const T* __restrict__ taps, float bias, std::int32_t h0,
                                                std::int32_t w0) {
  float sum = bias;
  for (std::int32_t r = 0; r < shape.r; ++r) {
    const std::int32_t h = h0 + r * shape.dilation_h;
    if (h < 0 || h >= shape.h) continue;
    for (std::int32_t s = 0; s < shape.s; ++s) {
      const std::int32_t w = w0 + s * shape.dilation_w;
      if (w < 0 || w >= shape.w) continue;
      sum = fmaf(device::ToFloat(taps[r * shape.s + s]),
                 device::ToFloat(plane[h * shape.x.h + w * shape.x.w]), sum);
    }
  }
  return device::Activate(shape.act_mid, sum);
}

}  // namespace assay::dsconv
