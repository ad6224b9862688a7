// What the warps of a block share, and its place in the cluster.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/cluster.h"
#include "kernels/device/ptx/cluster_copy.h"
#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/ptx/mbarrier.h"
#include "kernels/dsconv/cluster_tile.h"
#include "kernels/dsconv/phases/plan.h"
#include "kernels/dsconv/ring.h"
#include "kernels/dsconv/swizzled_shared.h"

namespace assay::dsconv::phases {

struct Block {
  const Shape& shape;
  const Plan& plan;
  char* const workspace;
  std::uint64_t *filled, *free, *inputs;  // of each stage; of boxes of x
  char *outputs, *stages;                 // together the boxes of x before
  const std::int32_t rank;                // in the cluster: which pixels
  const std::int32_t cluster;

  __device__ __forceinline__ Block(const Shape& of_shape, const Plan& of_plan, char* to_workspace)
      : shape(of_shape),
        plan(of_plan),
        workspace(to_workspace),
        rank(device::PlaceInClusterX()),
        cluster(device::ClusterNumber()) {
    char* shared = SwizzledShared();
    filled = reinterpret_cast<std::uint64_t*>(shared), free = filled + kMostStages;
    inputs = free + kMostStages;
    outputs = shared + kHeadBytes, stages = outputs + plan.output_bytes;
  }

  // Each warp begins a stage's barriers, which two warps fill, operands and weights, and those of its boxes.
  __device__ __forceinline__ void InitBarriers(int warp, int lane) const {
    static_assert(kMostStages <= kLeastWarps);
    if (lane == 0) {
      if (warp < kMostStages) {
        device::InitBarrier(filled + warp, 2);
        device::InitBarrier(free + warp, static_cast<std::uint32_t>(plan.tile.pixel_blocks * kMultiplyWarps));
      }
      for (std::int32_t i = 0; i < plan.boxes; ++i) device::InitBarrier(inputs + warp * kMostBoxes + i, 1);
      device::FenceBarrierInit();
    }
    __syncwarp();
  }

  __device__ __forceinline__ std::uint32_t* Counters() const {
    return reinterpret_cast<std::uint32_t*>(workspace + plan.counters_from);
  }

  // Of the cluster's tile: this block's pixels, 128 of them, and its output channels.
  __device__ __forceinline__ std::int32_t PixelBlock(std::int32_t tile) const {
    return PixelBlockOf(plan, rank, tile);
  }
  __device__ __forceinline__ std::int32_t ColumnTile(std::int32_t tile) const {
    return ColumnTileOf(plan, tile);
  }
};

// This block has made its part: by all its threads.
__device__ __forceinline__ void AnnounceOperands(const Block& block, int warp, int lane) {
  device::FenceGlobalForCopies();
  __syncthreads();
  if (warp == 0 && lane == 0) device::ReleaseAdd(block.Counters() + Plan::kMade, 1);
}

}  // namespace assay::dsconv::phases

#endif
