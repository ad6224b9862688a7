// From a warp's accumulators to the output tensor.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/vector.h"
#include "kernels/dsconv/tf32/activate.h"
#include "kernels/dsconv/tf32/plan.h"

namespace assay::dsconv::tf32 {

// The lane's first pixel and the block's first channel. A lane holds two columns, 2t and 2t + 1, of each row.
struct PixelAt {
  std::int32_t n, p, q, k0;
};

// NCHW: two pixels of a channel at a time; four lanes fill a sector of 32 bytes.
template <int kMatrices>
__device__ __forceinline__ void StorePlanes(const Shape& shape, const Plan& plan, const PixelAt& at, int g,
                                            float* __restrict__ image,
                                            const float (&sums)[kMatrices][kRows][4]) {
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int32_t k = at.k0 + ChannelOut<false>(m, g + 8 * half);
      if (k >= shape.k) continue;
      float* to = image + k * shape.y.c;
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        if (at.p + i >= shape.p) continue;
        const float first = sums[m][i][2 * half], second = sums[m][i][2 * half + 1];
        float* pixel = to + i * shape.y.h;
        if (plan.store_vectors) {
          device::StoreUint2(pixel, make_uint2(__float_as_uint(first), __float_as_uint(second)));
        } else {
          pixel[0] = first;
          if (at.q + 1 < shape.q) pixel[1] = second;
        }
      }
    }
  }
}

// NHWC: four channels of a pixel at a time; eight lanes fill 128 bytes.
template <int kMatrices>
__device__ __forceinline__ void StorePixels(const Shape& shape, const Plan& plan, const PixelAt& at, int g,
                                            float* __restrict__ image,
                                            const float (&sums)[kMatrices][kRows][4]) {
#pragma unroll
  for (int i = 0; i < 2 * kRows; ++i) {
    const int row = i / 2, column = i % 2;
    if (at.p + row >= shape.p || at.q + column >= shape.q) continue;
    float* pixel = image + row * shape.y.h + column * shape.y.w;
#pragma unroll
    for (int m = 0; m < kMatrices; m += 2) {
      const std::int32_t k = at.k0 + ChannelOut<true>(m, g);
      const float four[4] = {sums[m][row][column], sums[m][row][2 + column], sums[m + 1][row][column],
                             sums[m + 1][row][2 + column]};
      if (plan.store_vectors) {
        if (k < shape.k) {
          device::StoreUint4(pixel + k, make_uint4(__float_as_uint(four[0]), __float_as_uint(four[1]),
                                                   __float_as_uint(four[2]), __float_as_uint(four[3])));
        }
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          if (k + j < shape.k) pixel[k + j] = four[j];
        }
      }
    }
  }
}

template <bool kChannelsLast, int kMatrices>
__device__ __forceinline__ void StoreOutputs(const Shape& shape, const Plan& plan, const PixelAt& at,
                                             int lane, float* __restrict__ y,
                                             float (&sums)[kMatrices][kRows][4]) {
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) ActivateAll(shape.act_out, sums[m]);
  if (at.n >= shape.n || at.q >= shape.q) return;
  float* image = y + at.n * shape.y.n + at.p * shape.y.h + at.q * shape.y.w;
  if constexpr (kChannelsLast) {
    StorePixels<kMatrices>(shape, plan, at, lane / 4, image, sums);
  } else {
    StorePlanes<kMatrices>(shape, plan, at, lane / 4, image, sums);
  }
}

}  // namespace assay::dsconv::tf32
