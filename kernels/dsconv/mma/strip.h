// The depthwise half of 4 x 8 output pixels and 64 channels by a warp, in fp32: a lane has two neighbouring
// channels. It walks over the columns of the input tile, reads each pixel once, and adds it to all the
// outputs that it is part of; a column of outputs is handed on when its last input column was read.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/element.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/mma/depthwise.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

inline constexpr int kStripRows = 4;
inline constexpr std::int32_t kPixelBytes = 128;  // of the 64 channels of an input pixel

// Two channels of a pixel.
using Pair = std::uint32_t;

template <class T>
__device__ __forceinline__ Pair LoadPair(const char* from) {
  return *reinterpret_cast<const Pair*>(from);
}
__device__ __forceinline__ float2 ToFloats(Pair pair, device::ElementTag<__half>) {
  return __half22float2(reinterpret_cast<const __half2&>(pair));
}
__device__ __forceinline__ float2 ToFloats(Pair pair, device::ElementTag<__nv_bfloat16>) {
  return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
}

__device__ __forceinline__ float2 LoadFloats(const char* from) {
  return *reinterpret_cast<const float2*>(from);
}

__device__ __forceinline__ void AddProduct(float2& sum, float2 x, float2 w) {
  sum.x = fmaf(x.x, w.x, sum.x);
  sum.y = fmaf(x.y, w.y, sum.y);
}

// Square filters of a size known at compile time, without dilation. `tile` is the input tile at the strip's
// first pixel and the lane's channels, `weights` those of the lane: [tap][64], then the biases. store(column,
// row, sum) takes each output.
template <class T, int kSize, int kStride>
struct Strip {
  static constexpr int kInputRows = (kStripRows - 1) * kStride + kSize;
  static constexpr int kInputColumns = (kColumns - 1) * kStride + kSize;
  static constexpr int kLive =
      (kSize + kStride - 1) / kStride;  // columns of outputs that an input column is part of

  template <class Store>
  __device__ __forceinline__ static void Run(const Shape&, const Plan& plan, const char* tile,
                                             const char* weights, Store&& store) {
    float2 w[kSize * kSize];
#pragma unroll
    for (int i = 0; i < kSize * kSize; ++i) w[i] = LoadFloats(weights + i * 256);
    const float2 bias = LoadFloats(weights + plan.taps_padded * 256);
    const char* rows[kInputRows];
#pragma unroll
    for (int i = 0; i < kInputRows; ++i) rows[i] = tile + i * plan.pitch * kPixelBytes;
    const std::int32_t odd = plan.odd * kPixelBytes;

    // A column's pixels are read while the column before is worked on.
    Pair next[kInputRows];
    const auto load = [&](int c) {
#pragma unroll
      for (int i = 0; i < kInputRows; ++i) {
        next[i] = LoadPair<T>(rows[i] + (kStride == 2 ? c / 2 * kPixelBytes + c % 2 * odd : c * kPixelBytes));
      }
    };
    load(0);
    float2 sums[kLive][kStripRows];
#pragma unroll
    for (int c = 0; c < kInputColumns; ++c) {
      if (c % kStride == 0 && c / kStride < kColumns) {
#pragma unroll
        for (int p = 0; p < kStripRows; ++p) sums[c / kStride % kLive][p] = bias;
      }
      float2 x[kInputRows];
#pragma unroll
      for (int i = 0; i < kInputRows; ++i) x[i] = ToFloats(next[i], device::ElementTag<T>{});
      if (c + 1 < kInputColumns) load(c + 1);
#pragma unroll
      for (int s = 0; s < kSize; ++s) {
        if (c < s || (c - s) % kStride != 0 || (c - s) / kStride >= kColumns) continue;
        const int column = (c - s) / kStride;
#pragma unroll
        for (int r = 0; r < kSize; ++r) {
#pragma unroll
          for (int p = 0; p < kStripRows; ++p) {
            AddProduct(sums[column % kLive][p], x[p * kStride + r], w[r * kSize + s]);
          }
        }
        if (s == kSize - 1) store(column, sums[column % kLive]);
      }
    }
  }
};

// Any filter, stride and dilation: each tap reads its own pixels.
template <class T>
struct Strip<T, 0, 0> {
  template <class Store>
  __device__ __forceinline__ static void Run(const Shape& shape, const Plan& plan, const char* tile,
                                             const char* weights, Store&& store) {
    const float2 bias = LoadFloats(weights + plan.taps_padded * 256);
    float2 sums[kColumns][kStripRows];
#pragma unroll
    for (int i = 0; i < kColumns * kStripRows; ++i) sums[i / kStripRows][i % kStripRows] = bias;
    const std::int32_t right = (plan.odd != 0 ? 1 : shape.stride_w) * kPixelBytes;
    const std::int32_t down = shape.stride_h * plan.pitch * kPixelBytes;
    for (std::int32_t r = 0; r < shape.r; ++r) {
      for (std::int32_t s = 0; s < shape.s; ++s) {
        const float2 w = LoadFloats(weights + (r * shape.s + s) * 256);
        const char* from = tile + PlaceOf(plan, r * shape.dilation_h, s * shape.dilation_w) * kPixelBytes;
#pragma unroll
        for (int p = 0; p < kStripRows; ++p) {
#pragma unroll
          for (int q = 0; q < kColumns; ++q) {
            AddProduct(sums[q][p],
                       ToFloats(LoadPair<T>(from + p * down + q * right), device::ElementTag<T>{}), w);
          }
        }
      }
    }
#pragma unroll
    for (int q = 0; q < kColumns; ++q) store(q, sums[q]);
  }
};

}  // namespace assay::dsconv::mma
