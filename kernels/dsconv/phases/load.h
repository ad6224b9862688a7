// The warps that copy: operands from the workspace, once all blocks have made their part, and weights, which
// are on their way before. Each is one lane's work.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/dsconv/phases/block.h"

namespace assay::dsconv::phases {

__device__ __forceinline__ void LoadOperands(const Block& block, const CUtensorMap* map) {
  const Plan& plan = block.plan;
  std::uint32_t* counters = block.Counters();
  while (device::LoadAcquire(counters + Plan::kMade) != gridDim.x) device::Pause(40);
  device::FenceGlobalForCopies();
  // The last one that has seen it leaves the counters as the launch found them.
  if (atomicAdd(counters + Plan::kSeen, 1u) == gridDim.x - 1) {
    counters[Plan::kMade] = 0, counters[Plan::kSeen] = 0;
  }
  RingAt at;
  for (std::int32_t tile = block.cluster; tile < plan.tiles; tile += plan.clusters) {
    // Zeros behind the last pixel.
    const std::int32_t pixel = block.PixelBlock(tile) * kPixels;
    for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
      device::WaitBarrier(block.free + at.slot, at.parity ^ 1);
      std::uint64_t* barrier = block.filled + at.slot;
      device::ArriveAndExpect(barrier, kOperandBytes);
      device::CopyBox4(block.stages + at.slot * plan.stage_bytes, map, barrier, 0, pixel, chunk, 0);
      at.Next(plan.stages);
    }
  }
}

__device__ __forceinline__ void LoadWeights(const Block& block) {
  const Plan& plan = block.plan;
  // This block's part of the weights, for all blocks of the cluster.
  const auto part = static_cast<std::uint32_t>(plan.weight_bytes / plan.tile.pixel_blocks);
  const std::uint32_t part_at = static_cast<std::uint32_t>(block.rank) * part;
  RingAt at;
  for (std::int32_t tile = block.cluster; tile < plan.tiles; tile += plan.clusters) {
    const char* from = block.workspace + plan.weights_from +
                       static_cast<std::int64_t>(block.ColumnTile(tile)) * plan.chunks * plan.weight_bytes +
                       part_at;
    for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk, from += plan.weight_bytes) {
      device::WaitBarrier(block.free + at.slot, at.parity ^ 1);
      std::uint64_t* barrier = block.filled + at.slot;
      device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(plan.weight_bytes));
      char* to = block.stages + at.slot * plan.stage_bytes + kOperandBytes + part_at;
      if (plan.tile.pixel_blocks == 1) {
        device::CopyBulk(to, from, part, barrier);
      } else {
        device::CopyBulkToBlocks(to, from, part, barrier, 3u);
      }
      at.Next(plan.stages);
    }
  }
}

}  // namespace assay::dsconv::phases

#endif
