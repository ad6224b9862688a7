// The weights as mma/prepack.h says, but for these: pointwise ones lie as wgmma wants them, matrices of 8
// columns by 8 channels, a column's channels together: [kTiles][2][8 columns][8 channels] for every 16
// channels; the columns of a filter of which rows are shared are in the order of TapInOrder.
#pragma once

#include <cuda_runtime.h>

#include "kernels/dsconv/keep/window.h"
#include "kernels/dsconv/mma/prepack.h"

namespace assay::dsconv::keep {

// How far the matrices of a product are from each other (device::MatrixDescriptor).
inline constexpr std::int32_t kNextK = 128, kNextColumns = 256;

__device__ __forceinline__ mma::WordAt WordInMatrix(std::int32_t word) {
  return {word / 64, word / 4 % 8, word / 32 % 2 * 8 + word % 4 * 2};
}

// Word `word` of 8 channels from c0 on, where rows are shared.
template <class T>
__device__ __forceinline__ std::uint32_t SharedRowsWord(const Shape& shape, const T* __restrict__ w_dw,
                                                        const T* __restrict__ b_dw, std::int32_t c0,
                                                        std::int32_t word) {
  constexpr std::int32_t kBiases = mma::kBiasBytes / 4;  // are not read
  const std::int32_t i = word - kBiases, words = mma::WordsOfColumn(shape.r);
  const std::int32_t column = i / (words * 8), channel = i / 4 % 8, c = c0 + channel;
  const std::int32_t tap = TapInOrder(shape.r, i / 32 % (words / 4) * 4 + i % 4);
  if (word < kBiases || c >= shape.c || tap < -1) return 0;
  if (tap < 0 && (column > 0 || b_dw == nullptr)) return 0;
  const T weight =
      tap < 0 ? b_dw[c] : w_dw[static_cast<std::int64_t>(c) * shape.r * shape.s + tap * shape.s + column];
  return device::BitsOf(weight) << (channel % 2 * 16);
}

template <class T, int kTiles>
__global__ void PackKernel(Shape shape, mma::Plan plan, bool shares_rows, const T* __restrict__ w_dw,
                           const T* __restrict__ b_dw, const T* __restrict__ w_pw, const T* __restrict__ b_pw,
                           std::uint32_t* __restrict__ packed) {
  const std::int32_t depthwise = plan.depthwise_bytes / 4, half = depthwise / 2;
  mma::PackSteps<T, kTiles>(shape, plan, b_pw, packed, [&](std::int32_t c0, std::int32_t k0, std::int32_t i) {
    std::uint32_t word;
    if (i >= depthwise) {
      word = mma::PointwiseWord<T, kTiles>(shape, w_pw, k0, c0, WordInMatrix(i - depthwise));
    } else if (shares_rows) {
      word = SharedRowsWord(shape, w_dw, b_dw, c0 + i / half * 8, i % half);
    } else {
      word = mma::DepthwiseWord(shape, plan, w_dw, b_dw, c0 + i / half * 8, i % half);
    }
    return word;
  });
}

}  // namespace assay::dsconv::keep
