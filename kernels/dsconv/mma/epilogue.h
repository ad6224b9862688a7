// From a warp's accumulators to the output tensor.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/activation.h"
#include "kernels/device/ptx/opaque.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/ptx/shared_load.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/mma/depthwise.h"
#include "kernels/dsconv/mma/load.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/mma/special.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

// One by one: any number of channels, any layout. `pixel` is the lane's first channel of `channels` that
// there are, `from` the first of these to store. Out of the way, like ActivateFour.
template <class T, int kPairs>
__device__ __attribute__((noinline)) void StoreScattered(const Shape& shape, T* pixel, std::int32_t from,
                                                         std::int32_t channels, uint4 four) {
  const std::uint32_t pairs[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
  for (int i = 0; i < 2 * kPairs; ++i) {
    const auto bits = static_cast<std::uint16_t>(pairs[i / 2] >> (i % 2 * 16));
    if (from + i < channels) pixel[(from + i) * shape.y.c] = device::FromBits<T>(bits);
  }
}

// Where a warp's pixels lie. A lane holds column lane / 4 of each row; sums j are those of rows j and
// j + kRows.
struct WarpAt {
  std::int32_t n, p, q;  // its first pixel
  std::int32_t k0;
};

// Which part of the input channels a warp's sums are of, with what it takes to add them up.
struct PartOfSums {
  std::int32_t number, of;
  std::int32_t barrier;          // of the warps that share the pixels
  device::SharedPlace exchange;  // twice (of - 1) times GroupBytes()

  // The part that adds up, and stores, pair `row` of rows.
  __device__ __forceinline__ bool Owns(int row) const { return row % of == number; }
};

// Sums of a pair of rows and kMatrices matrices, of all parts together, in the one that owns the row. Two
// places take turns, so that one barrier is enough: who is past the next one has read what he wanted here.
template <int kMatrices>
__device__ __forceinline__ void AddParts(const PartOfSums& part, int row, int turn, int lane,
                                         float (*sums)[4]) {
  const device::SharedPlace place =
      part.exchange + (turn * (part.of - 1) * GroupBytes(kMatrices) + lane * 16);
  const std::int32_t owner = row % part.of;
  if (part.number != owner) {
    const std::int32_t slot = part.number < owner ? part.number : part.number - 1;
#pragma unroll
    for (int i = 0; i < kMatrices; ++i) {
      device::StoreFour(place + (slot * GroupBytes(kMatrices) + i * 512),
                        make_uint4(__float_as_uint(sums[i][0]), __float_as_uint(sums[i][1]),
                                   __float_as_uint(sums[i][2]), __float_as_uint(sums[i][3])));
    }
  }
  __syncwarp();  // lanes may come from different stores
  device::SyncThreads(part.barrier, 32 * part.of);
  if (part.number == owner) {
#pragma unroll 1
    for (std::int32_t slot = 0; slot < part.of - 1; ++slot) {
#pragma unroll
      for (int i = 0; i < kMatrices; ++i) {
        const uint4 four = device::LoadFour(place + (slot * GroupBytes(kMatrices) + i * 512));
        sums[i][0] += __uint_as_float(four.x), sums[i][1] += __uint_as_float(four.y);
        sums[i][2] += __uint_as_float(four.z), sums[i][3] += __uint_as_float(four.w);
      }
    }
  }
}

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

// Two pairs of channels of each of kMatrices matrices, of one of the two pixels that a lane holds for a pair
// of rows: four matrices give a lane 8 channels, two give it 4.
template <class T, int kMatrices>
__device__ __forceinline__ uint4 PackPixel(const Clamping& out, int lower, const float (*sums)[4]) {
  std::uint32_t pairs[4] = {};
#pragma unroll
  for (int i = 0; i < kMatrices; ++i) {
    pairs[i] = PackClamped<T>(out, sums[i][2 * lower], sums[i][2 * lower + 1]);
  }
  return make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
}

// What the lanes of a warp store: where a lane's first pixel and channel are, and how much of its pixels and
// channels there is.
template <class T>
struct StoreAt {
  T* first;
  std::int32_t next_row;
  std::int32_t rows;      // of the image, from the first pixel down; 0 or less where the column is outside
  std::int32_t channels;  // from the lane's first on
};

template <class T, int kRows, int kTiles>
__device__ __forceinline__ StoreAt<T> PlaceOfOutputs(const Shape& shape, const WarpAt& at, bool any, T* y,
                                                     int lane) {
  const std::int32_t k = at.k0 + ChannelOf<kTiles>(0, lane % 4 * 2);
  // Of no use, but no overflow either, where there are none.
  T* first = y + at.n * shape.y.n + static_cast<std::int64_t>(at.p) * shape.y.h +
             static_cast<std::int64_t>(at.q + lane / 4) * shape.y.w + k * shape.y.c;
  const std::int32_t rows = any && at.q + lane / 4 < shape.q ? shape.p - at.p : 0;
  return {first, static_cast<std::int32_t>(shape.y.h), rows, shape.k - k};
}

// Clamps and stores all channels of row `row` of a warp's pixels, whose sums are sums[j] and `lower`. K is a
// multiple of what a lane stores at once.
template <class T, int kTiles>
__device__ __forceinline__ void StoreRow(const StoreAt<T>& to, const Clamping& out, int row, int lower,
                                         int first, int count, const float (&sums)[kTiles][4]) {
  constexpr int kMatrices = GroupOf(kTiles);
  T* pixel = to.first + static_cast<std::int64_t>(row) * to.next_row;
#pragma unroll
  for (int group = first; group < first + count; ++group) {
    const uint4 pairs = PackPixel<T, kMatrices>(out, lower, &sums[group * kMatrices]);
    if (row >= to.rows || group * kMatrices * 8 >= to.channels) continue;
    if constexpr (kMatrices == 4) {
      device::StoreUint4(pixel + group * 32, pairs);
    } else {
      device::StoreUint2(pixel + group * kMatrices * 8, make_uint2(pairs.x, pairs.y));
    }
  }
}

// Where outputs are clamped and K allows for vectors: without a branch, but for parts. Bit p of the result is
// 1 where the lane's pixel in row p is NaN.
template <class T, int kRows, int kTiles, bool kParts>
__device__ __forceinline__ std::uint32_t StoreClamped(const StoreAt<T>& to, const PartOfSums& part,
                                                      const Clamping& out, int lane,
                                                      float (&sums)[kRows][kTiles][4]) {
  constexpr int kMatrices = GroupOf(kTiles), kGroups = kTiles / kMatrices;
  std::uint32_t nan = 0;
#pragma unroll
  for (int j = 0; j < kRows; ++j) {
    if constexpr (kParts) {
#pragma unroll
      for (int group = 0; group < kGroups; ++group) {
        AddParts<kMatrices>(part, j, (j * kGroups + group) % 2, lane, &sums[j][group * kMatrices]);
      }
      if (!part.Owns(j)) continue;
    }
#pragma unroll
    for (int lower = 0; lower < 2; ++lower) {
      if (sums[j][0][2 * lower] != sums[j][0][2 * lower]) nan |= 1u << (j + lower * kRows);
      StoreRow<T, kTiles>(to, out, j + lower * kRows, lower, 0, kGroups, sums[j]);
    }
  }
  return nan;
}

// The same for any activation and any K, group by group of matrices.
template <class T, int kRows, int kTiles, int kTile = 0>
__device__ __forceinline__ void StoreAny(const Shape& shape, const StoreAt<T>& to, const PartOfSums& part,
                                         const Clamping& out, bool vectors, int lane,
                                         float (&sums)[kRows][kTiles][4], std::uint32_t& nan) {
  if constexpr (kTile < kTiles) {
    constexpr int kMatrices = GroupOf(kTiles), kGroup = kTile / kMatrices;
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      float(*group)[4] = &sums[j][kTile];
      if (part.of > 1) AddParts<kMatrices>(part, j, (kGroup * kRows + j) % 2, lane, group);
      if (!part.Owns(j)) continue;
      const bool is_nan[2] = {group[0][0] != group[0][0], group[0][2] != group[0][2]};
      if (!out.clamps) {
#pragma unroll
        for (int i = 0; i < kMatrices; ++i) ActivateUnlessClamp(out, group[i]);
      }
#pragma unroll
      for (int lower = 0; lower < 2; ++lower) {
        const int row = j + lower * kRows;
        if (row >= to.rows) continue;
        if (kTile == 0 && is_nan[lower]) nan |= 1u << row;
        if (vectors) {
          StoreRow<T, kTiles>(to, out, row, lower, kGroup, 1, sums[j]);
        } else {
          StoreScattered<T, kMatrices>(shape, to.first + static_cast<std::int64_t>(row) * to.next_row,
                                       kTile * 8, to.channels, PackPixel<T, kMatrices>(out, lower, group));
        }
      }
    }
    StoreAny<T, kRows, kTiles, kTile + kMatrices>(shape, to, part, out, vectors, lane, sums, nan);
  }
}

