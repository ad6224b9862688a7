// How `hopper_dilated` cuts a problem, and how that lies in shared memory and in the workspace.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/device/divide.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::dilated {

using wide::ChunkOf;
using wide::DivideUp;
using wide::kPixelBytes;
using wide::RoundUp;

// A block has 6 groups of 11 neighbouring pixels, as 72 columns of the products, and 256 output channels.
// Where the dilation is 6, 12 or 18, groups are every 6th pixel instead, 12 of them: two rows of 6 or one.
inline constexpr std::int32_t kGroup = 11, kGroups = 6, kPixels = kGroup * kGroups, kColumns = 72,
                              kOutputs = 256;

// Bytes of a chunk's operands, weights and depthwise filters (nine taps and b_dw); of each part of them,
// where products take fp32 as two TF32 numbers.
inline constexpr std::int32_t kOperandBytes = kColumns * kPixelBytes, kWeightBytes = kOutputs * kPixelBytes,
                              kFilterBytes = 10 * kPixelBytes;

// Warps 0 to 3 multiply; two teams of the next ones, a warp a group of pixels, make the depthwise half of
// every other chunk; then one copies x and one weights. Two are there since registers are given and taken by
// four warps together.
inline constexpr std::int32_t kMultiplyWarps = 4, kTeams = 2, kDepthwiseWarps = kTeams * kGroups,
                              kThreads = 32 * (kMultiplyWarps + kDepthwiseWarps + 4);

// Room for barriers, the most stages of a ring, and the most rows of x that a block may need.
inline constexpr std::int32_t kHeadBytes = 1024, kMostStages = 12, kMostRows = 6;

// Which barrier says that a stage of x is filled, of kTeams for each, and the parity of its phase, for a
// chunk that is the stage's `round`-th. In a ring of an odd number a stage is either team's in turn, and who
// waits for a barrier must have seen all of its phases: the parity of the next one is that of the one before
// the last, so a team that came while the other's chunk was still on its way would take it for its own.
__host__ __device__ constexpr std::int32_t FilledBarrier(std::int32_t team, std::int32_t stage) {
  return team * kMostStages + stage;
}
__host__ __device__ constexpr std::uint32_t FilledParity(std::int32_t stages, std::uint32_t round) {
  return (stages % kTeams == 0 ? round : round / kTeams) & 1;
}

// What may be chosen: stages of each ring.
struct Tile {
  std::int32_t weights, operands, inputs;
};

// One launch. Rows of outputs that fit 33 pixels go in pairs, which lie a dilation apart where they can, so
// that both need one row of x; longer ones are cut into pieces of up to 66.
struct Plan {
  Tile tile;
  wide::Clamp middle, output;  // the activations
  std::int32_t chunk, chunks;  // input channels of one, 128 bytes; of all
  bool pairs;                  // of rows
  std::int32_t classes;        // the dilation over 6, where groups are every 6th pixel; else 0
  std::int32_t lower_at;       // the column of the products where the pairs' lower rows begin
  std::int32_t pieces, piece;  // of a row, and pixels of one
  // Pairs a dilation apart and rows that are left, of an image; then all, which also go in pairs.
  std::int32_t image_pairs, image_singles, all_pairs, all_singles;
  std::int32_t long_chains, chain;  // rows a dilation apart: `chain` of them, and one more in long ones
  std::int32_t tiles, column_tiles;
  std::int32_t span, guard, rows;  // columns of x that are copied, zeros beside each row, most rows of a tile
  double mean_rows;
  std::int32_t row_bytes, weight_bytes, operand_bytes, input_bytes, shared_bytes;
  // In the workspace, which begins with b_pw as floats.
  std::int64_t filters_from, weights_from, workspace_bytes;
  device::Divisor by_image_pairs, by_image_singles, by_dilation, by_pieces, by_p;
};

// A row of outputs, or a part of one; -1 where there is none.
struct Segment {
  std::int32_t image, row;
};

// A block's pixels, and the rows of x that they need. Of those, number r is what tap r of the upper row
// reads, 3 + r the same for the lower one.
struct TileAt {
  Segment upper, lower;           // the pixels' rows; lower: the second half of the pixels
  std::int32_t first_q, first_w;  // of the outputs, and of the columns of x that are copied
  bool chained;                   // the lower row lies a dilation below the upper one: they share rows

