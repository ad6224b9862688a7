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

// 256 columns as twice 128, and in blocks of 640 160 as twice 80: the compiler wants an instruction's sums to
// fit into an equal share of the registers.
template <bool kManyWarps, int kMatrices>
__device__ __forceinline__ void MultiplyColumns(float (&sums)[kMatrices][4], std::uint64_t a, std::uint64_t b,
                                                bool adds) {
  if constexpr (kMatrices <= (kManyWarps ? 16 : 20)) {
    device::MultiplyTf32(sums, a, b, adds);
  } else {
    static_assert(kMatrices == 20 || kMatrices == 32);
    constexpr int kHalf = kMatrices / 2;
    device::MultiplyTf32(reinterpret_cast<float(&)[kHalf][4]>(sums[0]), a, b, adds);
    device::MultiplyTf32(reinterpret_cast<float(&)[kHalf][4]>(sums[kHalf]), a, b + kHalf * 8, adds);
  }
}

// A warpgroup's part of the products: kRows x 64 pixels, 8 * kColumns of the block's 8 * kMatrices columns.
template <bool kChannelsLast, int kMatrices, Sharing kSharing, int kTileSlots>
struct Share {
  static constexpr bool kHalvesPixels = kChannelsLast && kSharing == Sharing::kHalves;
  static constexpr bool kHalvesColumns =
      (!kChannelsLast && kSharing == Sharing::kHalves) || kSharing == Sharing::kColumns;
  static constexpr int kRows = kHalvesPixels ? 1 : kTileSlots / 32;
  static constexpr int kColumns = kHalvesColumns ? kMatrices / 2 : kMatrices;
  static constexpr int kSlots = kTileSlots;
  static constexpr std::int32_t kStep = OperandStep(kTileSlots);
  static constexpr bool kManyWarps = kSharing == Sharing::kOne || kSharing == Sharing::kColumns;
  using Sums = float[kRows][kColumns][4];

  __device__ static constexpr std::int32_t OperandAt(int group) {
    return kHalvesPixels ? group * (64 * 16) : 0;
  }
  __device__ static constexpr std::int32_t FirstColumn(int group) {
    return kHalvesColumns ? group * (kColumns * 8) : 0;
  }
};

// sums = or += the products of a unit, enqueued. Of two parts an operand the three larger products are made,
// the small ones first.
template <class Part, int kMatrices, int kChunk, int kParts>
__device__ __forceinline__ void MultiplyUnit(typename Part::Sums& sums, const char* operand,
                                             const char* weights, bool adds) {
  constexpr std::uint64_t kStep = 2 * Part::kStep / 16, kWeightStep = kMatrices * 256 / 16;
  constexpr std::uint64_t kRest = OperandBytes(kChunk, kSlots) / 16;
  constexpr std::uint64_t kWeightRest = UnitBytes(kMatrices * 8) / kParts / 16;
  const std::uint64_t a = device::MatrixDescriptor(operand, 128, Part::kStep);
  const std::uint64_t b = device::MatrixDescriptor(weights, 128, kMatrices * 128);
  const auto multiply = [&](std::uint64_t of_a, std::uint64_t of_b, bool first) {
#pragma unroll
    for (int step = 0; step < UnitChannels(kParts) / 8; ++step) {
#pragma unroll
      for (int i = 0; i < Part::kRows; ++i) {
        MultiplyColumns<Part::kManyWarps>(sums[i], of_a + static_cast<std::uint64_t>(step) * kStep + i * 64,
                                          of_b + static_cast<std::uint64_t>(step) * kWeightStep,
                                          !first || step > 0 || adds);
      }
    }
  };
  if constexpr (kParts == 2) {
    multiply(a + kRest, b, true);
    multiply(a, b + kWeightRest, false);
  }
  multiply(a, b, kParts == 1);
}

// Says that a stage of operands or of weights has been read; load.h says which lanes do.
template <bool kTurns, bool kKeepsLane>
struct Releases {
  const Block& block;
  int lane;
  RingAt a, w;

  __device__ __forceinline__ void Operands() {
    if constexpr (kTurns) __syncwarp();
    if (!kTurns || lane == 0) device::ArriveBarrier(block.a_free + a.slot);
    a.Next(block.plan.operand_stages);
  }
  __device__ __forceinline__ void Weights() {
    if (kTurns || block.plan.resident) return;
    __syncwarp();
    // Finding the lane again takes longer than the rest, but some kernels lack the register to keep it.
    if ((kKeepsLane ? lane : device::ThreadAgain() % 32) == 0) {
      device::ArriveBarrier(block.w_free + w.slot);
      if (block.plan.cluster == 2) {
        device::ArriveBarrierIn(
            device::SharedAddressIn(block.w_free + w.slot, static_cast<std::uint32_t>(1 - block.rank)));
      }
    }
    w.Next(block.plan.weight_stages);
  }
};

