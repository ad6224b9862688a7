// The warp that copies: operands from the workspace as soon as they are there, and weights.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/global_flag.h"
#include "kernels/dsconv/l2/block.h"
#include "kernels/dsconv/wide/place.h"

namespace assay::dsconv::l2 {

// kPlanes of operands, and as many times weights, for a chunk.
template <int kPlanes>
class Loader {
 public:
  __device__ __forceinline__ Loader(const Block& block, int lane) : block_(block), lane_(lane) {}

  __device__ __forceinline__ void LoadAll() {
    const Plan& plan = block_.plan;
    for (std::int32_t tile = block_.cluster; tile < plan.tiles; tile += plan.clusters) {
      // A cluster's last block may have no pixels; it takes part with others' operands.
      const std::int32_t pixels = min(block_.PixelBlock(tile), plan.blocks - 1);
      std::int32_t ready = 0;  // chunks whose operands are there
      for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
#pragma unroll
        for (std::int32_t plane = chunk * kPlanes; plane < (chunk + 1) * kPlanes; ++plane) {
          if (kPlanes > 1 && plane >= Products<kPlanes>(block_.shape, plan)) break;
          LoadWeights(block_.ColumnTile(tile), plane);
          if (chunk == ready) ready += WaitOperands(pixels, chunk);
          LoadOperands(pixels, plane);
        }
      }
      weights_stay_ = plan.tile.resident;
    }
  }

 private:
  // How many chunks from `chunk` on are there, once it is; up to 32.
  __device__ __forceinline__ std::int32_t WaitOperands(std::int32_t pixels, std::int32_t chunk) const {
    const Plan& plan = block_.plan;
    const auto all = static_cast<std::uint32_t>(min(kPixels, plan.pixels - pixels * kPixels));
    const std::uint32_t* filled =
        block_.Counters() + plan.filled_at + static_cast<std::int64_t>(pixels) * plan.chunks + chunk;
    const bool exists = chunk + lane_ < plan.chunks;
    for (;;) {
      const bool is_there = exists && device::LoadAcquire(filled + lane_) == all;
      const std::uint32_t missing = ~__ballot_sync(0xffffffffu, is_there);
      if ((missing & 1) == 0) {
        __syncwarp();
        device::FenceGlobalForCopies();
        return missing == 0 ? 32 : __ffs(static_cast<int>(missing)) - 1;
      }
      device::Pause(40);
    }
  }

  __device__ __forceinline__ void LoadOperands(std::int32_t pixels, std::int32_t plane) {
    const Plan& plan = block_.plan;
    device::WaitBarrier(block_.a_free + a_.slot, a_.freed());
    if (lane_ == 0) {
      const std::int32_t slot = plan.Recycles() ? plan.by_slots.Remainder(pixels) : pixels;
      std::uint64_t* barrier = block_.a_filled + a_.slot;
      device::ArriveAndExpect(barrier, kOperandBytes);
      device::CopyBulk(
          block_.a_ring + a_.slot * kOperandBytes,
          block_.Operands() + (static_cast<std::int64_t>(plane) * plan.slots + slot) * kOperandBytes,
          kOperandBytes, barrier);
    }
    __syncwarp();
    a_.Next(plan.tile.operands);
  }

  // This block's part of them, for all blocks of the cluster.
  __device__ __forceinline__ void LoadWeights(std::int32_t columns, std::int32_t plane) {
    const Plan& plan = block_.plan;
    if (weights_stay_) return;
    device::WaitBarrier(block_.w_free + w_.slot, w_.freed());
    if (lane_ == 0) {
      std::uint64_t* barrier = block_.w_filled + w_.slot;
      device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(plan.weight_bytes));
      const std::int32_t bytes = plan.weight_bytes / plan.tile.pixel_blocks, from = block_.rank * bytes;
      char* to = block_.w_ring + w_.slot * plan.weight_bytes + from;
      const char* packed =
          block_.workspace + plan.weights_from +
          (static_cast<std::int64_t>(columns) * Products<kPlanes>(block_.shape, plan) + plane) *
              plan.weight_bytes +
          from;
      if (plan.tile.pixel_blocks == 1) {
        device::CopyBulk(to, packed, static_cast<std::uint32_t>(bytes), barrier);
      } else {
        device::CopyBulkToBlocks(to, packed, static_cast<std::uint32_t>(bytes), barrier, 3u);
      }
    }
    __syncwarp();
    w_.Next(plan.tile.weights);
  }

  const Block& block_;
  const int lane_;
  wide::RingAt a_, w_;
  bool weights_stay_ = false;
};

}  // namespace assay::dsconv::l2

#endif
