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
template <bool kChannelsLast, int kMatrices>
struct Share {
  static constexpr int kRows = kChannelsLast ? 1 : 2, kColumns = kChannelsLast ? kMatrices : kMatrices / 2;
  using Sums = float[kRows][kColumns][4];

  __device__ static constexpr std::int32_t OperandAt(int group) {
    return kChannelsLast ? group * (64 * 16) : 0;
  }
  __device__ static constexpr std::int32_t WeightsAt(int group) {
    return kChannelsLast ? 0 : group * (kColumns * 128);
  }
};

// sums = or += the products of a unit, enqueued. Of two parts an operand the three larger products are made,
// the small ones first.
template <bool kChannelsLast, int kMatrices, int kChunk, int kParts>
__device__ __forceinline__ void MultiplyUnit(typename Share<kChannelsLast, kMatrices>::Sums& sums,
                                             const char* operand, const char* weights, bool adds) {
  constexpr std::uint64_t kStep = 2 * kOperandStep / 16, kWeightStep = kMatrices * 256 / 16;
  constexpr std::uint64_t kRest = OperandBytes(kChunk) / 16;
  constexpr std::uint64_t kWeightRest = UnitBytes(kMatrices * 8) / kParts / 16;
  const std::uint64_t a = device::MatrixDescriptor(operand, 128, kOperandStep);
  const std::uint64_t b = device::MatrixDescriptor(weights, 128, kMatrices * 128);
  const auto multiply = [&](std::uint64_t of_a, std::uint64_t of_b, bool first) {
#pragma unroll
    for (int step = 0; step < UnitChannels(kParts) / 8; ++step) {
#pragma unroll
      for (int i = 0; i < Share<kChannelsLast, kMatrices>::kRows; ++i) {
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
    if (block.plan.resident) return;
    __syncwarp();
    if (lane == 0) device::ArriveBarrier(block.w_free + w.slot);
    if (lane == 0 && block.plan.cluster == 2) {
      device::ArriveBarrierIn(
          device::SharedAddressIn(block.w_free + w.slot, static_cast<std::uint32_t>(1 - block.rank)));
    }
    w.Next(block.plan.weight_stages);
  }
};

template <bool kChannelsLast, int kMatrices, int kChunk, int kParts>
__device__ __forceinline__ void MultiplyOperands(const Block& block, float* __restrict__ y, int group,
                                                 int warp, int lane) {
  using Part = Share<kChannelsLast, kMatrices>;
  constexpr std::int32_t kUnits = kChunk / UnitChannels(kParts);
  const Plan& plan = block.plan;
  RingAt a, w;
  Releases read{block, lane, {}, {}};
  if (plan.resident) device::WaitBarrier(block.w_filled, 0);
#pragma unroll 1
  for (std::int32_t item = block.first_item; item < block.end_item; item += block.ItemStep()) {
    typename Part::Sums sums;
#pragma unroll 1
    for (std::int32_t unit = 0; unit < plan.units; ++unit) {
      const std::int32_t in_chunk = unit % kUnits;
      if (!plan.resident) device::WaitBarrier(block.w_filled + w.slot, w.filled());
      if (in_chunk == 0) device::WaitBarrier(block.a_filled + a.slot, a.filled());
      device::FenceProducts();
      MultiplyUnit<kChannelsLast, kMatrices, kChunk, kParts>(
          sums,
          block.a_ring + a.slot * block.operand_bytes + Part::OperandAt(group) +
              in_chunk * (UnitChannels(kParts) / 4 * kOperandStep),
          block.w_ring + (plan.resident ? unit : w.slot) * plan.pointwise_bytes + Part::WeightsAt(group),
          unit > 0);
      device::CommitProducts();
      if (unit > 0) {
        device::WaitProducts<1>();
        read.Weights();
        if (in_chunk == 0) read.Operands();
      }
      w.Next(plan.weight_stages);
      if (in_chunk == kUnits - 1 || unit == plan.units - 1) a.Next(plan.operand_stages);
    }
    device::WaitProducts<0>();
#pragma unroll
    for (int i = 0; i < Part::kRows; ++i) device::HoldSums(sums[i]);
    read.Weights();
    read.Operands();
    const TileAt at(plan, item, block.rank);
    if constexpr (kChannelsLast) {
      StorePixels<kMatrices>(block.shape, plan, at, block.packed, y, group, warp, lane, sums[0]);
    } else {
      StorePlanes<kMatrices>(block.shape, plan, at, block.packed, y, group, warp, lane, sums);
    }
  }
}

}  // namespace assay::dsconv::hopper_tf32

#endif
