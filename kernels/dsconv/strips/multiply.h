// The pointwise half, by two warpgroups that take tiles in turn, or half of each: wgmma with both operands
// from shared memory, on sums that begin as b_pw, then activation and stores. Between products a thread asks
// for more of x. Those who make operands work for the next tiles meanwhile.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/barrier.h"
#include "kernels/dsconv/strips/outputs.h"

namespace assay::dsconv::strips {

// b_pw lies as lanes take it: of every 16 columns four, in one load.
__host__ __device__ constexpr std::int32_t PlaceOfBias(std::int32_t k) {
  return k / 16 * 16 + k % 8 / 2 * 4 + k % 16 / 8 * 2 + k % 2;
}
template <int kTiles>
__device__ __forceinline__ void StartSums(const Block& block, int lane, float (&sums)[kTiles][4]) {
  const std::uint32_t biases =
      device::SharedAddress(block.biases) + static_cast<std::uint32_t>(lane % 4 * 16);
#pragma unroll
  for (int i = 0; i < kTiles; i += 2) {
    const uint4 four = device::LoadFour(biases + static_cast<std::uint32_t>(i * 32));
    sums[i][0] = sums[i][2] = __uint_as_float(four.x), sums[i][1] = sums[i][3] = __uint_as_float(four.y);
    sums[i + 1][0] = sums[i + 1][2] = __uint_as_float(four.z);
    sums[i + 1][1] = sums[i + 1][3] = __uint_as_float(four.w);
  }
  // Numbers from here on: as the words that were loaded they would be moved from product to product.
  device::HoldSums(sums);
}

template <class T, int kTiles, int kBlocks, int kBoxes>
__device__ __forceinline__ void StoreTile(const Block& block, const CUtensorMap* map,
                                          const mma::Tensors<T>& tensors, const PairAt (&at)[kBlocks],
                                          std::int32_t k0, int warp, int lane,
                                          const float (&sums)[kBlocks][kTiles][4]) {
  std::uint32_t nan[kBlocks], any = 0;
#pragma unroll
  for (int m = 0; m < kBlocks; ++m) any |= nan[m] = NansOf(block.shape, at[m], lane, sums[m]);
  const BoxStore<T, kTiles, kBlocks, kBoxes> store(block, map, warp, lane);
  store.Store(at, k0, lane, sums);
  if (!__any_sync(0xffffffffu, any != 0)) return;
  if (lane == 0) device::WaitBoxesWritten();
#pragma unroll
  for (int m = 0; m < kBlocks; ++m) {
    sparse::RecomputePixels<T, kTiles * 8>(block.shape, tensors, at[m].n, at[m].p, at[m].q, nan[m], k0, lane);
  }
}

template <class T, int kStride, int kTiles, int kPairs, bool kShared, int kBoxes>
__device__ __forceinline__ void MultiplyOperands(const Block& block, const CUtensorMap* whole,
                                                 const CUtensorMap* half, const CUtensorMap* out,
                                                 const mma::Tensors<T>& tensors, int warp, int lane) {
  constexpr int kBlocks = BlocksOf(kPairs) / (kShared ? kTeams : 1);
  constexpr int kTurn = 1;  // and 2: barriers
  constexpr int kRounds = kShared ? 1 : kTeams;
  const Plan& plan = block.plan;
  const int team = warp / kTeamWarps;
  const std::uint64_t left = device::SwizzledDescriptor(block.a_ring),
                      right = device::SwizzledDescriptor(block.weights);
  RingAt a;
  HalfAt upper = HalfAt::First(plan);
  InputLoader<kStride> loader(block, whole, half);
  loader.Skip(plan.tile.inputs);
  const auto skip_tile = [&] {
    a.Skip(plan.a_slots, plan.tile.operands), a.parity ^= static_cast<std::uint32_t>(plan.a_turns) & 1;
    upper.NextTile(plan);
    loader.Skip(plan.chunks), loader.SkipSlots(plan.x_slots);
  };
  if (!kShared && team == 1) skip_tile();
  const int first_block = kShared ? team * kBlocks : 0;
  for (std::int32_t round = kShared ? 0 : team; round < plan.rounds; round += kRounds) {
    float sums[kBlocks][kTiles][4];
#pragma unroll
    for (int m = 0; m < kBlocks; ++m) StartSums(block, lane, sums[m]);
    // In turn: whoever came to a slot before what was there last would take that for its own.
    if (!kShared && round > 0) device::SyncThreadsOf(kTurn + team, 32 * kMultiplyWarps);
    std::int32_t chunk = 0;
    do {
      if (round < kTeams) device::WaitBarrier(block.w_filled + chunk, 0);
      device::WaitBarrier(block.a_filled + a.slot, a.parity);
      const std::uint64_t l = left + static_cast<std::uint32_t>(a.slot * (plan.operand_bytes / 16) +
                                                                first_block * (64 * kPixelBytes / 16)),
                          r = right + static_cast<std::uint32_t>(chunk * (plan.weight_bytes / 16));
      device::FenceProducts();
#pragma unroll
      for (int m = 0; m < kBlocks; ++m) {
#pragma unroll
        for (int i = 0; i < kSteps; ++i) {
          device::MultiplyShared(sums[m], l + static_cast<std::uint64_t>(m * (64 * kPixelBytes / 16) + 2 * i),
                                 r + static_cast<std::uint64_t>(2 * i), device::ElementTag<T>{});
        }
      }
      device::CommitProducts();
      if (!kShared && chunk + 1 == plan.chunks && round + 1 < plan.rounds) {
        device::ArriveThreadsOf(kTurn + 1 - team, 32 * kMultiplyWarps);
      }
      // Its operands are made, so x lies there for nothing.
      const bool more = (plan.rounds - round) * plan.chunks - chunk > plan.tile.inputs;
      if (warp == (kShared ? 0 : team * kTeamWarps) && lane == 0 && more) loader.Load();
      loader.Skip(1), loader.SkipSlots(1);
      device::WaitProducts<0>();
      if (lane == 0) device::ArriveBarrier(block.a_free + a.slot);
      a.Next(plan.tile.operands);
    } while (++chunk < plan.chunks);
    PairAt at[kBlocks];
#pragma unroll
    for (int m = 0; m < kBlocks; ++m) {
      device::HoldSums(sums[m]);
      std::int32_t row = 2 * ((first_block + m) * 4 + warp % kTeamWarps);
      const bool lower = row >= kPairs;
      const HalfAt at_half = lower ? upper.Next(plan) : upper;
      if (lower) row -= kPairs;
      at[m] = {at_half.n, at_half.P(plan) + row, at_half.Q()};
    }
    StoreTile<T, kTiles, kBlocks, kBoxes>(
        block, out, tensors, at, static_cast<std::int32_t>(blockIdx.y) * kTiles * 8, warp, lane, sums);
    upper.NextTile(plan);
    if (!kShared) skip_tile();
  }
  if (lane == 0) device::WaitBoxesRead<0>();  // before the block's memory is another's
}

}  // namespace assay::dsconv::strips

#endif
