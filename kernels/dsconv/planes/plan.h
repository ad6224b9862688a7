// How `hopper_planes_tf32` cuts a problem, and how a piece of x lies in shared memory.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/device/divide.h"
#include "kernels/dsconv/phases/plan.h"

namespace assay::dsconv::planes {

using wide::DivideUp;

// Of a block's twelve warps one copies x while the others make operands.
inline constexpr std::int32_t kWorkers = phases::kLeastWarps - 1;
// Channels of a chunk, 128 bytes of a pixel; of a quad, which a lane makes, 16 bytes.
inline constexpr std::int32_t kChunk = 32, kQuad = 4;
// Filters and biases of a chunk, ahead of the planes in a stage.
inline constexpr std::int32_t kFilterFloats = 10 * kChunk, kFilterBytes = kFilterFloats * 4;
inline constexpr std::int32_t kMostStages = 16;
// Sums on their way to y: two boxes of each warpgroup, 32 channels by the 64 pixels that it multiplies.
inline constexpr std::int32_t kGroupPixels = 64, kBoxChannels = 32,
                              kBoxBytes = kGroupPixels * kBoxChannels * 4, kOutputBytes = 2 * 2 * kBoxBytes;

// What may be chosen.
struct Tile {
  std::int32_t columns;       // output channels of a block
  std::int32_t pixel_blocks;  // of a cluster, 1 or 2, that share their weights
  std::int32_t group;         // channels of a unit: 8, 16 or 32
};

// Operands are made unit by unit: a band of an image's rows, of a group of channels. The blocks take units in
// turn, and the warps of a block items: of a unit some rows by `columns` neighbouring outputs.
struct Plan {
  phases::Plan products;                  // the second half, and the workspace
  std::int32_t group, groups, quads;      // channels of a unit; units for all of an image's, to whole chunks; quads of a unit
  std::int32_t columns, spans;            // 32 lanes are so many quads by columns; spans make a row
  std::int32_t bands, rows;               // of an image; outputs of a band
  std::int32_t segments, segment_rows;    // of a band
  std::int32_t items;                     // of a unit
  std::int32_t units;                     // of all images
  std::int32_t most_rows;                 // of x in a stage
  bool whole;                             // a band is all of an image, whose planes follow each other
  std::int32_t plane_floats, quad_bytes;  // from a channel of a quad to the next, and from quad to quad
  std::int32_t stage_bytes, stages;       // of x
  device::Divisor by_bands, by_groups, by_spans, by_plane;  // by_plane: outputs of a channel
};

// Bytes for stages of x, where products will have theirs.
inline std::int32_t RingBytes(const Plan& plan) {
  return plan.products.output_bytes + plan.products.stages * plan.products.stage_bytes;
}

// A stage for bands of so many rows. Lanes that read the same column of neighbouring quads meet in no bank.
inline void LayOutStage(const Shape& shape, std::int32_t bands, Plan& plan) {
  plan.rows = DivideUp(shape.p, bands), plan.bands = DivideUp(shape.p, plan.rows);
  plan.whole = plan.bands == 1;
  plan.most_rows = plan.whole ? shape.h : std::min(shape.h, (plan.rows - 1) * shape.stride_h + 3);
  // Copies begin at multiples of 16 bytes, where parts of planes may not.
  plan.plane_floats =
      plan.whole ? shape.h * shape.w : wide::RoundUp(plan.most_rows * shape.w + 3, std::int32_t{4});
  const std::int32_t apart = kChunk / plan.quads;
  plan.quad_bytes = (wide::RoundUp(kQuad * plan.plane_floats, kChunk) + apart) * 4;
  plan.stage_bytes = wide::RoundUp(kFilterBytes + plan.quads * plan.quad_bytes, std::int32_t{128});
  plan.stages = std::min(kMostStages, RingBytes(plan) / plan.stage_bytes);
}

inline Plan MakePlan(const Shape& shape, const Tile& tile, std::int32_t clusters, std::int32_t shared_bytes) {
  Plan plan{};
  constexpr std::int32_t kAnySpan = 4;
  plan.products = phases::MakePlan(shape, ASSAY_F32,
                                   {tile.columns, tile.pixel_blocks, kAnySpan, phases::kLeastWarps}, clusters,
                                   shared_bytes, kOutputBytes);
  plan.products.boxes = 0;  // x comes in units
  plan.group = tile.group, plan.groups = plan.products.chunks * (kChunk / tile.group), plan.quads = tile.group / kQuad;
  plan.columns = 32 / plan.quads, plan.spans = DivideUp(shape.q, plan.columns);
  // The fewest bands of which three are under way; two where even rows are too long for that.
  for (const std::int32_t stages : {3, 2}) {
    for (std::int32_t bands = 1; bands <= shape.p && plan.stages < stages; ++bands)
      LayOutStage(shape, bands, plan);
    if (plan.stages >= stages) break;
  }
  // Twice as many items as warps are under way, of no less than four rows.
  plan.segments = 1;
  while (plan.stages * plan.spans * plan.segments < 2 * kWorkers && plan.rows >= 8 * plan.segments)
    ++plan.segments;
  plan.segment_rows = DivideUp(plan.rows, plan.segments);
  plan.segments = DivideUp(plan.rows, plan.segment_rows);
  plan.items = plan.spans * plan.segments;
  plan.units = shape.n * plan.groups * plan.bands;
  plan.by_bands = device::Divisor(plan.bands), plan.by_groups = device::Divisor(plan.groups);
  plan.by_spans = device::Divisor(plan.spans), plan.by_plane = device::Divisor(shape.p * shape.q);
  return plan;
}

// Where a unit lies, and what it needs of x. The rows of a band's last outputs may be fewer.
struct UnitAt {
  std::int32_t image, c, p, rows_out, h, rows_in;

  __device__ __forceinline__ UnitAt(const Shape& shape, const Plan& plan, std::int32_t unit) {
    const std::int32_t of_group = plan.by_bands.Quotient(unit);
    p = (unit - of_group * plan.bands) * plan.rows;
    image = plan.by_groups.Quotient(of_group);
    c = (of_group - image * plan.groups) * plan.group;
    rows_out = min(plan.rows, shape.p - p);
    const std::int32_t above = p * shape.stride_h - shape.pad_h;
    h = plan.whole ? 0 : max(0, above);
    rows_in = plan.whole ? shape.h : max(0, min(shape.h, above + (rows_out - 1) * shape.stride_h + 3) - h);
  }
  __device__ __forceinline__ std::int32_t channels(const Shape& shape, const Plan& plan) const {
    return max(0, min(plan.group, shape.c - c));
  }
};

}  // namespace assay::dsconv::planes
