// How `hopper_l2` and `hopper_l2_tf32` cut a problem, and how that lies in shared memory and in the
// workspace.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/device/divide.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::l2 {

using wide::DivideUp;
using wide::kChunk;
using wide::kMultiplyWarps;
using wide::kOperandBytes;
using wide::kPixelBytes;
using wide::kPixels;

// Products take 128 bytes of a pixel's 64 channels at once, and so many times as many there are.
__host__ __device__ constexpr std::int32_t PlanesOf(std::size_t element_bytes) {
  return static_cast<std::int32_t>(element_bytes / 2);
}

inline std::int32_t PlanesFor(assay_dtype dtype) { return PlanesOf(dtype == ASSAY_F32 ? 4 : 2); }

// Room for barriers, the most stages of a ring, and what a depthwise warp keeps of x for each plane: six
// columns of a band.
inline constexpr std::int32_t kHeadBytes = 1024, kMostStages = 12, kBandBytes = 6 * 6 * kPixelBytes;

// Rows of outputs that a warp makes at once: more would need more registers.
__host__ __device__ constexpr std::int32_t BandRows(std::int32_t stride) { return stride == 1 ? 4 : 2; }

// What may be chosen.
struct Tile {
  std::int32_t columns;            // output channels of a block, of kColumnChoices
  std::int32_t pixel_blocks;       // of a cluster, 1 or 2, that share their weights
  bool resident;                   // the weights stay in shared memory
  bool few_makers;                 // leave registers for products of all columns at once, of TF32
  std::int32_t operands, weights;  // stages of each ring
  std::int32_t run;                // chunks of a band that are made before those of the next band
};

// Warps of a block that make the depthwise half.
inline constexpr std::int32_t kFewMakers = 3;
inline std::int32_t Makers(std::int32_t columns, bool few) {
  return few ? kFewMakers : wide::DepthwiseWarps(columns);
}
inline std::int32_t Threads(const Tile& tile) {
  return 32 * (kMultiplyWarps + Makers(tile.columns, tile.few_makers) + 1);
}

// 1024 bytes are lost by aligning.
inline std::int32_t SharedBytesBesideRings(std::int32_t makers, std::int32_t planes) {
  return 1024 + kHeadBytes + makers * kBandBytes * planes;
}

// One launch. Output pixels are numbered as they lie in y, and 128 of them make a block of operands. The
// depthwise half is made by bands: some rows of one image, or of every dilation-th of its rows and columns,
// 64 channels (a chunk) at a time. What it makes lies in the workspace, [planes][pixels][128 bytes of
// channels], swizzled as wgmma wants it: a plane for a chunk of 16-bit channels, two for one of TF32.
struct Plan {
  Tile tile;
  wide::Clamp middle, output;        // the activations
  std::int32_t chunks, last_steps;   // of input channels; products of 32 bytes in the last of all planes
  std::int32_t pixels, blocks;       // of all images, and blocks of 128 of them
  std::int32_t column_tiles, tiles;  // blocks of output channels; what clusters work on, those first
  std::int32_t clusters;
  // From an output to the next one of a band; with strides there is no dilation.
  std::int32_t step_h, step_w, rows_up;    // rows_up: p + step_h - 1
  std::int32_t phases_h, phases_w, bands;  // of an image; bands of a phase
  // Bands of all images, how many go through all chunks before the next, and bands of a chunk.
  std::int32_t units, group, items;
  std::int32_t slots;          // blocks of operands that there is room for
  std::uint32_t column_bytes;  // from a column of x to the next one of a band
  // In a chunk's plane of operands, in bytes: from a row of a band to the next, and all where it is a ring.
  std::uint32_t row_place, ring_bytes;
  std::int32_t row_pixels, weight_bytes, shared_bytes;
  // In the workspace, which begins with b_pw as floats.
  std::int64_t filters_from, weights_from, counters_from, operands_from, workspace_bytes;
  std::int64_t counters;  // words, those of pixels made from filled_at on
  std::int32_t filled_at;
  device::Divisor by_columns, by_bands, by_phases_w, by_phases_h, by_chunks, by_slots;

  // Whether operands take the places of others that are done with.
  __host__ __device__ bool Recycles() const { return slots < blocks; }
  // Of counters: blocks that have ended, blocks of operands done with [blocks], pixels made [blocks][chunks].
  static constexpr std::int32_t kEnded = 0, kDone = 32;
};

// Planes that have channels: the last chunk may be of one.
template <std::int32_t kPlanes>
__host__ __device__ __forceinline__ std::int32_t Products(const Shape& shape, const Plan& plan) {
  return kPlanes == 1 ? plan.chunks : DivideUp(shape.c, kChunk / kPlanes);
}

// Blocks of operands that a round of all clusters works on.
inline std::int32_t BlocksOfRound(const Plan& plan) {
  return std::max(1, plan.clusters * plan.tile.pixel_blocks / plan.column_tiles);
}

