// What the warps of a block share, and its place in the cluster.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/cluster.h"
#include "kernels/device/ptx/cluster_copy.h"
#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/dsconv/cluster_tile.h"
#include "kernels/dsconv/l2/plan.h"
#include "kernels/dsconv/swizzled_shared.h"

namespace assay::dsconv::l2 {

// Each role finds its shared memory anew: kept from the kernel's beginning it would cost the multiplying
// warps a register that they lack.
struct Block {
  const Shape& shape;
  const Plan& plan;
  char* const workspace;
  std::uint64_t *a_filled, *a_free, *w_filled, *w_free;
  char *a_ring, *w_ring, *bands;
  const std::int32_t rank;  // in the cluster: which pixels
  const std::int32_t cluster;

  __device__ __forceinline__ Block(const Shape& of_shape, const Plan& of_plan, char* to_workspace)
      : shape(of_shape),
        plan(of_plan),
        workspace(to_workspace),
        rank(device::PlaceInClusterX()),
        cluster(device::ClusterNumber()) {
    char* shared = SwizzledShared();
    a_filled = reinterpret_cast<std::uint64_t*>(shared);
    a_free = a_filled + kMostStages, w_filled = a_free + kMostStages, w_free = w_filled + kMostStages;
    a_ring = shared + kHeadBytes, w_ring = a_ring + plan.tile.operands * kOperandBytes;
    bands = w_ring + plan.tile.weights * plan.weight_bytes;
  }

  // By one warp, before all others use them.
  __device__ __forceinline__ void InitBarriers(int lane) const {
    if (lane < kMostStages) {
      device::InitBarrier(a_filled + lane, 1);
      device::InitBarrier(a_free + lane, kMultiplyWarps);
      device::InitBarrier(w_filled + lane, 1);
      device::InitBarrier(w_free + lane, static_cast<std::uint32_t>(plan.tile.pixel_blocks * kMultiplyWarps));
    }
    device::FenceBarrierInit();
  }

  __device__ __forceinline__ std::uint32_t* Counters() const {
    return reinterpret_cast<std::uint32_t*>(workspace + plan.counters_from);
  }
  __device__ __forceinline__ char* Operands() const { return workspace + plan.operands_from; }

  // Of the cluster's tile: this block's pixels, 128 of them, and its output channels.
  __device__ __forceinline__ std::int32_t PixelBlock(std::int32_t tile) const {
    return PixelBlockOf(plan, rank, tile);
  }
  __device__ __forceinline__ std::int32_t ColumnTile(std::int32_t tile) const {
    return ColumnTileOf(plan, tile);
  }
};

}  // namespace assay::dsconv::l2

#endif