// The products of a tile, enqueued: those of its last unit may still be on their way.
template <class Part, int kMatrices, int kChunk, int kParts, bool kTurns, bool kKeepsLane, class Wait>
__device__ __forceinline__ void MultiplyTile(const Block& block, int group, bool resident, RingAt& a,
                                             RingAt& w, Releases<kTurns, kKeepsLane>& read, Wait&& wait,
                                             typename Part::Sums& sums) {
  constexpr std::int32_t kUnits = kChunk / UnitChannels(kParts);
  const Plan& plan = block.plan;
#pragma unroll 1
  for (std::int32_t chunk = 0, unit = 0; chunk < plan.chunks; ++chunk, a.Next(plan.operand_stages)) {
    if (chunk > 0) wait();
    const char* operand = block.a_ring + a.slot * block.operand_bytes + Part::OperandAt(group);
#pragma unroll
    for (int in_chunk = 0; in_chunk < kUnits; ++in_chunk, ++unit) {
      if (in_chunk > 0 && unit == plan.units) break;
      const bool first = in_chunk == 0 && chunk == 0;
      if (!resident) device::WaitBarrier(block.w_filled + w.slot, w.filled());
      device::FenceProducts();
      MultiplyUnit<Part, kMatrices, kChunk, kParts>(
          sums, operand + in_chunk * (UnitChannels(kParts) / 4 * Part::kStep),
          block.w_ring + (resident ? unit : w.slot) * plan.pointwise_bytes + Part::FirstColumn(group) * 16,
          !first);
      device::CommitProducts();
      if (!resident || (in_chunk == 0 && chunk > 0)) device::WaitProducts<1>();
      if (!first) read.Weights();
      if (in_chunk == 0 && chunk > 0) read.Operands();
      if constexpr (!kTurns) w.Next(plan.weight_stages);
    }
  }
}

// Where warpgroups take turns, one stores while the other multiplies.
template <bool kChannelsLast, int kMatrices, int kChunk, int kParts, Sharing kSharing, int kTileSlots>
__device__ __forceinline__ void MultiplyOperands(const Block& block, float* __restrict__ y, int group,
                                                 int warp, int lane) {
  constexpr bool kTurns = kSharing == Sharing::kTurns;
  using Part = Share<kChannelsLast, kMatrices, kSharing, kTileSlots>;
  const Plan& plan = block.plan;
  RingAt a, w;
  Releases<kTurns, kChannelsLast> read{block, lane, {}, {}};
  constexpr bool kKeepsBiases = kChannelsLast && (kSharing == Sharing::kOne || kTurns) && kMatrices <= 8;
  KeptBiases<kKeepsBiases ? kMatrices : 1> kept;
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
    MultiplyTile<Part, kMatrices, kChunk, kParts, kTurns>(block, group, resident, a, w, read, wait, sums);
    // Stands with each of the tile's chunks. Kept where blocks have no register left to find it again.
    if constexpr (WarpsOf(kMatrices, kParts, kSharing) > 16) {
      item = kTurns ? Block::Read(block.AItem(read.a.slot)) : block.AItem(read.a.slot);
    }
    const auto end_products = [&] {
      device::WaitProducts<0>();
#pragma unroll
      for (int i = 0; i < Part::kRows; ++i) device::HoldSums(sums[i]);
      read.Weights();
      read.Operands();
      skip();
    };
    if constexpr (kChannelsLast) {
      std::int32_t k0 = 0;
      LanePixels<kTileSlots> pixels[Part::kRows];
      const auto place = [&](int row) {
        const TileAt at(plan, item, block.rank);
        if constexpr (!kTurns) k0 = at.channel_block * (kMatrices * 8) + Part::FirstColumn(group);
        pixels[row].MoveTo(block.shape, plan, at, k0 + lane % 4 * 4, Part::kHalvesPixels ? group : row, warp,
                           lane);
      };
      // While the last products are made, where there are registers for it.
      constexpr bool kEarly = Part::kRows == 1 || Part::kColumns < 16;
      if constexpr (kEarly) {
#pragma unroll
        for (int row = 0; row < Part::kRows; ++row) place(row);
      }
      end_products();
      if constexpr (!kEarly && !kTurns) {
        k0 = TileAt(plan, item, block.rank).channel_block * (kMatrices * 8) + Part::FirstColumn(group);
      }
      const auto store = [&](const auto& biases) {
        const auto end = [&](int row, auto& sums_of) {
          if constexpr (!kEarly) place(row);
          EndSums(block.shape.act_out, biases, sums_of);
          StorePixels(plan, pixels[row], y, block.shape.k - k0 - lane % 4 * 4, sums_of);
        };
        end(0, sums[0]);
        if constexpr (Part::kRows == 2) end(1, sums[1]);
      };
      if constexpr (kKeepsBiases) {
        kept.MoveTo(block.packed, k0, lane);
        store(kept);
      } else {
        store(LoadedBiases(reinterpret_cast<const float*>(block.packed) + k0, lane));
      }
    } else {
      end_products();
      const TileAt at(plan, item, block.rank);
      const std::int32_t k0 = kTurns ? 0 : at.channel_block * (kMatrices * 8) + Part::FirstColumn(group);
      StorePlanes<kParts, kTurns, Part::kColumns>(block, at, k0, y, group * 4 + warp, warp, lane, sums);
    }
  }
}

}  // namespace assay::dsconv::hopper_tf32

#endif
