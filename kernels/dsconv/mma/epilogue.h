// From a warp's accumulators to the output tensor.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/activation.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/mma/depthwise.h"
#include "kernels/dsconv/mma/load.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/mma/special.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

// One by one: any number of channels, any layout. `k` is the first.
template <class T, int kPairs>
__device__ __forceinline__ void StoreScattered(const Shape& shape, T* pixel, std::int32_t k,
                                               const std::uint32_t (&pairs)[kPairs]) {
#pragma unroll
  for (int i = 0; i < 2 * kPairs; ++i) {
    const auto bits = static_cast<std::uint16_t>(pairs[i / 2] >> (i % 2 * 16));
    if (k + i < shape.k) pixel[(k + i) * shape.y.c] = device::FromBits<T>(bits);
  }
}

// The output channels of one of the two pixels that a lane holds for a pair of rows.
template <class T, int kTiles, bool kVectors, int kTile = 0>
__device__ __forceinline__ void StorePixel(const Shape& shape, const Clamping& out, T* pixel, std::int32_t k0,
                                           int t, int lower, const float (&sums)[kTiles][4]) {
  if constexpr (kTile < kTiles) {
    constexpr int kMatrices = kTile + 4 <= kTiles ? 4 : 2;
    const std::int32_t k = k0 + ChannelOf<kTiles>(kTile, 2 * t);
    std::uint32_t pairs[kMatrices];
#pragma unroll
    for (int i = 0; i < kMatrices; ++i) {
      pairs[i] = PackClamped<T>(out, sums[kTile + i][2 * lower], sums[kTile + i][2 * lower + 1]);
    }
    if constexpr (!kVectors) {
      StoreScattered(shape, pixel, k, pairs);
    } else if constexpr (kMatrices == 4) {
      if (k < shape.k) device::StoreUint4(pixel + k, make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]));
    } else {
      if (k < shape.k) device::StoreUint2(pixel + k, make_uint2(pairs[0], pairs[1]));
    }
    StorePixel<T, kTiles, kVectors, kTile + kMatrices>(shape, out, pixel, k0, t, lower, sums);
  }
}

// Where a warp's pixels lie. A lane holds column lane / 4 of each row.
struct WarpAt {
  std::int32_t n, p, q;  // its first pixel
  std::int32_t k0;
};

// Computes those of the warp's pixels again that some lane found to be NaN: bit p of `nan` stands for the
// lane's pixel in row p.
template <class T, int kRows, int kChannels>
__device__ __attribute__((noinline)) void RecomputePixels(const Shape& shape, const Tensors<T>& tensors,
                                                          WarpAt at, std::uint32_t nan, int lane) {
  __syncwarp();  // what other lanes stored of these pixels comes first
  for (int row = 0; row < 2 * kRows; ++row) {
    const std::uint32_t again = __ballot_sync(0xffffffffu, nan >> row & 1u);
    for (int column = 0; column < kColumns; ++column) {
      if ((again >> (4 * column) & 15u) == 0) continue;
      RecomputePixel<T, kChannels>(shape, tensors, at.n, at.p + row, at.q + column, at.k0, lane);
    }
  }
}

// All pixels of a warp; returns those that are NaN.
template <class T, int kRows, int kTiles, bool kVectors>
__device__ __forceinline__ std::uint32_t StorePixels(const Shape& shape, const WarpAt& at,
                                                     const Tensors<T>& tensors, const Clamping& out, int lane,
                                                     const float (&sums)[kRows][kTiles][4]) {
  const std::int32_t q = at.q + lane / 4;
  std::uint32_t nan = 0;
#pragma unroll
  for (int row = 0; row < 2 * kRows; ++row) {
    const float(&of_pair)[kTiles][4] = sums[row / 2];
    if (at.p + row >= shape.p || q >= shape.q) continue;
    if (of_pair[0][row % 2 * 2] != of_pair[0][row % 2 * 2]) nan |= 1u << row;
    T* pixel = tensors.y + at.n * shape.y.n + (at.p + row) * shape.y.h + q * shape.y.w;
    StorePixel<T, kTiles, kVectors>(shape, out, pixel, at.k0, lane % 4, row % 2, of_pair);
  }
  return nan;
}

// Without `kAgain` only clamps are taken, and pixels that are NaN are not computed again (special.h).
template <class T, int kRows, int kTiles, bool kAgain = true>
__device__ __forceinline__ void StoreOutputs(const Shape& shape, const WarpAt& at, const Tensors<T>& tensors,
                                             int lane, float (&sums)[kRows][kTiles][4]) {
  if (at.n >= shape.n) return;  // the last of several images
  const Clamping out = ClampingOf<T>(shape.act_out);
  if (kAgain && !out.clamps) {
#pragma unroll
    for (int i = 0; i < kRows * kTiles; ++i) ActivateUnlessClamp(out, sums[i / kTiles][i % kTiles]);
  }
  // Four matrices give a lane 8 channels, two give it 4.
  const bool vectors = shape.channels_last && shape.k % 8 == 0;
  const std::uint32_t nan = vectors
                                ? StorePixels<T, kRows, kTiles, true>(shape, at, tensors, out, lane, sums)
                                : StorePixels<T, kRows, kTiles, false>(shape, at, tensors, out, lane, sums);
  if (kAgain && __any_sync(0xffffffffu, nan != 0))
    RecomputePixels<T, kRows, kTiles * 8>(shape, tensors, at, nan, lane);
}

}  // namespace assay::dsconv::mma
