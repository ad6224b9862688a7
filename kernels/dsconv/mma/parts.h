// Where there are too few outputs for all multiprocessors: the blocks of a cluster share the input channels
// of one tile. Each leaves its sums in its shared memory; then each adds up some of them, in the order of the
// blocks, and stores these outputs.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/cluster.h"
#include "kernels/dsconv/mma/epilogue.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/mma/special.h"
#include "kernels/dsconv/shape.h"

#ifndef ASSAY_SIMT

namespace assay::dsconv::mma {

// One unit of adding up: a lane's channels of `kMatrices` matrices, of one of its pixels.
template <int kTiles>
struct PartUnit {
  static constexpr int kMatrices = kTiles % 4 == 0 ? 4 : 2, kGroups = kTiles / kMatrices;
  static_assert(kTiles % kMatrices == 0);
  std::int32_t group, row, warp;  // of matrices; of the warp's pixels; whose sums

  __device__ __forceinline__ static PartUnit Of(std::int32_t unit, std::int32_t rows) {
    return {unit % kGroups, unit / kGroups % rows, unit / kGroups / rows};
  }
};

// Sums lie as [matrix][4][thread], so that neighbouring lanes are neighbours.
__device__ __forceinline__ const float* PlaceOfSum(const float* sums, std::int32_t index,
                                                   std::int32_t thread) {
  return sums + index * static_cast<std::int32_t>(blockDim.x) + thread;
}

// Adds up and stores one unit; all lanes of a warp together.
template <class T, int kRows, int kTiles>
__device__ __forceinline__ void StoreUnit(const Shape& shape, const Plan& plan, const Tensors<T>& tensors,
                                          const Clamping& out, const PartUnit<kTiles>& unit, const WarpAt& at,
                                          int lane, const float* own) {
  constexpr int kMatrices = PartUnit<kTiles>::kMatrices;
  float sums[kMatrices / 2][4] = {};  // of matrices 2i, 2i + 1: two neighbouring channels each
  const std::int32_t first = (unit.row / 2 * kTiles + unit.group * kMatrices) * 4 + unit.row % 2 * 2;
  const float* here = PlaceOfSum(own, first, unit.warp * 32 + lane);
  for (std::int32_t part = 0; part < plan.parts; ++part) {
    const std::uint32_t there = device::SharedAddressIn(here, static_cast<std::uint32_t>(part));
#pragma unroll
    for (int i = 0; i < 2 * kMatrices; ++i) {
      const auto offset = static_cast<std::uint32_t>((i / 2 * 4 + i % 2) * 4) * blockDim.x;
      sums[i / 4][i % 4] += device::LoadFloatIn(there + offset);
    }
  }
  const std::int32_t p = at.p + unit.row, q = at.q + lane / 4, t = lane % 4;
  const bool inside = at.n < shape.n && p < shape.p && q < shape.q;
  const bool nan = inside && sums[0][0] != sums[0][0];
  if (!out.clamps) {
#pragma unroll
    for (int i = 0; i < kMatrices / 2; ++i) ActivateUnlessClamp(out, sums[i]);
  }
  const std::int32_t k0 = at.k0 + unit.group * kMatrices * 8, k = k0 + t * 2 * kMatrices;
  if (inside) {
    T* pixel = tensors.y + at.n * shape.y.n + p * shape.y.h + q * shape.y.w;
    std::uint32_t pairs[kMatrices];
#pragma unroll
    for (int i = 0; i < kMatrices; ++i)
      pairs[i] = PackClamped<T>(out, sums[i / 2][i % 2 * 2], sums[i / 2][i % 2 * 2 + 1]);
    if (!shape.channels_last || shape.k % 8 != 0) {
      StoreScattered(shape, pixel, k, pairs);
    } else if constexpr (kMatrices == 4) {
      if (k < shape.k) device::StoreUint4(pixel + k, make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]));
    } else {
      if (k < shape.k) device::StoreUint2(pixel + k, make_uint2(pairs[0], pairs[1]));
    }
  }
  const std::uint32_t again = __ballot_sync(0xffffffffu, nan);
  if (again == 0) return;
  __syncwarp();  // what other lanes stored of these pixels comes first
  for (int column = 0; column < kColumns; ++column) {
    if ((again >> (4 * column) & 15u) == 0) continue;
    RecomputePixel<T, kMatrices * 8>(shape, tensors, at.n, p, at.q + column, k0, lane);
  }
}

// In place of StoreOutputs(), by all threads of a cluster, of which all copies and reads of `exchange` are
// done: blockDim.x * kRows * kTiles * 4 floats of shared memory. TileOf(warp) says where a warp's pixels lie.
template <class T, int kRows, int kTiles, class TileOf>
__device__ __forceinline__ void AddPartsAndStore(const Shape& shape, const Plan& plan,
                                                 const Tensors<T>& tensors, float* exchange, int warp,
                                                 int lane, const float (&sums)[kRows][kTiles][4],
                                                 TileOf&& tile_of) {
#pragma unroll
  for (int i = 0; i < kRows * kTiles * 4; ++i) {
    exchange[i * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)] =
        sums[i / (kTiles * 4)][i / 4 % kTiles][i % 4];
  }
  device::SyncCluster();
  const Clamping out = ClampingOf<T>(shape.act_out);
  constexpr std::int32_t kUnitsOfWarp = 2 * kRows * PartUnit<kTiles>::kGroups;
  for (std::int32_t i = static_cast<std::int32_t>(blockIdx.z) * plan.warps + warp;
       i < plan.warps * kUnitsOfWarp; i += plan.parts * plan.warps) {
    const auto unit = PartUnit<kTiles>::Of(i, 2 * kRows);
    StoreUnit<T, kRows, kTiles>(shape, plan, tensors, out, unit, tile_of(unit.warp), lane, exchange);
  }
  device::SyncCluster();  // the others have read what is here
}

}  // namespace assay::dsconv::mma

#endif
