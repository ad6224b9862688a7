// The weights as the warps read them: for every block of output channels b_pw as [kTiles][8 columns] floats,
// then for every 16 input channels
//   twice, for 8 channels: b_dw as [4] times a pair of channels twice, floats; then words, each one entry of
//   a diagonal matrix as the lane that holds it wants it: the weight in the lower half for even channels, in
//   the upper half for odd ones. Of a filter with a kernel of its own: [columns of taps][words / 4][8
//   channels][4], the words WordsOfColumn(); of any other: [8 channels][taps_padded] pointwise: in the order
//   of PackedWord (product.h)
// and in the end counters of tiles, zeros. Zeros stand for channels beyond C and K.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/element.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/mma/product.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

// The tap of a word, counted row by row, -1 for padding; and its channel of 8.
struct TapAt {
  std::int32_t tap, channel;
};
__device__ __forceinline__ TapAt TapOfWord(const Shape& shape, const Plan& plan, std::int32_t word) {
  if (plan.fixed == 0) {
    const std::int32_t tap = word % plan.taps_padded;
    return {tap < shape.r * shape.s ? tap : -1, word / plan.taps_padded};
  }
  const std::int32_t words = WordsOfColumn(plan.fixed), column = word / (words * 8);
  const std::int32_t i = word / 32 % (words / 4) * 4 + word % 4;
  return {(i < words / 2 ? i : i - words / 2 + 1) * shape.s + column, word / 4 % 8};
}

// Word `word` of 8 channels from c0 on.
template <class T>
__device__ __forceinline__ std::uint32_t DepthwiseWord(const Shape& shape, const Plan& plan,
                                                       const T* __restrict__ w_dw, const T* __restrict__ b_dw,
                                                       std::int32_t c0, std::int32_t word) {
  constexpr std::int32_t kBiases = kBiasBytes / 4;
  if (word < kBiases) {
    const std::int32_t c = c0 + word / 4 * 2 + word % 2;
    return b_dw && c < shape.c ? __float_as_uint(device::ToFloat(b_dw[c])) : 0;
  }
  const TapAt at = TapOfWord(shape, plan, word - kBiases);
  if (c0 + at.channel >= shape.c || at.tap < 0) return 0;
  const T weight = w_dw[static_cast<std::int64_t>(c0 + at.channel) * shape.r * shape.s + at.tap];
  return device::BitsOf(weight) << (at.channel % 2 * 16);
}

// Word `word` of 16 input channels from c0 on.
template <class T, int kTiles>
__device__ __forceinline__ std::uint32_t PointwiseWord(const Shape& shape, const T* __restrict__ w_pw,
                                                       std::int32_t k0, std::int32_t c0, const WordAt& at) {
  const std::int32_t k = k0 + ChannelOf<kTiles>(at.tile, at.column), c = c0 + at.k;
  if (k >= shape.k) return 0;
  const T* row = w_pw + static_cast<std::int64_t>(k) * shape.c;
  const std::uint32_t first = c < shape.c ? device::BitsOf(row[c]) : 0;
  const std::uint32_t second = c + 1 < shape.c ? device::BitsOf(row[c + 1]) : 0;
  return first | second << 16;
}

// By a block of threads for 16 input channels (x) of a block of output channels (y): word_of(c0, k0, i) is
// word i of those of 16 channels.
template <class T, int kTiles, class WordOf>
__device__ __forceinline__ void PackSteps(const Shape& shape, const Plan& plan, const T* __restrict__ b_pw,
                                          std::uint32_t* __restrict__ packed, WordOf&& word_of) {
  const std::int32_t step = static_cast<std::int32_t>(blockIdx.x), c0 = step * 16;
  const std::int32_t k0 = static_cast<std::int32_t>(blockIdx.y) * plan.channels_out;
  std::uint32_t* head = packed + static_cast<std::int64_t>(blockIdx.y) * (plan.packed_bytes / 4);
  if (step == 0 && threadIdx.x < kTiles * 8) {
    const std::int32_t k = k0 + ChannelOf<kTiles>(threadIdx.x / 8, threadIdx.x % 8);
    head[threadIdx.x] = b_pw && k < shape.k ? __float_as_uint(device::ToFloat(b_pw[k])) : 0;
  }
  if (step == 0 && threadIdx.x < kCounterBytes / 4) {
    head[(plan.packed_bytes - kCounterBytes) / 4 + static_cast<std::int32_t>(threadIdx.x)] = 0;
  }
  std::uint32_t* to = head + kTiles * 8 + static_cast<std::int64_t>(step) * (plan.step_bytes / 4);
  for (std::int32_t i = static_cast<std::int32_t>(threadIdx.x); i < plan.step_bytes / 4;
       i += static_cast<std::int32_t>(blockDim.x)) {
    to[i] = word_of(c0, k0, i);
  }
}

template <class T, int kTiles>
__global__ void PrepackKernel(Shape shape, Plan plan, const T* __restrict__ w_dw, const T* __restrict__ b_dw,
                              const T* __restrict__ w_pw, const T* __restrict__ b_pw,
                              std::uint32_t* __restrict__ packed) {
  const std::int32_t depthwise = plan.depthwise_bytes / 4, half = depthwise / 2;
  PackSteps<T, kTiles>(shape, plan, b_pw, packed, [&](std::int32_t c0, std::int32_t k0, std::int32_t i) {
    return i < depthwise ? DepthwiseWord(shape, plan, w_dw, b_dw, c0 + i / half * 8, i % half)
                         : PointwiseWord<T, kTiles>(shape, w_pw, k0, c0, PackedWord(i - depthwise));
  });
}

}  // namespace assay::dsconv::mma