// All pixels of a warp, of which there are some if `any`. Of several parts each stores the rows that it owns.
template <class T, int kRows, int kTiles>
__device__ __forceinline__ void StoreOutputs(const Shape& shape, const WarpAt& at, bool any,
                                             const PartOfSums& part, const Tensors<T>& tensors, int lane,
                                             float (&sums)[kRows][kTiles][4]) {
  static_assert(kRows * (kTiles / GroupOf(kTiles)) % 2 == 0,
                "AddParts takes turns, from one tile to the next as well");
  static_assert(kTiles % GroupOf(kTiles) == 0, "lanes store as many channels of every group");
  const Clamping out = ClampingOf<T>(
      static_cast<device::Activation>(device::Opaque(static_cast<std::int32_t>(shape.act_out))));
  lane = device::Opaque(lane);
  const StoreAt<T> to = PlaceOfOutputs<T, kRows, kTiles>(shape, at, any, tensors.y, lane);
  const bool vectors = shape.channels_last && shape.k % 8 == 0;
  std::uint32_t nan = 0;
  if (!vectors || !out.clamps) {
    StoreAny<T, kRows, kTiles>(shape, to, part, out, vectors, lane, sums, nan);
  } else if (part.of > 1) {
    nan = StoreClamped<T, kRows, kTiles, true>(to, part, out, lane, sums);
  } else {
    nan = StoreClamped<T, kRows, kTiles, false>(to, part, out, lane, sums);
  }
  if (__any_sync(0xffffffffu, nan != 0)) {
    if (to.rows < 32) nan &= (1u << max(to.rows, 0)) - 1;
    RecomputePixels<T, kRows, kTiles * 8>(shape, tensors, at, nan, lane);
  }
}

}  // namespace assay::dsconv::mma
