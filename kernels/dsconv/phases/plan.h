// How `hopper_phases` and `hopper_phases_tf32` cut a problem, and how that lies in shared memory and in the
// workspace.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/device/divide.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::phases {

using wide::ChunkOf;
using wide::DivideUp;
using wide::kMultiplyWarps;
using wide::kOperandBytes;
using wide::kPixelBytes;
using wide::kPixels;

// All warps of a block make, 12 or 16 of them; then warps 4 to 11 multiply, and of the first four two copy.
inline constexpr std::int32_t kLeastWarps = 12, kMostWarps = 16, kCopyWarps = 4;
static_assert(kCopyWarps + kMultiplyWarps == kLeastWarps);

// Room for barriers; stages of both operands; boxes of y, 16 pixels by 64 channels, that a warp stores from.
inline constexpr std::int32_t kHeadBytes = 1024, kMostStages = 8;
inline constexpr std::int32_t kBoxPixels = 16, kBoxColumns = 64, kBoxBytes = kBoxPixels * kPixelBytes,
                              kBoxes = 2;
inline constexpr std::int32_t kOutputBytes = kMultiplyWarps * kBoxes * kBoxBytes;

// Bytes of a pixel that a lane makes; boxes of x, at most, that a warp has room for.
inline constexpr std::int32_t kLaneBytes = 8, kMostBoxes = 6;

// What is copied of x at once: some rows of what two halves of a warp make `kSpan` neighbouring outputs each
// of.
constexpr std::int32_t BoxRows(std::int32_t stride) { return stride == 1 ? 3 : 2; }
constexpr std::int32_t BoxColumns(std::int32_t stride, std::int32_t span) {
  return (2 * span - 1) * stride + 3;
}
template <int kStride, int kSpan>
struct InputBox {
  static constexpr std::int32_t kRows = BoxRows(kStride), kColumns = BoxColumns(kStride, kSpan),
                                kBytes = kRows * kColumns * kPixelBytes;
};

// What may be chosen.
struct Tile {
  std::int32_t columns;       // output channels of a block
  std::int32_t pixel_blocks;  // of a cluster, 1 or 2, that share their weights
  std::int32_t span;          // neighbouring outputs of a row that a lane makes
  std::int32_t warps;         // of a block
};

// One launch. Output pixels are numbered as they lie in y, and 128 of them make a block of operands. These
// lie in the workspace, [chunks][pixels][128 bytes of channels].
struct Plan {
  Tile tile;
  wide::Clamp middle, output;              // the activations
  bool has_bias;                           // b_pw
  std::int32_t chunk, chunks, last_steps;  // input channels of one; of all; products of 32 bytes in the last
  std::int32_t pixels, blocks;             // of all images, and blocks of 128 of them
  std::int32_t column_tiles, tiles, clusters, stages;
  // An image is made in strips, of 2 spans of columns, `rows` rows and a chunk of channels.
  std::int32_t strips, parts, rows, items;     // along a row; along a column; in all
  std::int32_t boxes, strip_boxes, ring_part;  // of x: in a warp's ring, for a strip; the ring's bytes
  std::int32_t output_bytes, weight_bytes, stage_bytes, shared_bytes;
  // In the workspace, which begins with b_pw as floats.
  std::int64_t filters_from, weights_from, counters_from, operands_from, workspace_bytes;
  device::Divisor by_columns, by_chunks, by_strips, by_parts;

  // Of counters: blocks that have made their part, and that have seen that all have.
  static constexpr std::int32_t kMade = 0, kSeen = 32, kCounters = 64;
};

// How high strips are: as few rounds of all warps as may be, each of few boxes. To begin one takes the time
// of about one box.
inline void CutImages(const Shape& shape, std::int64_t warps, Plan& plan) {
  std::int64_t least = 0;
  for (std::int32_t parts = 1; parts <= std::max(1, shape.p / 3); ++parts) {
    const std::int32_t rows = DivideUp(shape.p, parts);
    if (DivideUp(shape.p, rows) != parts) continue;
    const std::int64_t items = static_cast<std::int64_t>(shape.n) * parts * plan.strips * plan.chunks;
    const std::int32_t boxes = DivideUp((rows - 1) * shape.stride_h + 3, BoxRows(shape.stride_h));
    const std::int64_t time = DivideUp(items, warps) * (boxes + 1);
    if (least == 0 || time < least) {
      least = time, plan.parts = parts, plan.rows = rows, plan.strip_boxes = boxes;
      plan.items = static_cast<std::int32_t>(items);
    }
  }
}

