// How `hopper_strips` cuts a problem, and how that lies in shared memory and in the workspace.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/sparse/plan.h"

namespace assay::dsconv::strips {

using sparse::kChunk;
using sparse::kFilterBytes;
using sparse::kPixelBytes;
using sparse::kStepBytes;
using sparse::kSteps;
using sparse::kStepTapBytes;
using wide::DivideUp;
using wide::RoundUp;

// Two warpgroups multiply; one makes the depthwise half, each warp 16 of a chunk's channels. With more than
// 384 threads none would have the registers at first that ptxas wants for m64n256.
inline constexpr std::int32_t kTeams = 2, kTeamWarps = 4, kMultiplyWarps = kTeams * kTeamWarps;
inline constexpr std::int32_t kThreads = 32 * (kMultiplyWarps + kSteps);

// Columns of x, of each parity where the stride is 2, that a strip of 8 columns of outputs needs: one more
// there, and an even number, so that four rows are a multiple of the swizzle's period.
inline constexpr std::int32_t kPitch = 10;

// Outputs are stored by boxes of 64 channels of 16 pixels.
inline constexpr std::int32_t kBoxBytes = 16 * kPixelBytes;

// Barriers, and b_pw.
inline constexpr std::int32_t kBarrierBytes = 1024, kHeadBytes = 2048;
inline constexpr std::int32_t kMostStages = 8, kMostChunks = 16, kMostTiles = 1 << 26;

// Blocks of 64 pixels of a tile.
__host__ __device__ constexpr std::int32_t BlocksOf(std::int32_t pairs) { return pairs / 4; }

// Rows of x that so many pairs of rows of outputs need; at stride 2 one more, since they are loaded by twos.
__host__ __device__ constexpr std::int32_t RowsOf(std::int32_t stride, std::int32_t pairs) {
  return 2 * stride * pairs + 2;
}

// What may be chosen.
struct Tile {
  std::int32_t columns;           // output channels of a block
  std::int32_t pairs;             // of output rows: a multiple of 4
  bool shared;                    // warpgroups take half of each tile; else tiles in turn
  std::int32_t boxes;             // of outputs that a warp stores at once
  std::int32_t inputs, operands;  // stages of each ring
};

// One launch. Images are cut into strips of 8 columns, these into halves of tiles, some pairs of rows, which
// are numbered from top to bottom, then strip by strip. A block's tile is two halves that follow each other:
// it may be the end of a strip and the beginning of the next. Its pixels are numbered by pairs of rows, then
// rows, then columns: 16 of them, a pair of rows, are what a warp multiplies at once.
struct Plan {
  Tile tile;
  std::int32_t stride;
  std::int32_t chunks;  // of input channels
  std::int32_t strips, halves_down, halves_of_image, tiles;
  std::int32_t step_n, step_strip, step_down;  // from a block's tile to its next one
  std::int32_t x_slots, a_slots, a_turns;      // how far the rings go meanwhile; the latter's whole rounds
  std::int32_t rounds, grid, blocks_out;
  std::int32_t first_row, first_column;  // of x, from a half's first ones on
  std::int32_t box_rows, box_bytes;      // of a tile's x that is copied at once
  std::int32_t half_rows, half_bytes;    // and of half a tile's
  std::int32_t plane_bytes, input_bytes, operand_bytes, weight_bytes, filter_bytes;
  std::int32_t tap_at[3];  // the first tap of the first output, of each column of taps, in pixels
  wide::Clamp middle, output;
  std::int32_t shared_bytes;
  std::int64_t filters_from, weights_from,
      workspace_bytes;  // in the workspace, which begins with b_pw as floats
};

inline Plan MakePlan(const Shape& shape, assay_dtype dtype, const Tile& tile, std::int32_t sms) {
  Plan plan{};
  plan.tile = tile;
  plan.middle = wide::ClampOf(shape.act_mid, dtype), plan.output = wide::ClampOf(shape.act_out, dtype);
  plan.chunks = DivideUp(shape.c, kChunk);
  plan.strips = DivideUp(shape.q, 8);
  plan.halves_down = DivideUp(shape.p, tile.pairs);
  plan.halves_of_image = plan.halves_down * plan.strips;
  const std::int64_t halves = std::int64_t{plan.halves_of_image} * shape.n;
  plan.tiles =
      static_cast<std::int32_t>(std::min<std::int64_t>((halves + 1) / 2, kMostTiles));  // more are refused
  plan.blocks_out = DivideUp(shape.k, tile.columns);
  plan.rounds = DivideUp(plan.tiles, std::max(1, sms / plan.blocks_out));
  plan.grid = DivideUp(plan.tiles, plan.rounds);
  const std::int32_t step = 2 * plan.grid;
  plan.step_n = step / plan.halves_of_image;
  plan.step_strip = step % plan.halves_of_image / plan.halves_down;
  plan.step_down = step % plan.halves_down;
  plan.x_slots = plan.chunks % tile.inputs;
  plan.a_slots = plan.chunks % tile.operands, plan.a_turns = plan.chunks / tile.operands;
  const std::int32_t stride = plan.stride = shape.stride_w;
  plan.first_row = -shape.pad_h;
  plan.first_column = -DivideUp(shape.pad_w, stride);
  plan.box_rows = RowsOf(stride, tile.pairs), plan.half_rows = RowsOf(stride, tile.pairs / 2);
  plan.box_bytes = plan.box_rows * kPitch * kPixelBytes;
  plan.half_bytes = plan.half_rows * kPitch * kPixelBytes;
  const bool splits = plan.halves_down % 2 != 0;  // some tiles are of two strips
  plan.plane_bytes = RoundUp(splits ? 2 * plan.half_bytes : plan.box_bytes, 1024);
  for (std::int32_t s = 0; s < 3; ++s) {
    const std::int32_t column = s - shape.pad_w, plane = ((column % stride) + stride) % stride;
    plan.tap_at[s] = plane * (plan.plane_bytes / kPixelBytes) + (column - plane) / stride - plan.first_column;
  }
  plan.input_bytes = stride * plan.plane_bytes;
  plan.operand_bytes = BlocksOf(tile.pairs) * 64 * kPixelBytes;
  plan.weight_bytes = tile.columns * kPixelBytes;
  plan.filter_bytes = RoundUp(plan.chunks * kFilterBytes, 1024);
  plan.shared_bytes = 1024 + kHeadBytes + tile.inputs * plan.input_bytes +
                      tile.operands * plan.operand_bytes + kMultiplyWarps * tile.boxes * kBoxBytes +
                      plan.chunks * plan.weight_bytes + plan.filter_bytes;
  plan.filters_from = RoundUp<std::int64_t>(std::int64_t{plan.blocks_out} * tile.columns * 4, 256);
  plan.weights_from = RoundUp<std::int64_t>(plan.filters_from + plan.filter_bytes, 1024);
  plan.workspace_bytes = plan.weights_from + std::int64_t{plan.blocks_out} * plan.chunks * plan.weight_bytes;
  return plan;
}

}  // namespace assay::dsconv::strips
