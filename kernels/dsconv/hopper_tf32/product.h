// The pointwise half, by two warpgroups. In NHWC each has 64 of a tile's pixels and all columns of the
// block's weights, in NCHW all pixels and half of the columns: there a lane gets four pixels in a row.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/cluster.h"
#include "kernels/device/ptx/cluster_copy.h"
#include "kernels/device/ptx/wgmma_shared.h"
#include "kernels/dsconv/hopper_tf32/epilogue.h"
#include "kernels/dsconv/hopper_tf32/load.h"
#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// 256 columns as twice 128: the compiler wants an instruction's sums to fit into an equal share of the
// registers.
template <int kMatrices>
__device__ __forceinline__ void MultiplyColumns(float (&sums)[kMatrices][4], std::uint64_t a, std::uint64_t b,
                                                bool adds) {
  if constexpr (kMatrices <= 20) {
    device::MultiplyTf32(sums, a, b, adds);
  } else {
    static_assert(kMatrices == 32);
    device::MultiplyTf32(reinterpret_cast<float(&)[16][4]>(sums[0]), a, b, adds);
    device::MultiplyTf32(reinterpret_cast<float(&)[16][4]>(sums[16]), a, b + 128, adds);
  }
}

// A warpgroup's part of the products: kRows x 64 pixels, 8 * kColumns of the block's 8 * kMatrices columns.
// With kTurns that is all of every second tile.
template <bool kChannelsLast, int kMatrices, bool kTurns>
struct Share {
  static constexpr int kRows = kChannelsLast && !kTurns ? 1 : 2;
  static constexpr int kColumns = kChannelsLast || kTurns ? kMatrices : kMatrices / 2;
  using Sums = float[kRows][kColumns][4];

  __device__ static constexpr std::int32_t OperandAt(int group) { return kRows == 1 ? group * (64 * 16) : 0; }
  __device__ static constexpr std::int32_t WeightsAt(int group) {
    return kColumns == kMatrices ? 0 : group * (kColumns * 128);
  }
};

// sums = or += the products of a unit, enqueued. Of two parts an operand the three larger products are made,
// the small ones first.
template <class Part, int kMatrices, int kChunk, int kParts>
__device__ __forceinline__ void MultiplyUnit(typename Part::Sums& sums, const char* operand,
                                             const char* weights, bool adds) {
  constexpr std::uint64_t kStep = 2 * kOperandStep / 16, kWeightStep = kMatrices * 256 / 16;
  constexpr std::uint64_t kRest = OperandBytes(kChunk) / 16;
  constexpr std::uint64_t kWeightRest = UnitBytes(kMatrices * 8) / kParts / 16;
  const std::uint64_t a = device::MatrixDescriptor(operand, 128, kOperandStep);
  const std::uint64_t b = device::MatrixDescriptor(weights, 128, kMatrices * 128);
  const auto multiply = [&](std::uint64_t of_a, std::uint64_t of_b, bool first) {
#pragma unroll
    for (int step = 0; step < UnitChannels(kParts) / 8; ++step) {
#pragma unroll
      for (int i = 0; i < Part::kRows; ++i) {
        MultiplyColumns(sums[i], of_a + static_cast<std::uint64_t>(step) * kStep + i * 64,
                        of_b + static_cast<std::uint64_t>(step) * kWeightStep, !first || step > 0 || adds);
      }
    }
  };
  if constexpr (kParts == 2) {
    multiply(a + kRest, b, true);
    multiply(a, b + kWeightRest, false);
  }
  multiply(a, b, kParts == 1);
}

// Says that a stage of operands or of weights has been read.
template <bool kTurns>
struct Releases {
  const Block& block;
  int lane;
  RingAt a, w;

  __device__ __forceinline__ void Operands() {
    __syncwarp();
    if (lane == 0) device::ArriveBarrier(block.a_free + a.slot);
    a.Next(block.plan.operand_stages);
  }
  __device__ __forceinline__ void Weights() {
    if (kTurns || block.plan.resident) return;
    __syncwarp();
    if (lane == 0) device::ArriveBarrier(block.w_free + w.slot);
    if (lane == 0 && block.plan.cluster == 2) {
      device::ArriveBarrierIn(
          device::SharedAddressIn(block.w_free + w.slot, static_cast<std::uint32_t>(1 - block.rank)));
    }
    w.Next(block.plan.weight_stages);
  }
};