  __host__ __device__ __forceinline__ Segment SegmentOf(std::int32_t number) const {
    return number < 3 ? upper : lower;
  }
  __host__ __device__ __forceinline__ std::int32_t RowOf(const Shape& shape, std::int32_t number) const {
    return SegmentOf(number).row - shape.pad_h + (number < 3 ? number : number - 3) * shape.dilation_h;
  }
  __host__ __device__ __forceinline__ bool Inside(const Shape& shape, std::int32_t number) const {
    const std::int32_t h = RowOf(shape, number);
    return SegmentOf(number).row >= 0 && h >= 0 && h < shape.h;
  }
  // The first number of the same row; it is copied once.
  __host__ __device__ __forceinline__ std::int32_t First(std::int32_t number) const {
    return chained && (number == 3 || number == 4) ? number - 2 : number;
  }
  __host__ __device__ __forceinline__ bool Copied(const Shape& shape, std::int32_t number) const {
    return First(number) == number && Inside(shape, number);
  }
};

// The i-th pair of an image, by its upper row. A chain of odd length leaves its first row.
__host__ __device__ __forceinline__ std::int32_t UpperRow(const Shape& shape, const Plan& plan,
                                                          std::int32_t i) {
  const std::int32_t step = shape.dilation_h, whole = plan.chain / 2 * step;
  if (i >= whole) return i - whole + (plan.chain - 1) * step;  // the last pair of a long chain
  const std::int32_t pair = plan.by_dilation.Quotient(i), phase = i - pair * step;
  const bool odd = (plan.chain % 2 != 0) != (phase < plan.long_chains);
  return phase + (2 * pair + (odd ? 1 : 0)) * step;
}

__host__ __device__ __forceinline__ Segment SingleRow(const Plan& plan, std::int32_t i) {
  if (i >= plan.all_singles) return {0, -1};
  const std::int32_t image = plan.by_image_singles.Quotient(i);
  return {image, i - image * plan.image_singles + (plan.chain % 2 != 0 ? plan.long_chains : 0)};
}

__host__ __device__ __forceinline__ TileAt TileOf(const Shape& shape, const Plan& plan, std::int32_t tile) {
  TileAt at{{0, -1}, {0, -1}, 0, 0, false};
  if (!plan.pairs) {
    const std::int32_t row = plan.by_pieces.Quotient(tile), image = plan.by_p.Quotient(row);
    at.upper = {image, row - image * shape.p};
    at.first_q = (tile - row * plan.pieces) * plan.piece;
  } else if (tile < plan.all_pairs) {
    const std::int32_t image = plan.by_image_pairs.Quotient(tile);
    const std::int32_t row = UpperRow(shape, plan, tile - image * plan.image_pairs);
    at.upper = {image, row}, at.lower = {image, row + shape.dilation_h};
    at.chained = true;
  } else {
    at.upper = SingleRow(plan, (tile - plan.all_pairs) * 2);
    at.lower = SingleRow(plan, (tile - plan.all_pairs) * 2 + 1);
  }
  const std::int32_t first = at.first_q - shape.pad_w, last = shape.w - plan.span;
  at.first_w = first < 0 ? 0 : first < last ? first : last;
  return at;
}

// Of the group that begins with output q of the tile's pixels: where tap s of its first one lies in the
// columns that are copied, and whether the group makes outputs of which any of the taps lie there. Groups
// behind a short row's end make none: what they would read lies behind the zeros, where copies may be on
// their way.
__host__ __device__ __forceinline__ std::int32_t ColumnOf(const Shape& shape, const TileAt& at,
                                                          std::int32_t q, std::int32_t s) {
  return at.first_q + q + s * shape.dilation_w - shape.pad_w - at.first_w;
}
__host__ __device__ __forceinline__ bool Touches(const Plan& plan, std::int32_t q, std::int32_t column) {
  return q < plan.piece && column > -kGroup && column < plan.span;
}

