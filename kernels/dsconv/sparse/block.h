// What the warps of a block share, and its place in the cluster.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/cluster.h"
#include "kernels/device/ptx/cluster_copy.h"
#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/shared_word.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/dsconv/ring.h"
#include "kernels/dsconv/sparse/plan.h"

namespace assay::dsconv::sparse {

struct TileAt {
  std::int32_t n, p0;
};

struct Block {
  const Shape& shape;
  const Plan& plan;
  const char* workspace;
  std::uint64_t *x_filled, *x_free, *w_filled, *w_free, *a_filled, *a_free, *rehearsed;
  char *x_ring, *a_ring, *w_ring;
  std::int32_t rank;

  __device__ __forceinline__ Block(const Shape& of_shape, const Plan& of_plan, const char* packed,
                                   char* shared)
      : shape(of_shape), plan(of_plan), workspace(packed), rank(device::PlaceInClusterX()) {
    x_filled = reinterpret_cast<std::uint64_t*>(shared);
    x_free = x_filled + kMostStages, w_filled = x_free + kMostStages, w_free = w_filled + kMostStages;
    a_filled = w_free + kMostStages, a_free = a_filled + kMostStages, rehearsed = a_free + kMostStages;
    x_ring = shared + kHeadBytes;
    a_ring = x_ring + plan.tile.inputs * plan.input_bytes;
    w_ring = a_ring + plan.tile.operands * plan.operand_bytes;
  }

  // Tiles of a launch are all images' parts in turn; there may be none in the last round.
  __device__ __forceinline__ std::int32_t TileOf(std::int32_t round) const {
    return round * plan.grid + static_cast<std::int32_t>(blockIdx.x);
  }
  __device__ __forceinline__ TileAt PlaceOf(std::int32_t tile) const {
    const std::int32_t n = plan.tiles_down == 1 ? tile : tile / plan.tiles_down;
    return {n, (tile - n * plan.tiles_down) * plan.rows};
  }
};

}  // namespace assay::dsconv::sparse

#endif