// Where warpgroups take turns, one stores while the other multiplies.
template <bool kChannelsLast, int kMatrices, int kChunk, int kParts, bool kTurns>
__device__ __forceinline__ void MultiplyOperands(const Block& block, float* __restrict__ y, int group,
                                                 int warp, int lane) {
  using Part = Share<kChannelsLast, kMatrices, kTurns>;
  constexpr std::int32_t kUnits = kChunk / UnitChannels(kParts);
  const Plan& plan = block.plan;
  RingAt a, w;
  Releases<kTurns> read{block, lane, {}, {}};
  std::uint32_t phases = 0;  // of the stages, where they are not the ring's rounds: AFilled()
  const bool resident = kTurns || plan.resident;
  if (resident) device::WaitBarrier(block.w_filled, 0);
  const auto skip = [&] {  // the other warpgroup's tile
    if constexpr (kTurns) a.Skip(plan.chunks, plan.operand_stages), read.a = a;
  };
  if (kTurns && group == 1) skip();
  const auto wait = [&] {
    if constexpr (kTurns) {
      device::WaitBarrier(block.AFilled(group, a.slot), phases >> a.slot & 1);
      phases ^= 1u << a.slot;
    } else {
      device::WaitBarrier(block.AFilled(0, a.slot), a.filled());
    }
  };
#pragma unroll 1
  for (;;) {
    wait();
    std::int32_t item = kTurns ? Block::Read(block.AItem(a.slot)) : block.AItem(a.slot);
    if (item < 0) {
      if constexpr (kTurns) {
#pragma unroll 1
        for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk, a.Next(plan.operand_stages)) {
          if (chunk > 0) wait();
          read.Operands();
        }
      }
      if (HasBoxesOut(kParts, kTurns) && lane == 0) device::WaitBoxesRead<0>();
      return;
    }
    typename Part::Sums sums;
    if constexpr (kMatrices == 4) {
      // Else the compiler sees registers of products where blocks may have ended, and makes one wait for
      // another.
#pragma unroll
      for (auto& row : sums)
#pragma unroll
        for (auto& column : row) column[0] = column[1] = column[2] = column[3] = 0.0f;
    }
#pragma unroll 1
    for (std::int32_t unit = 0; unit < plan.units; ++unit) {
      const std::int32_t in_chunk = unit % kUnits;
      if (!resident) device::WaitBarrier(block.w_filled + w.slot, w.filled());
      if (in_chunk == 0 && unit > 0) wait();
      device::FenceProducts();
      MultiplyUnit<Part, kMatrices, kChunk, kParts>(
          sums,
          block.a_ring + a.slot * block.operand_bytes + Part::OperandAt(group) +
              in_chunk * (UnitChannels(kParts) / 4 * kOperandStep),
          block.w_ring + (resident ? unit : w.slot) * plan.pointwise_bytes + Part::WeightsAt(group),
          unit > 0);
      device::CommitProducts();
      if (unit > 0) {
        device::WaitProducts<1>();
        read.Weights();
        if (in_chunk == 0) read.Operands();
      }
      if constexpr (!kTurns) w.Next(plan.weight_stages);
      if (in_chunk == kUnits - 1 || unit == plan.units - 1) a.Next(plan.operand_stages);
    }
    device::WaitProducts<0>();
#pragma unroll
    for (int i = 0; i < Part::kRows; ++i) device::HoldSums(sums[i]);
    read.Weights();
    // Stands with each of the tile's chunks. Kept where blocks have no register left to find it again.
    if constexpr (WarpsOf(kMatrices, kParts, kTurns) > 16) {
      item = kTurns ? Block::Read(block.AItem(read.a.slot)) : block.AItem(read.a.slot);
    }
    read.Operands();
    skip();
    const TileAt at(plan, item, block.rank);
    if constexpr (kChannelsLast) {
#pragma unroll
      for (int row = 0; row < Part::kRows; ++row) {
        StorePixels<kMatrices>(block.shape, plan, at, block.packed, y, kTurns ? row : group, warp, lane,
                               sums[row]);
      }
    } else {
      const std::int32_t k0 = kTurns ? 0 : at.channel_block * (kMatrices * 8) + group * (Part::kColumns * 8);
      StorePlanes<kParts, kTurns, Part::kColumns>(block, at, k0, y, group * 4 + warp, warp, lane, sums);
    }
  }
}

}  // namespace assay::dsconv::hopper_tf32

#endif