// `output_bytes`: of shared memory, through which y leaves.
inline Plan MakePlan(const Shape& shape, assay_dtype dtype, const Tile& tile, std::int32_t clusters,
                     std::int32_t shared_bytes, std::int32_t output_bytes) {
  Plan plan{};
  plan.tile = tile, plan.clusters = clusters;
  plan.middle = wide::ClampOf(shape.act_mid, dtype), plan.output = wide::ClampOf(shape.act_out, dtype);
  plan.chunk = ChunkOf(dtype), plan.chunks = DivideUp(shape.c, plan.chunk);
  plan.last_steps = DivideUp(shape.c - (plan.chunks - 1) * plan.chunk, plan.chunk / 4);
  plan.pixels = shape.n * shape.p * shape.q, plan.blocks = DivideUp(plan.pixels, kPixels);
  plan.column_tiles = DivideUp(shape.k, tile.columns);
  plan.tiles = DivideUp(plan.blocks, tile.pixel_blocks) * plan.column_tiles;
  plan.strips = DivideUp(shape.q, 2 * tile.span);
  CutImages(shape, static_cast<std::int64_t>(clusters) * tile.pixel_blocks * tile.warps, plan);
  plan.weight_bytes = tile.columns * kPixelBytes, plan.stage_bytes = kOperandBytes + plan.weight_bytes;
  // 1024 bytes are lost by aligning.
  plan.output_bytes = output_bytes;
  const std::int32_t beside = 1024 + kHeadBytes + plan.output_bytes;
  plan.stages = std::min(kMostStages, (shared_bytes - beside) / plan.stage_bytes);
  plan.shared_bytes = beside + plan.stages * plan.stage_bytes;
  // x lies where operands and outputs will.
  const std::int32_t box_bytes =
      BoxRows(shape.stride_h) * BoxColumns(shape.stride_w, tile.span) * kPixelBytes;
  plan.boxes =
      std::min(kMostBoxes, (plan.output_bytes + plan.stages * plan.stage_bytes) / tile.warps / box_bytes);
  plan.ring_part = plan.boxes * box_bytes;

  const auto up = [](std::int64_t bytes) { return wide::RoundUp<std::int64_t>(bytes, 1024); };
  const std::int64_t columns = static_cast<std::int64_t>(plan.column_tiles) * tile.columns;
  plan.filters_from = up(columns * 4);
  plan.weights_from = plan.filters_from + up(static_cast<std::int64_t>(plan.chunks) * 10 * plan.chunk * 4);
  plan.counters_from = plan.weights_from + columns * plan.chunks * kPixelBytes;
  plan.operands_from = plan.counters_from + up(Plan::kCounters * 4);
  plan.workspace_bytes =
      plan.operands_from + static_cast<std::int64_t>(plan.pixels) * plan.chunks * kPixelBytes;
  plan.by_columns = device::Divisor(plan.column_tiles), plan.by_chunks = device::Divisor(plan.chunks);
  plan.by_strips = device::Divisor(plan.strips), plan.by_parts = device::Divisor(plan.parts);
  return plan;
}

// Numbers of a plan are 32-bit; hopper_l2 takes as many pixels.
inline bool IsTooLarge(const Shape& shape, std::int32_t chunk) {
  constexpr std::int64_t kMostPixels = (std::int64_t{1} << 25) - (1 << 11);
  const std::int64_t pixels = static_cast<std::int64_t>(shape.n) * shape.p * shape.q;
  return pixels > kMostPixels || pixels * DivideUp(shape.c, chunk) > 0x7fffffff - (1 << 16) ||
         (pixels / kPixels + 2) * (shape.k / 128 + std::int64_t{1}) > 0x7fffffff;
}

}  // namespace assay::dsconv::phases
