// What the warps of a block share, and its place in the cluster.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/cluster.h"
#include "kernels/device/ptx/cluster_copy.h"
#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/dsconv/wide/place.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::wide {

struct Block {
  const Shape& shape;
  const Plan& plan;
  std::uint64_t *x_filled, *x_free, *w_filled, *w_free, *a_filled, *a_free;
  char *a_ring, *w_ring, *x_ring;
  // Clusters are column_blocks x pixel_blocks: which output channels, which pixels.
  const std::int32_t column = device::PlaceInClusterX(), row = device::PlaceInClusterY();
  const std::int32_t cluster = device::ClusterNumber(), clusters = device::Clusters();

  __device__ __forceinline__ Block(const Shape& of_shape, const Plan& of_plan, char* shared)
      : shape(of_shape), plan(of_plan) {
    const Tile& tile = plan.tile;
    x_filled = reinterpret_cast<std::uint64_t*>(shared);
    x_free = x_filled + kMostStages, w_filled = x_free + kMostStages, w_free = w_filled + kMostStages;
    a_filled = w_free + kMostStages, a_free = a_filled + kMostStages;
    w_ring = shared + kHeadBytes, a_ring = w_ring + tile.weights * plan.weight_bytes;
    x_ring = a_ring + tile.operands * kOperandBytes;
  }

  // By one thread, before all others use them.
  __device__ __forceinline__ void InitBarriers() const {
    const Tile& tile = plan.tile;
    const auto makers = static_cast<std::uint32_t>(32 * DepthwiseWarps(tile.columns));  // lanes
    for (std::int32_t i = 0; i < tile.inputs; ++i) {
      device::InitBarrier(x_filled + i, 1);
      device::InitBarrier(x_free + i, makers);
    }
    for (std::int32_t i = 0; i < tile.weights; ++i) {
      device::InitBarrier(w_filled + i, 1);
      device::InitBarrier(w_free + i, static_cast<std::uint32_t>(tile.pixel_blocks * kMultiplyWarps));
    }
    for (std::int32_t i = 0; i < tile.operands; ++i) {
      device::InitBarrier(a_filled + i, IsOwn(i) ? makers : 1);
      device::InitBarrier(a_free + i, static_cast<std::uint32_t>(tile.column_blocks * kMultiplyWarps));
    }
    device::FenceBarrierInit();
  }

  // Whether this block makes the operands of a slot; others are copied from the block that does.
  __device__ __forceinline__ bool IsOwn(std::int32_t slot) const {
    return slot % plan.tile.column_blocks == column;
  }
  __device__ __forceinline__ std::uint32_t RankOf(std::int32_t of_row, std::int32_t of_column) const {
    return static_cast<std::uint32_t>(of_row * plan.tile.column_blocks + of_column);
  }

  // Chunks of all the cluster's tiles whose operands this block makes: every one in column_blocks.
  __device__ __forceinline__ std::int32_t OwnChunks() const {
    const std::int32_t tiles = (plan.cluster_tiles - cluster + clusters - 1) / clusters;
    return (tiles * plan.chunks - column + plan.tile.column_blocks - 1) / plan.tile.column_blocks;
  }

  // Of the cluster's tile: this block's first pixel, and its block of output channels.
  __device__ __forceinline__ std::int32_t FirstPixel(std::int32_t tile) const {
    return (plan.by_groups.Quotient(tile) * plan.tile.pixel_blocks + row) * kPixels;
  }
  __device__ __forceinline__ std::int32_t ColumnTile(std::int32_t tile) const {
    return plan.by_groups.Remainder(tile) * plan.tile.column_blocks + column;
  }
};

}  // namespace assay::dsconv::wide

#endif
