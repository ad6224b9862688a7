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

// NCHW: two pixels of a channel at a time; four lanes fill a sector of 32 bytes. `image` is at the lane's
// pixel of channel k0 + g.
template <int kMatrices, bool kVectors>
__device__ __forceinline__ void StorePlanes(const Shape& shape, const PixelAt& at, int g, float* image,
                                            const float (&sums)[kMatrices][kRows][4]) {
  const std::int64_t step = 8 * shape.y.c;
  const std::int32_t rows = shape.p - at.p, channels = shape.k - at.k0 - g;
  const bool both = at.q + 1 < shape.q;
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const bool there = 16 * m + 8 * half < channels;
      float* pixel = image;
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        const float first = sums[m][i][2 * half], second = sums[m][i][2 * half + 1];
        if constexpr (kVectors) {
          if (there && i < rows) {
            device::StoreUint2(pixel, make_uint2(__float_as_uint(first), __float_as_uint(second)));
          }
        } else {
          if (there && i < rows) pixel[0] = first;
          if (there && i < rows && both) pixel[1] = second;
        }
        pixel += shape.y.h;
      }
      image += step;
    }
  }
}

// NHWC: four channels of a pixel at a time; eight lanes fill 128 bytes. `image` is at the lane's pixel.
template <int kMatrices, bool kVectors>
__device__ __forceinline__ void StorePixels(const Shape& shape, const PixelAt& at, int g, float* image,
                                            const float (&sums)[kMatrices][kRows][4]) {
  const std::int32_t first = at.k0 + 4 * g;
#pragma unroll
  for (int i = 0; i < 2 * kRows; ++i) {
    const int row = i / 2, column = i % 2;
    float* pixel = image + (row * shape.y.h + column * shape.y.w + first);
    const bool inside = at.p + row < shape.p && at.q + column < shape.q;
#pragma unroll
    for (int m = 0; m < kMatrices; m += 2) {
      const float four[4] = {sums[m][row][column], sums[m][row][2 + column], sums[m + 1][row][column],
                             sums[m + 1][row][2 + column]};
      if constexpr (kVectors) {
        if (inside && first + 16 * m < shape.k) {
          device::StoreUint4(pixel + 16 * m, make_uint4(__float_as_uint(four[0]), __float_as_uint(four[1]),
                                                        __float_as_uint(four[2]), __float_as_uint(four[3])));
        }
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          if (inside && first + 16 * m + j < shape.k) pixel[16 * m + j] = four[j];
        }
      }
    }
  }
}

template <bool kChannelsLast, bool kClamps, int kMatrices>
__device__ __forceinline__ void StoreOutputs(const Shape& shape, const Plan& plan, const PixelAt& at,
                                             int lane, float* __restrict__ y,
                                             float (&sums)[kMatrices][kRows][4]) {
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) ActivateAll<kClamps>(shape.act_out, sums[m]);
  if (at.n >= shape.n || at.q >= shape.q) return;
  float* image = y + at.n * shape.y.n + at.p * shape.y.h + at.q * shape.y.w;
  if constexpr (kChannelsLast) {
    plan.store_vectors ? StorePixels<kMatrices, true>(shape, at, lane / 4, image, sums)
                       : StorePixels<kMatrices, false>(shape, at, lane / 4, image, sums);
  } else {
    image += (at.k0 + lane / 4) * shape.y.c;
    plan.store_vectors ? StorePlanes<kMatrices, true>(shape, at, lane / 4, image, sums)
                       : StorePlanes<kMatrices, false>(shape, at, lane / 4, image, sums);
  }
}

}  // namespace assay::dsconv::tf32
