// The tiles of clusters whose blocks have pixels of their own and the same output channels: those of a block
// of pixels one after the other.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace assay::dsconv {

// Of a cluster's tile, the pixels of its block `rank`.
template <class Plan>
__device__ __forceinline__ std::int32_t PixelBlockOf(const Plan& plan, std::int32_t rank, std::int32_t tile) {
  return plan.by_columns.Quotient(tile) * plan.tile.pixel_blocks + rank;
}

// And its output channels, one of the plan's column tiles. In another order for each pixel block: else a
// cluster whose step is a multiple of the column tiles would multiply the same columns always, and the last
// ones may be fewer.
template <class Plan>
__device__ __forceinline__ std::int32_t ColumnTileOf(const Plan& plan, std::int32_t tile) {
  const std::int32_t pixels = plan.by_columns.Quotient(tile);
  return plan.by_columns.Remainder(tile - pixels * plan.column_tiles + pixels);
}

}  // namespace assay::dsconv
