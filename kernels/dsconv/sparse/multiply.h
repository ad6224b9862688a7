// The pointwise half, by one warpgroup: all pixels of a tile and all output channels, wgmma with both
// operands from shared memory, on sums that begin as b_pw, then activation and stores straight from
// registers.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/global_flag.h"
#include "kernels/dsconv/mma/special.h"
#include "kernels/dsconv/sparse/block.h"
#include "kernels/dsconv/wide/sums.h"

namespace assay::dsconv::sparse {

template <class T, int kTiles>
__device__ __forceinline__ void MultiplyStep(float (&sums)[kTiles][4], std::uint64_t left,
                                             std::uint64_t right) {
  if constexpr (kTiles > 20) {
    constexpr int kHalf = kTiles / 2;
    auto& lower = reinterpret_cast<float(&)[kHalf][4]>(sums[0]);
    auto& upper = reinterpret_cast<float(&)[kHalf][4]>(sums[kHalf]);
    device::MultiplyShared(lower, left, right, device::ElementTag<T>{});
    device::MultiplyShared(upper, left, right + kHalf * 8 * kPixelBytes / 16, device::ElementTag<T>{});
  } else {
    device::MultiplyShared(sums, left, right, device::ElementTag<T>{});
  }
}

// Computes those of a warp's 16 pixels again whose bits are set in `nan`: a bit of each lane for its pixel in
// the upper and in the lower row.
template <class T, int kChannels>
__device__ __attribute__((noinline)) void RecomputePixels(const Shape& shape, const mma::Tensors<T>& tensors,
                                                          std::int32_t n, std::int32_t p, std::int32_t q,
                                                          std::uint32_t nan, std::int32_t k0, int lane) {
  __syncwarp();
  for (int row = 0; row < 2; ++row) {
    const std::uint32_t again = __ballot_sync(0xffffffffu, nan >> row & 1u);
    for (int column = 0; column < 8; ++column) {
      if ((again >> (4 * column) & 15u) == 0) continue;
      mma::RecomputePixel<T, kChannels>(shape, tensors, n, p + row, q + column, k0, lane);
    }
  }
}

// Sixteen pixels, number `number` of the tile's; nothing unless `stores`.
template <class T, int kTiles, int kPitch, int kPairs>
__device__ __forceinline__ void StoreSixteen(const Block& block, const mma::Tensors<T>& tensors,
                                             const TileAt& tile, std::int32_t number, bool stores, int lane,
                                             const float (&sums)[kTiles][4]) {
  const Shape& shape = block.shape;
  const Plan& plan = block.plan;
  const std::int32_t strip = number / kPairs, pair = number - strip * kPairs;
  const std::int32_t p = tile.p0 + 2 * pair, q = strip * 8 + lane / 4, k = lane % 4 * 8;
  T* to = tensors.y + tile.n * shape.y.n + static_cast<std::int64_t>(p) * shape.y.h +
          static_cast<std::int64_t>(q) * shape.y.w + k;
  std::uint32_t nan = 0;
#pragma unroll
  for (int lower = 0; lower < 2; ++lower) {
    const bool there = stores && q < shape.q && p + lower < shape.p && strip < kPitch / 8;
    if (there && sums[0][2 * lower] != sums[0][2 * lower]) nan |= 1u << lower;
#pragma unroll
    for (int i = 0; i < kTiles; i += 4) {
      std::uint32_t pairs[4];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        pairs[j] = wide::PackClamped<T>(plan.output, sums[i + j][2 * lower], sums[i + j][2 * lower + 1]);
      }
      device::StoreFourIf(there && i * 8 + k < shape.k, to + lower * shape.y.h + i * 8,
                          make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]));
    }
  }
  if (__any_sync(0xffffffffu, nan != 0)) {
    RecomputePixels<T, kTiles * 8>(shape, tensors, tile.n, p, strip * 8, nan, 0, lane);
  }
}

template <class T, int kTiles, int kPitch, int kPairs>
__device__ __forceinline__ void MultiplyOperands(const Block& block, const mma::Tensors<T>& tensors, int warp,
                                                 int lane) {
  constexpr int kBlocks = BlocksOf(kPitch, kPairs);
  const Plan& plan = block.plan;
  const auto* biases = reinterpret_cast<const float*>(block.workspace);
  const std::uint64_t left = device::SwizzledDescriptor(block.a_ring),
                      right = device::SwizzledDescriptor(block.w_ring);
  RingAt a, w;
  const std::uint32_t w_free = device::SharedAddressIn(
      block.w_free, static_cast<std::uint32_t>(lane < plan.tile.cluster ? lane : block.rank));
  const auto give_back = [&] {
    if (lane < plan.tile.cluster && !plan.resident) {
      device::ArriveBarrierIn(w_free + static_cast<std::uint32_t>(w.slot) * 8);
    }
    if (lane == 0) device::ArriveBarrier(block.a_free + a.slot);
  };
  // The first time nothing is multiplied or stored: it fetches the code for storing while the first input is
  // on its way.
  for (std::int32_t round = -1; round < plan.rounds; ++round) {
    float sums[kBlocks][kTiles][4];
    wide::StartSums<kTiles>(biases, lane, sums[0]);
#pragma unroll
    for (int m = 1; m < kBlocks; ++m) {
#pragma unroll
      for (int i = 0; i < kTiles * 4; ++i) sums[m][i / 4][i % 4] = sums[0][i / 4][i % 4];
    }
    if (round >= 0) {
      for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
        device::WaitBarrier(block.w_filled + w.slot, w.parity);
        device::WaitBarrier(block.a_filled + a.slot, a.parity);
        const std::uint64_t l = left + static_cast<std::uint32_t>(a.slot * (plan.operand_bytes / 16)),
                            r = right + static_cast<std::uint32_t>(w.slot * (plan.weight_bytes / 16));
        device::FenceProducts();
#pragma unroll
        for (int m = 0; m < kBlocks; ++m) {
#pragma unroll
          for (int i = 0; i < kSteps; ++i) {
            MultiplyStep<T, kTiles>(sums[m],
                                    l + static_cast<std::uint64_t>(m * (64 * kPixelBytes / 16) + 2 * i),
                                    r + static_cast<std::uint64_t>(2 * i));
          }
        }
        device::CommitProducts();
        // At once, not when the next ones have begun: those who make operands wait for slots, and use the
        // tensor cores meanwhile.
        device::WaitProducts<0>();
        give_back();
        a.Next(plan.tile.operands);
        if (plan.resident) {
          if (++w.slot == plan.chunks) w.slot = 0;
        } else {
          w.Next(plan.tile.weights);
        }
      }
    }
#pragma unroll
    for (int m = 0; m < kBlocks; ++m) device::HoldSums(sums[m]);
    const std::int32_t tile = round < 0 ? 0 : block.TileOf(round);
    const bool stores = round >= 0 && tile < plan.tiles;
    const TileAt at = block.PlaceOf(tile);
#pragma unroll
    for (int m = 0; m < kBlocks; ++m) {
      StoreSixteen<T, kTiles, kPitch, kPairs>(block, tensors, at, m * 4 + warp, stores, lane, sums[m]);
    }
  }
}

}  // namespace assay::dsconv::sparse

#endif
