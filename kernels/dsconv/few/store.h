// The way out of a tile: the warps' sums side by side in shared memory, added up in their order, and y.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/vector.h"
#include "kernels/dsconv/few/kind.h"
#include "kernels/dsconv/few/plan.h"

namespace assay::dsconv::few {

// A warp's sums in shared memory, rows along what y has in a row: output channels in NHWC, pixels in NCHW.
// The pitches keep a warp's stores free of bank conflicts.
template <bool kChannelsLast, int kMatrices, int kTiles>
struct Sums {
  static constexpr int kPixels = 16 * kMatrices, kColumns = 8 * kTiles;
  static constexpr int kRows = kChannelsLast ? kPixels : kColumns,
                       kInRow = kChannelsLast ? kColumns : kPixels;
  static constexpr int kPitch = kInRow + (kChannelsLast ? 8 : 4);

  static __device__ __forceinline__ void Write(const float (&sums)[kMatrices][kTiles][4], float* to,
                                               int lane) {
    const int g = lane / 4, t = lane % 4;
#pragma unroll
    for (int i = 0; i < kMatrices; ++i) {
#pragma unroll
      for (int j = 0; j < kTiles; ++j) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int pixel = 16 * i + g + e / 2 * 8, column = 8 * j + 2 * t + e % 2;
          to[kChannelsLast ? pixel * kPitch + column : column * kPitch + pixel] = sums[i][j][e];
        }
      }
    }
  }
};

template <class T>
__device__ __forceinline__ void StoreColumns(const Shape& shape, const Plan& plan, const float (&values)[4],
                                             std::int32_t pixel, std::int32_t k, T* __restrict__ y) {
  if (pixel >= plan.pixels || k >= shape.k) return;
  T* const to = y + static_cast<std::int64_t>(pixel) * shape.k + k;
  if (plan.vectors_out) {
    StoreFour(to, values);
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (k + i < shape.k) to[i] = device::FromFloat<T>(values[i]);
  }
}

template <class T>
__device__ __forceinline__ void StorePixels(const Shape& shape, const Plan& plan, const float (&values)[4],
                                            std::int32_t pixel, std::int32_t k, T* __restrict__ y) {
  if (k >= shape.k) return;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (pixel + i >= plan.pixels) return;
    const std::int32_t n = plan.by_image.Quotient(pixel + i);
    y[n * shape.y.n + k * shape.y.c + (pixel + i - n * plan.by_image.divisor)] =
        device::FromFloat<T>(values[i]);
  }
}

// Adds up the sums of `slices` warps, whose memory is warp_bytes apart, and finishes y. All threads.
template <class T, bool kChannelsLast, int kMatrices, int kTiles>
__device__ __forceinline__ void AddUpAndStore(const Shape& shape, const Plan& plan, const char* warps,
                                              int warp_bytes, int slices, const float* __restrict__ biases,
                                              std::int32_t pixel0, std::int32_t k0, T* __restrict__ y) {
  using Layout = Sums<kChannelsLast, kMatrices, kTiles>;
  constexpr int kQuads = Layout::kInRow / 4;
  for (int i = static_cast<int>(threadIdx.x); i < Layout::kRows * kQuads; i += kThreads) {
    const int row = i / kQuads, in_row = i % kQuads * 4;
    const char* from = warps + (row * Layout::kPitch + in_row) * 4;
    float values[4] = {0, 0, 0, 0};
    for (int slice = 0; slice < slices; ++slice) {
      const float4 four = device::LoadFloat4(reinterpret_cast<const float*>(from + slice * warp_bytes));
      values[0] += four.x, values[1] += four.y, values[2] += four.z, values[3] += four.w;
    }
    const std::int32_t pixel = pixel0 + (kChannelsLast ? row : in_row),
                       k = k0 + (kChannelsLast ? in_row : row);
#pragma unroll
    for (int e = 0; e < 4; ++e) values[e] += biases[kChannelsLast ? k + e : k];
    ActivateAll(plan.output, values);
    if (kChannelsLast) {
      StoreColumns(shape, plan, values, pixel, k, y);
    } else {
      StorePixels(shape, plan, values, pixel, k, y);
    }
  }
}

}  // namespace assay::dsconv::few
