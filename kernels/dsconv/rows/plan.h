// How `hopper_rows` cuts a problem, and how that lies in shared memory and in the workspace.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::rows {

using wide::DivideUp;
using wide::kChunk;
using wide::kPixelBytes;
using wide::RoundUp;

// The first four warps multiply, the next twelve make the depthwise half, and one of the last four copies x.
// Registers for 640 threads of 96.
inline constexpr std::int32_t kMultiplyWarps = 4, kMakeWarps = 12, kMakers = 32 * kMakeWarps;
inline constexpr std::int32_t kWorkers = kMakers + 32 * kMultiplyWarps, kThreads = kWorkers + 128;
inline constexpr int kMultiplyRegisters = 120, kMakeRegisters = 112, kLoadRegisters = 24;

// Channels of a lane that makes, and pixels that are multiplied at once.
inline constexpr std::int32_t kLaneChannels = 4, kPixels = 64;

inline constexpr std::int32_t kHeadBytes = 1024;  // barriers
inline constexpr std::int32_t kMostStages = 16, kSlots = 2;
inline constexpr int kReady = 1;  // the barrier behind which barriers and zeros are there

// Stages of rows of x after that in which a row of outputs begins, until it is finished.
__host__ __device__ constexpr std::int32_t StagesBefore(std::int32_t stride) { return 3 - stride; }

// What may be chosen.
struct Tile {
  std::int32_t span;     // neighbouring outputs of a row that a lane makes
  std::int32_t columns;  // output channels at once, 32, 64 or 96
  std::int32_t bands;    // parts of an image, one below the other, that blocks take
};

// One launch. A block takes a band of an image and goes down its rows of x, which are copied whole, by stages
// of as many as the stride: all columns of all channels, as they lie in memory. In shared memory a row has
// zeros on either side, as many as all spans of columns need. A lane makes `span` columns of four channels,
// of all rows of outputs. Rows of outputs are operands in groups that fill 64 pixels, or of one
// row alone that has more; each begins at a multiple of 8 pixels.
struct Plan {
  Tile tile;
  wide::Clamp middle, output;
  std::int32_t chunks;                                    // of 64 input channels
  std::int32_t groups, spans;                             // lanes: of channels, of a row
  std::int32_t makers;                                    // lanes of the warps that have any of these
  std::int32_t pixel_bytes, row_bytes, pad_bytes, pitch;  // of x: a pixel, a row, the zeros before it, both
  std::int32_t stage_rows, stages;                        // rows of x of a stage, and stages
  std::int32_t band_rows, items, grid;                    // rows of outputs of a band; bands of all images
  std::int32_t group_rows, padded_q, blocks;  // rows of outputs of a group; pixels of one; 64s of pixels
  std::int32_t pieces, weight_bytes, slot_bytes;
  std::int32_t weights_at, operands_at, x_at, shared_bytes;  // in shared memory
  // The workspace begins with depthwise weights and ends with what blocks copy: pointwise weights and b_pw.
  std::int64_t weights_from, biases_from, workspace_bytes;
};

inline Plan MakePlan(const Shape& shape, assay_dtype dtype, const Tile& tile, std::int32_t sms,
                     std::int32_t shared_bytes) {
  Plan plan{};
  plan.tile = tile;
  plan.middle = wide::ClampOf(shape.act_mid, dtype), plan.output = wide::ClampOf(shape.act_out, dtype);
  plan.chunks = DivideUp(shape.c, kChunk);
  plan.groups = shape.c / kLaneChannels, plan.spans = DivideUp(shape.q, tile.span);
  plan.makers = RoundUp(plan.groups * plan.spans, 32);
  plan.pixel_bytes = shape.c * 2, plan.row_bytes = shape.w * plan.pixel_bytes;
  plan.pad_bytes = shape.pad_w * plan.pixel_bytes;
  const std::int32_t columns =
      std::max(shape.pad_w + shape.w, (plan.spans * tile.span - 1) * shape.stride_w + 3);
  plan.pitch = columns * plan.pixel_bytes;
  plan.band_rows = DivideUp(shape.p, tile.bands);
  plan.items = shape.n * DivideUp(shape.p, plan.band_rows);
  plan.grid = DivideUp(plan.items, DivideUp(plan.items, sms));
  plan.padded_q = RoundUp(plan.spans * tile.span, 8);
  plan.group_rows = std::max(1, kPixels / plan.padded_q);
  plan.blocks = DivideUp(plan.group_rows * plan.padded_q, kPixels);
  plan.pieces = DivideUp(shape.k, tile.columns);
  plan.weight_bytes = tile.columns * plan.chunks * kPixelBytes;  // of a piece
  plan.slot_bytes = plan.blocks * plan.chunks * kPixels * kPixelBytes;
  plan.weights_at = kHeadBytes;
  plan.operands_at =
      plan.weights_at + RoundUp(plan.pieces * (plan.weight_bytes + tile.columns * 4), kHeadBytes);
  plan.x_at = plan.operands_at + kSlots * plan.slot_bytes;
  const std::int32_t left = shared_bytes - 1024 - plan.x_at;  // 1024 are lost by aligning
  plan.stage_rows = shape.stride_h;
  plan.stages = std::clamp(left / (plan.stage_rows * plan.pitch), 0, kMostStages);
  plan.shared_bytes = 1024 + plan.x_at + plan.stages * plan.stage_rows * plan.pitch;

  plan.weights_from = RoundUp<std::int64_t>(std::int64_t{plan.chunks} * 10 * kChunk * 4, 1024);
  plan.biases_from = plan.weights_from + std::int64_t{plan.pieces} * plan.weight_bytes;
  plan.workspace_bytes = plan.biases_from + std::int64_t{plan.pieces} * tile.columns * 4;
  return plan;
}

}  // namespace assay::dsconv::rows