// Chains of rows, and what a tile needs at most.
inline void CutRows(const Shape& shape, Plan& plan) {
  const bool same = shape.pad_w == shape.dilation_w && shape.q == shape.w && shape.q <= kPixels &&
                    shape.pad_h == shape.dilation_h && shape.p == shape.h;
  plan.classes = same && shape.dilation_w % kGroups == 0 && shape.dilation_w <= 3 * kGroups
                     ? shape.dilation_w / kGroups
                     : 0;
  plan.lower_at = plan.classes > 0 ? kColumns / 2 : kPixels / 2;
  plan.pairs = shape.q <= plan.lower_at;
  plan.pieces = plan.pairs ? 1 : DivideUp(shape.q, kPixels);
  plan.piece = DivideUp(shape.q, plan.pieces);
  plan.chain = shape.p / shape.dilation_h, plan.long_chains = shape.p % shape.dilation_h;
  const bool odd = plan.chain % 2 != 0;
  plan.image_pairs = plan.chain / 2 * shape.dilation_h + (odd ? plan.long_chains : 0);
  plan.image_singles = odd ? shape.dilation_h - plan.long_chains : plan.long_chains;
  plan.by_image_pairs = device::Divisor(std::max(1, plan.image_pairs));
  plan.by_image_singles = device::Divisor(std::max(1, plan.image_singles));
  plan.by_dilation = device::Divisor(shape.dilation_h);
  plan.by_pieces = device::Divisor(plan.pieces), plan.by_p = device::Divisor(shape.p);
  plan.all_pairs = shape.n * plan.image_pairs, plan.all_singles = shape.n * plan.image_singles;
  plan.tiles = plan.pairs ? plan.all_pairs + DivideUp(plan.all_singles, 2) : shape.n * shape.p * plan.pieces;
  plan.span = static_cast<std::int32_t>(
      std::min<std::int64_t>(shape.w, plan.piece + 2 * static_cast<std::int64_t>(shape.dilation_w)));
  // All images have the same pairs; of single rows, two images' are taken together.
  double tiles = 0;
  const auto look = [&](std::int32_t tile, double weight) {
    const TileAt at = TileOf(shape, plan, tile);
    std::int32_t rows = 0;
    for (std::int32_t number = 0; number < kMostRows; ++number) rows += at.Copied(shape, number) ? 1 : 0;
    plan.rows = std::max(plan.rows, rows);
    plan.mean_rows += rows * weight, tiles += weight;
  };
  const std::int32_t first = plan.pairs ? plan.image_pairs : shape.p;
  for (std::int32_t i = 0; i < first; ++i) look(i * plan.pieces, 1);
  if (plan.pairs) {
    const std::int32_t end = std::min(plan.tiles, plan.all_pairs + plan.image_singles);
    for (std::int32_t tile = plan.all_pairs; tile < end; ++tile) look(tile, 0.5);
  }
  plan.mean_rows /= tiles;
  if (plan.classes > 0) {
    plan.guard = plan.pairs ? plan.lower_at - shape.w : kPixels - shape.w;
    return;
  }
  // All pieces of a row are among the first tiles.
  for (std::int32_t tile = 0; tile < plan.pieces; ++tile) {
    const TileAt at = TileOf(shape, plan, tile);
    for (std::int32_t q = 0; q < plan.piece; q += kGroup) {
      for (std::int32_t s = 0; s < 3; ++s) {
        const std::int32_t column = ColumnOf(shape, at, q, s);
        if (Touches(plan, q, column))
          plan.guard = std::max({plan.guard, -column, column + kGroup - plan.span});
      }
    }
  }
}

// Shared memory besides the rings; 1024 bytes are lost by aligning.
inline constexpr std::int32_t kBesideRings = 1024 + kHeadBytes;

// In fp32, of `parts` TF32 numbers each.
inline Plan MakePlan(const Shape& shape, assay_dtype dtype, std::int32_t parts, const Tile& tile) {
  Plan plan{};
  plan.tile = tile;
  plan.middle = wide::ClampOf(shape.act_mid, dtype), plan.output = wide::ClampOf(shape.act_out, dtype);
  plan.chunk = ChunkOf(dtype), plan.chunks = DivideUp(shape.c, plan.chunk);
  plan.weight_bytes = parts * kWeightBytes, plan.operand_bytes = parts * kOperandBytes;
  plan.column_tiles = DivideUp(shape.k, kOutputs);
  CutRows(shape, plan);
  plan.row_bytes = (plan.span + plan.guard) * kPixelBytes;
  plan.input_bytes = kFilterBytes + plan.guard * kPixelBytes + plan.rows * plan.row_bytes;
  plan.shared_bytes = kBesideRings + tile.weights * plan.weight_bytes + tile.operands * plan.operand_bytes +
                      tile.inputs * plan.input_bytes;
  const auto up = [](std::int64_t bytes) { return RoundUp<std::int64_t>(bytes, 1024); };
  plan.filters_from = up(static_cast<std::int64_t>(plan.column_tiles) * kOutputs * 4);
  plan.weights_from = plan.filters_from + up(static_cast<std::int64_t>(plan.chunks) * kFilterBytes);
  plan.workspace_bytes =
      plan.weights_from + static_cast<std::int64_t>(plan.column_tiles) * plan.chunks * plan.weight_bytes;
  return plan;
}

}  // namespace assay::dsconv::dilated
