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

// Warps 0 to 3 multiply, the next ones make the depthwise half, then one copies x and one the weights.
inline constexpr std::int32_t kMultiplyWarps = 4;
__host__ __device__ constexpr std::int32_t Threads(std::int32_t makers) { return 32 * (kMultiplyWarps + makers + 4); }

// Depthwise weights of 16 input channels: for every column of taps and 8 channels the four words of 16 lanes,
// then b_dw as 16 times the same four floats. A job is 16 channels of a strip of 8 columns.
inline constexpr std::int32_t kStepFilterBytes = 3 * 2 * 16 * 16, kSteps = kChunk / 16;
__host__ __device__ constexpr std::int32_t StepBytes(std::int32_t stride) {
  return kStepFilterBytes + 256 + (stride == 2 ? 192 : 0);
}

inline constexpr std::int32_t kHeadBytes = 1024, kMostStages = 12;

// What may be chosen.
struct Tile {
  std::int32_t two;
  std::int32_t makers;                     // warps that make the depthwise half: 8 or 12
  std::int32_t pairs;                      // of output rows, of a block's tile
  std::int32_t cluster;                    // blocks that share copies of weights
  std::int32_t inputs, operands, weights;  // stages of each ring
};

// One launch. A block's tile is all columns of some rows of an image. Its pixels are numbered by strips of 8
// columns, then pairs of rows, then rows, then columns: 16 of them, a pair of rows, are what a warp multiplies
// at once.
struct Plan {
  Tile tile;
  wide::Clamp middle, output;  // the activations
  std::int32_t strips;         // of 8 columns
  std::int32_t blocks64;       // of 64 pixels, of a tile
  std::int32_t columns;        // output channels: a multiple of 32
  std::int32_t chunks;         // of input channels
  std::int32_t jobs;           // of a chunk
  std::int32_t tiles_down, tiles, rounds, grid;
  // Of an input stage, in pixels: a row, rows that are copied, where these begin, where the first tap of the
  // first output lies, and all of it. What is not copied is zero.
  std::int32_t pitch, box_rows, box_at, plane_pixels, stage_pixels, tap_at[3];
  std::int32_t filter_bytes;
  bool whole;  // a tile is an image: rows of padding are not copied
  std::int32_t input_bytes, operand_bytes, weight_bytes, shared_bytes;
  bool resident;  // the weights stay
  // In the workspace, which begins with b_pw as floats.
  std::int64_t filters_from, weights_from, workspace_bytes;
};

inline Plan MakePlan(const Shape& shape, assay_dtype dtype, const Tile& tile, std::int32_t sms) {
  Plan plan{};
  plan.tile = tile;
  plan.middle = wide::ClampOf(shape.act_mid, dtype), plan.output = wide::ClampOf(shape.act_out, dtype);
  plan.strips = DivideUp(shape.q, 8);
  plan.blocks64 = DivideUp(plan.strips * tile.pairs, 4);
  plan.columns = shape.k;
  plan.chunks = DivideUp(shape.c, kChunk);
  plan.jobs = kSteps * plan.strips;
  plan.tiles_down = DivideUp(shape.p, 2 * tile.pairs);
  plan.tiles = plan.tiles_down * shape.n;
  const std::int32_t clusters = DivideUp(plan.tiles, tile.cluster);
  const std::int32_t room = sms / tile.cluster;
  plan.rounds = DivideUp(clusters, room);
  plan.grid = DivideUp(clusters, plan.rounds) * tile.cluster;
  const std::int32_t stride = shape.stride_w;
  plan.pitch = RoundUp((shape.w + stride - 1) / stride + 1, 8);
  plan.whole = plan.tiles_down == 1;
  const std::int32_t rows = 2 * tile.pairs * stride + 2;
  plan.box_rows = plan.whole ? shape.h : rows;
  const std::int32_t above = plan.whole ? shape.pad_h * plan.pitch : 0;
  plan.box_at = RoundUp(above + shape.pad_w, 8);
  const std::int32_t origin = plan.box_at - above;
  plan.plane_pixels = RoundUp(std::max(origin + rows * plan.pitch + 16, plan.box_at + plan.box_rows * plan.pitch), 8);
  plan.stage_pixels = stride * plan.plane_pixels;
  for (std::int32_t s = 0; s < 3; ++s) {
    const std::int32_t column = s - shape.pad_w, plane = ((column % stride) + stride) % stride;
    plan.tap_at[s] = origin + plane * plan.plane_pixels + (column - plane) / stride;
  }
  plan.filter_bytes = kSteps * StepBytes(stride);
  plan.input_bytes = RoundUp(plan.stage_pixels * kPixelBytes + plan.filter_bytes, 1024);
  plan.operand_bytes = plan.blocks64 * 64 * kPixelBytes;
  plan.weight_bytes = plan.columns * kPixelBytes;
  plan.resident = tile.weights >= plan.chunks;
  plan.shared_bytes = 1024 + kHeadBytes + tile.inputs * plan.input_bytes +
                      tile.operands * plan.operand_bytes + tile.weights * plan.weight_bytes;
  plan.filters_from = RoundUp<std::int64_t>(plan.columns * 4, 256);
  plan.weights_from = RoundUp<std::int64_t>(plan.filters_from + std::int64_t{plan.chunks} * plan.filter_bytes, 1024);
  plan.workspace_bytes = plan.weights_from + std::int64_t{plan.chunks} * plan.weight_bytes;
  return plan;
}

}  // namespace assay::dsconv::sparse
