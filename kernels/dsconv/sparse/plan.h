// How `hopper_sparse` cuts a problem, and how that lies in shared memory and in the workspace.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::sparse {

using wide::DivideUp;
using wide::kChunk;
using wide::kPixelBytes;
using wide::RoundUp;

// Warps 0 to 3 multiply, the next ones make the depthwise half, then one copies x and one the weights. Four
// are there since registers are given and taken by four warps together.
inline constexpr std::int32_t kMultiplyWarps = 4, kMakers = 8, kThreads = 32 * (kMultiplyWarps + kMakers + 4);

// Depthwise weights of 16 input channels: three columns of taps of twice 8 channels, four elements each, the
// last one zero; then b_dw as floats.
inline constexpr std::int32_t kSteps = kChunk / 16, kStepTapBytes = 3 * 2 * 8 * 8,
                              kStepBytes = kStepTapBytes + 64, kFilterBytes = kSteps * kStepBytes;

inline constexpr std::int32_t kHeadBytes = 1024, kMostStages = 12, kMostTiles = 1 << 26;

// Columns of x, of each parity where the stride is 2, that lie side by side in shared memory: one at least is
// zero, the padding of either side.
inline std::int32_t PitchOf(const Shape& shape) { return RoundUp(DivideUp(shape.w, shape.stride_w) + 1, 8); }

// Blocks of 64 pixels of a tile.
__host__ __device__ constexpr std::int32_t BlocksOf(std::int32_t pitch, std::int32_t pairs) {
  return (pitch / 8 * pairs + 3) / 4;
}

// What may be chosen.
struct Tile {
  std::int32_t columns;                    // output channels that there is room for
  std::int32_t pairs;                      // of output rows, of a block's tile
  std::int32_t cluster;                    // blocks that share copies of weights
  std::int32_t inputs, operands, weights;  // stages of each ring
};

// One launch. A block's tile is all columns of some rows of an image. Its pixels are numbered by strips of 8
// columns, then pairs of rows, then rows, then columns: 16 of them, a pair of rows, are what a warp
// multiplies at once.
struct Plan {
  // What the copies begin with, side by side. Of an input stage, in pixels: a row, rows that are copied,
  // where these begin in each plane (at stride 2 columns that are even and odd apart), and all of it. What is
  // not copied is zero.
  std::int32_t chunks;  // of input channels
  std::int32_t rounds, tiles_down, rows, stride;
  std::int32_t first_row;  // of x, from the tile's first one on
  std::int32_t box_at, box_bytes, plane_pixels, stage_pixels, input_bytes;
  std::int32_t grid;
  Tile tile;
  std::int32_t weight_bytes;
  bool resident;  // the weights stay
  std::int64_t filters_from, weights_from,
      workspace_bytes;     // in the workspace, which begins with b_pw as floats
  std::int32_t tap_at[3];  // the first tap of the first output, of each column of taps
  std::int32_t pitch, box_rows;
  wide::Clamp middle, output;  // the activations
  std::int32_t columns;        // output channels: a multiple of 32
  std::int32_t tiles;
  std::int32_t operand_bytes, shared_bytes;
};

inline Plan MakePlan(const Shape& shape, assay_dtype dtype, const Tile& tile, std::int32_t sms) {
  Plan plan{};
  plan.tile = tile;
  plan.middle = wide::ClampOf(shape.act_mid, dtype), plan.output = wide::ClampOf(shape.act_out, dtype);
  plan.columns = tile.columns;
  plan.chunks = DivideUp(shape.c, kChunk);
  plan.rows = 2 * tile.pairs;
  plan.tiles_down = DivideUp(shape.p, plan.rows);
  plan.tiles = static_cast<std::int32_t>(
      std::min<std::int64_t>(std::int64_t{plan.tiles_down} * shape.n, kMostTiles));  // more are refused
  const std::int32_t clusters = DivideUp(plan.tiles, tile.cluster);
  plan.rounds = DivideUp(clusters, std::max(1, sms / tile.cluster));
  plan.grid = DivideUp(clusters, plan.rounds) * tile.cluster;
  const std::int32_t stride = plan.stride = shape.stride_w;
  plan.pitch = PitchOf(shape);
  // Where a tile is an image, rows of padding are not copied.
  const bool whole = plan.tiles_down == 1;
  const std::int32_t rows = (plan.rows - 1) * stride + 3 + (stride == 2 ? 1 : 0);
  plan.box_rows = whole ? shape.h : rows;
  plan.first_row = whole ? 0 : -shape.pad_h;
  const std::int32_t above = whole ? shape.pad_h * plan.pitch : 0;
  plan.box_at = RoundUp(above + shape.pad_w, 8);
  const std::int32_t origin = plan.box_at - above;
  plan.box_bytes = plan.box_rows * plan.pitch * kPixelBytes;
  plan.plane_pixels =
      RoundUp(std::max(origin + rows * plan.pitch + 8, plan.box_at + plan.box_rows * plan.pitch), 8);
  plan.stage_pixels = stride * plan.plane_pixels;
  for (std::int32_t s = 0; s < 3; ++s) {
    const std::int32_t column = s - shape.pad_w, plane = ((column % stride) + stride) % stride;
    plan.tap_at[s] = origin + plane * plan.plane_pixels + (column - plane) / stride;
  }
  plan.input_bytes = RoundUp(plan.stage_pixels * kPixelBytes + kFilterBytes, 1024);
  plan.operand_bytes = plan.pitch / 8 * tile.pairs * 16 * kPixelBytes;
  plan.weight_bytes = plan.columns * kPixelBytes;
  plan.resident = tile.weights >= plan.chunks;
  // Products of the last pixels may read what lies behind them.
  const std::int32_t behind = BlocksOf(plan.pitch, tile.pairs) * 64 * kPixelBytes - plan.operand_bytes;
  plan.shared_bytes = 1024 + kHeadBytes + tile.inputs * plan.input_bytes +
                      tile.operands * plan.operand_bytes + std::max(tile.weights * plan.weight_bytes, behind);
  plan.filters_from = RoundUp<std::int64_t>(plan.columns * 4, 256);
  plan.weights_from =
      RoundUp<std::int64_t>(plan.filters_from + std::int64_t{plan.chunks} * kFilterBytes, 1024);
  plan.workspace_bytes = plan.weights_from + std::int64_t{plan.chunks} * plan.weight_bytes;
  return plan;
}

}  // namespace assay::dsconv::sparse
