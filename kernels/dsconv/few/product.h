// The pointwise half of a tile: each warp multiplies its share of the input channels, by mma.sync, out of
// stages of its own that cp.async fills. A stage's rows are 64 bytes of channels: the tile's pixels, then its
// output channels. Lane t of four takes 16 bytes of a row in one load, and so elements that are neighbours in
// memory for steps of the product that are not: any order of channels gives the same sum, as long as it is
// the same in both operands. Eight lanes read two whole rows, which are free of bank conflicts.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "kernels/device/ptx/async_copy.h"
#include "kernels/device/ptx/mma.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/few/kind.h"
#include "kernels/dsconv/few/plan.h"

namespace assay::dsconv::few {

// kRows rows of a stage, from rows that are row_bytes apart; all lanes of a warp, each of which copies its 16
// bytes of every eighth row.
template <int kRows>
__device__ __forceinline__ void CopyRows(const char* from, std::int64_t row_bytes, char* to) {
#pragma unroll
  for (int i = 0; i < kRows; i += 8) device::CopyAsync16(to + i * kRowBytes, from + i * row_bytes);
}

template <class T>
__device__ __forceinline__ void MultiplyStep(SixteenBits<T>, const std::uint32_t (&a)[4], std::uint32_t b0,
                                             std::uint32_t b1, float (&d)[4]) {
  device::Mma16816(d, a, b0, b1, device::ElementTag<T>{});
}
__device__ __forceinline__ void MultiplyStep(Tf32<1>, const std::uint32_t (&a)[4], std::uint32_t b0,
                                             std::uint32_t b1, float (&d)[4]) {
  device::MmaTf32(d, a, b0, b1);
}

// d += a b for the two steps of the 16 bytes that each lane holds of a row.
template <class Kind>
__device__ __forceinline__ void MultiplyWords(Kind kind, const uint4& upper, const uint4& lower,
                                              const uint4& b, float (&d)[4]) {
  const std::uint32_t first[4] = {upper.x, lower.x, upper.y, lower.y};
  const std::uint32_t second[4] = {upper.z, lower.z, upper.w, lower.w};
  MultiplyStep(kind, first, b.x, b.y, d);
  MultiplyStep(kind, second, b.z, b.w, d);
}

// The nearest TF32 numbers, and what is left of each; of that the matrix unit takes the upper digits.
__device__ __forceinline__ void Split(uint4& words, uint4& rest) {
  const auto split = [](std::uint32_t& word, std::uint32_t& left) {
    const float value = __uint_as_float(word);
    word = device::ToTf32(value);
    left = __float_as_uint(value - __uint_as_float(word));
  };
  split(words.x, rest.x), split(words.y, rest.y), split(words.z, rest.z), split(words.w, rest.w);
}

// A chunk of channels of a tile, kMatrices of 16 pixels and kTiles of 8 output channels, from where this
// lane's 16 bytes of the stage are.
template <class Kind, int kMatrices, int kTiles>
__device__ __forceinline__ void MultiplyStage(const char* from, float (&sums)[kMatrices][kTiles][4]) {
  constexpr bool kSplit = std::is_same_v<Kind, Tf32<2>>;
  using One = std::conditional_t<kSplit, Tf32<1>, Kind>;
  uint4 a[kMatrices][2], a_rest[kMatrices][2];
#pragma unroll
  for (int i = 0; i < 2 * kMatrices; ++i) {
    a[i / 2][i % 2] = device::LoadUint4(from + i * 8 * kRowBytes);
    if (kSplit) Split(a[i / 2][i % 2], a_rest[i / 2][i % 2]);
  }
#pragma unroll
  for (int j = 0; j < kTiles; ++j) {
    uint4 b = device::LoadUint4(from + (2 * kMatrices + j) * 8 * kRowBytes), b_rest;
    if constexpr (kSplit) {
      Split(b, b_rest);
#pragma unroll
      for (int i = 0; i < kMatrices; ++i) {
        MultiplyWords(One{}, a_rest[i][0], a_rest[i][1], b, sums[i][j]);
        MultiplyWords(One{}, a[i][0], a[i][1], b_rest, sums[i][j]);
      }
    }
#pragma unroll
    for (int i = 0; i < kMatrices; ++i) MultiplyWords(One{}, a[i][0], a[i][1], b, sums[i][j]);
  }
}

// A warp's share of a tile, in two steps: weights can be copied before the depthwise half is made.
template <class Kind, int kMatrices, int kTiles>
class WarpProduct {
 public:
  static constexpr int kPixels = 16 * kMatrices, kColumns = 8 * kTiles;
  static constexpr int kStages = StagesOf(kPixels, kColumns);
  static constexpr int kStageBytes = (kPixels + kColumns) * kRowBytes;

  // `stages` are this warp's.
  __device__ __forceinline__ WarpProduct(const Plan& plan, const char* workspace, char* stages, int warp,
                                         int lane, std::int32_t pixel_tile, std::int32_t column_tile)
      : row_bytes_(static_cast<std::int64_t>(plan.chunks) * kRowBytes),
        stages_(stages + lane * 16),
        chunks_((plan.chunks - warp + kWarps - 1) / kWarps) {
    static_assert(kRowBytes == 4 * 16);
    const char* const first = workspace + warp * kRowBytes + lane % 4 * 16;
    middle_ = first + plan.middle_from + (pixel_tile * kPixels + lane / 4) * row_bytes_;
    weights_ = first + plan.weights_from + (column_tile * kColumns + lane / 4) * row_bytes_;
  }

  // Of the first stages; no group is closed.
  __device__ __forceinline__ void CopyWeights() const {
#pragma unroll
    for (int i = 0; i < kStages; ++i) {
      if (i < chunks_) CopyWeights(i);
    }
  }

  // The rest, with the weights of the first stages on their way.
  __device__ __forceinline__ void Multiply(float (&sums)[kMatrices][kTiles][4]) const {
#pragma unroll
    for (int i = 0; i < kStages; ++i) {
      if (i < chunks_) CopyMiddle(i);
      device::CommitCopies();
    }
    for (std::int32_t i = 0; i < chunks_; ++i) {
      device::WaitCopies<kStages - 1>();
      __syncwarp();
      MultiplyStage<Kind>(Stage(i), sums);
      __syncwarp();
      if (i + kStages < chunks_) CopyWeights(i + kStages), CopyMiddle(i + kStages);
      device::CommitCopies();
    }
    device::WaitCopies<0>();
    __syncwarp();
  }

 private:
  __device__ __forceinline__ char* Stage(std::int32_t i) const { return stages_ + i % kStages * kStageBytes; }
  static __device__ __forceinline__ std::int64_t ChunkAt(std::int32_t i) {
    return static_cast<std::int64_t>(i) * (kWarps * kRowBytes);
  }
  __device__ __forceinline__ void CopyWeights(std::int32_t i) const {
    CopyRows<kColumns>(weights_ + ChunkAt(i), row_bytes_, Stage(i) + kPixels * kRowBytes);
  }
  __device__ __forceinline__ void CopyMiddle(std::int32_t i) const {
    CopyRows<kPixels>(middle_ + ChunkAt(i), row_bytes_, Stage(i));
  }

  std::int64_t row_bytes_;
  // At this lane's 16 bytes.
  const char *middle_, *weights_;
  char* stages_;
  std::int32_t chunks_;
};

}  // namespace assay::dsconv::few