// Bands that are made at the same time reach over many blocks of operands, and so does a round of tiles.
inline void PlaceOperands(const Shape& shape, std::int32_t planes, Plan& plan) {
  // Bytes: about what L2 keeps. (Of TF32 48 MB were not timed.)
  const std::int64_t most_kept = planes == 1 ? 48 << 20 : 40 << 20,
                     most_recycled = planes == 1 ? 48 << 20 : 34 << 20;
  const std::int64_t block_bytes = static_cast<std::int64_t>(plan.chunks) * planes * kOperandBytes;
  plan.slots = plan.blocks;
  if (plan.blocks * block_bytes > most_kept) {
    // A band must not wait for a block of operands whose bands come after it: room for two groups and images.
    const std::int32_t image = DivideUp(shape.p * shape.q, kPixels) + 1;
    const std::int32_t group = DivideUp(plan.group * DivideUp(plan.pixels, plan.units), kPixels) + image;
    const auto room = static_cast<std::int32_t>(most_recycled / block_bytes);
    plan.slots = std::min(plan.blocks, std::max(room, 2 * (group + image)));
  }
}

// On a device that holds so many clusters of the tile.
inline Plan MakePlan(const Shape& shape, assay_dtype dtype, const Tile& tile, std::int32_t clusters) {
  const std::int32_t planes = PlanesFor(dtype), element = 2 * planes;
  const std::int32_t of_plane = kPixelBytes / element, products = DivideUp(shape.c, of_plane);
  Plan plan{};
  plan.tile = tile, plan.clusters = clusters;
  plan.middle = wide::ClampOf(shape.act_mid, dtype), plan.output = wide::ClampOf(shape.act_out, dtype);
  plan.chunks = DivideUp(shape.c, kChunk);
  plan.last_steps = DivideUp(shape.c - (products - 1) * of_plane, of_plane / 4);
  plan.pixels = shape.n * shape.p * shape.q, plan.blocks = DivideUp(plan.pixels, kPixels);
  plan.column_tiles = DivideUp(shape.k, tile.columns);
  plan.tiles = DivideUp(plan.blocks, tile.pixel_blocks) * plan.column_tiles;
  plan.step_h = shape.stride_h == 1 ? shape.dilation_h : 1;
  plan.step_w = shape.stride_w == 1 ? shape.dilation_w : 1;
  plan.rows_up = shape.p + plan.step_h - 1;
  plan.phases_h = std::min(plan.step_h, shape.p), plan.phases_w = std::min(plan.step_w, shape.q);
  plan.bands = DivideUp(DivideUp(shape.p, plan.step_h), BandRows(shape.stride_h));
  plan.units = shape.n * plan.phases_h * plan.phases_w * plan.bands;
  plan.group = 1, plan.items = plan.units * plan.chunks;
  if (tile.run < plan.chunks) {
    plan.group =
        std::clamp<std::int32_t>(static_cast<std::int32_t>(static_cast<std::int64_t>(BlocksOfRound(plan)) *
                                                           kPixels * plan.units / plan.pixels),
                                 1, plan.units);
  }
  plan.weight_bytes = tile.columns * kPixelBytes;
  plan.shared_bytes = SharedBytesBesideRings(Makers(tile.columns, tile.few_makers), planes) +
                      tile.operands * kOperandBytes + tile.weights * plan.weight_bytes;
  PlaceOperands(shape, planes, plan);
  plan.column_bytes = static_cast<std::uint32_t>(plan.step_w * shape.c * element);
  plan.row_pixels = plan.step_h * shape.q;
  plan.row_place = static_cast<std::uint32_t>(plan.row_pixels) * kPixelBytes;
  plan.ring_bytes = plan.Recycles() ? static_cast<std::uint32_t>(plan.slots) * kOperandBytes : ~0u;
  plan.by_slots = device::Divisor(plan.slots);

  const auto up = [](std::int64_t bytes) { return DivideUp<std::int64_t>(bytes, 1024) * 1024; };
  const std::int64_t columns = static_cast<std::int64_t>(plan.column_tiles) * tile.columns;
  plan.filters_from = up(columns * 4);
  plan.weights_from = plan.filters_from + up(static_cast<std::int64_t>(plan.chunks) * 10 * kChunk * 4);
  plan.counters_from = plan.weights_from + columns * products * kPixelBytes;
  plan.filled_at = Plan::kDone + DivideUp(plan.blocks, 32) * 32;
  plan.counters = plan.filled_at + static_cast<std::int64_t>(plan.blocks) * plan.chunks;
  plan.operands_from = plan.counters_from + up(plan.counters * 4);
  plan.workspace_bytes =
      plan.operands_from + static_cast<std::int64_t>(plan.slots) * plan.chunks * planes * kOperandBytes;
  plan.by_columns = device::Divisor(plan.column_tiles);
  plan.by_bands = device::Divisor(plan.bands), plan.by_chunks = device::Divisor(plan.chunks);
  plan.by_phases_w = device::Divisor(plan.phases_w), plan.by_phases_h = device::Divisor(plan.phases_h);
  return plan;
}

}  // namespace assay::dsconv::l2
