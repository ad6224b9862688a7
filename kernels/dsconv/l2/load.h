// The warp that copies: operands from the workspace as soon as they are there, and weights.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/global_flag.h"
#include "kernels/dsconv/l2/block.h"
#include "kernels/dsconv/wide/place.h"

namespace assay::dsconv::l2 {

// kPlanes of operands, and as many times weights, for a chunk. What can be computed for a tile at once is:
// between two copies products wait for what this warp does.
template <int kPlanes>
class Loader {
 public:
  __device__ __forceinline__ Loader(const Block& block, int lane)
      : block_(block),
        lane_(lane),
        products_(Products<kPlanes>(block.shape, block.plan)),
        // This block's part of the weights, for all blocks of the cluster.
        part_(static_cast<std::uint32_t>(block.plan.weight_bytes / block.plan.tile.pixel_blocks)),
        part_at_(static_cast<std::uint32_t>(block.rank) * part_) {}

  __device__ __forceinline__ void LoadAll() {
    const Plan& plan = block_.plan;
    const std::int64_t step = static_cast<std::int64_t>(plan.slots) * kOperandBytes;  // from plane to plane
    for (std::int32_t tile = block_.cluster; tile < plan.tiles; tile += plan.clusters) {
      // A cluster's last block may have no pixels; it takes part with others' operands.
      const std::int32_t pixels = min(block_.PixelBlock(tile), plan.blocks - 1);
      const std::int32_t slot = plan.Recycles() ? plan.by_slots.Remainder(pixels) : pixels;
      const char* operands = block_.Operands() + static_cast<std::int64_t>(slot) * kOperandBytes;
      const char* weights =
          block_.workspace + plan.weights_from +
          static_cast<std::int64_t>(block_.ColumnTile(tile)) * products_ * plan.weight_bytes + part_at_;
      const std::uint32_t* filled =
          block_.Counters() + plan.filled_at + static_cast<std::int64_t>(pixels) * plan.chunks;
      const auto all = static_cast<std::uint32_t>(min(kPixels, plan.pixels - pixels * kPixels));
      std::int32_t ready = 0;  // chunks whose operands are there
      for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
#pragma unroll
        for (std::int32_t plane = 0; plane < kPlanes; ++plane) {
          if (kPlanes > 1 && chunk * kPlanes + plane >= products_) break;
          if (!weights_stay_) LoadWeights(weights);
          if (plane == 0 && chunk == ready) ready += WaitOperands(filled + chunk, all, plan.chunks - chunk);
          LoadOperands(operands);
          operands += step, weights += plan.weight_bytes;
        }
      }
      weights_stay_ = plan.tile.resident;
    }
  }

 private:
  // How many of `left` chunks are there, once the first is; up to 32.
  __device__ __forceinline__ std::int32_t WaitOperands(const std::uint32_t* filled, std::uint32_t all,
                                                       std::int32_t left) const {
    for (;;) {
      const bool is_there = lane_ < left && device::LoadAcquire(filled + lane_) == all;
      const std::uint32_t missing = ~__ballot_sync(0xffffffffu, is_there);
      if ((missing & 1) == 0) {
        __syncwarp();
        device::FenceGlobalForCopies();
        return missing == 0 ? 32 : __ffs(static_cast<int>(missing)) - 1;
      }
      device::Pause(40);
    }
  }

  __device__ __forceinline__ void LoadOperands(const char* from) {
    device::WaitBarrier(block_.a_free + a_.slot, a_.freed());
    if (lane_ == 0) {
      std::uint64_t* barrier = block_.a_filled + a_.slot;
      device::ArriveAndExpect(barrier, kOperandBytes);
      device::CopyBulk(block_.a_ring + a_.slot * kOperandBytes, from, kOperandBytes, barrier);
    }
    __syncwarp();
    a_.Next(block_.plan.tile.operands);
  }

  __device__ __forceinline__ void LoadWeights(const char* from) {
    const Plan& plan = block_.plan;
    device::WaitBarrier(block_.w_free + w_.slot, w_.freed());
    if (lane_ == 0) {
      std::uint64_t* barrier = block_.w_filled + w_.slot;
      device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(plan.weight_bytes));
      char* to = block_.w_ring + w_.slot * plan.weight_bytes + part_at_;
      if (plan.tile.pixel_blocks == 1) {
        device::CopyBulk(to, from, part_, barrier);
      } else {
        device::CopyBulkToBlocks(to, from, part_, barrier, 3u);
      }
    }
    __syncwarp();
    w_.Next(plan.tile.weights);
  }

  const Block& block_;
  const int lane_;
  const std::int32_t products_;
  const std::uint32_t part_, part_at_;
  wide::RingAt a_, w_;
  bool weights_stay_ = false;
};

}  // namespace assay::dsconv::l2

#endif
