// The plan of a launch of the `few` variants (few.cu says how they work), and the sizes that it is made of.
#pragma once

#include <cstdint>

#include "kernels/device/divide.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::few {

inline constexpr int kWarps = 8, kThreads = 32 * kWarps;
// Bytes of one row, a pixel's or an output channel's, that one stage holds: 16 input channels of fp32, 32 of
// 16 bits.
inline constexpr int kRowBytes = 64;
// Input channels that a thread of the depthwise half makes at once.
inline constexpr int kGroup = 4;
// And pixels of a row, where they can share their window's columns.
inline constexpr int kRun = 2;

struct Tile {
  std::int32_t pixels, columns;  // of a block: 16 to 64 pixels, 16, 32 or 64 output channels
};

// Stages of a warp: what shared memory holds of eight warps, eight at most.
constexpr int StagesOf(int pixels, int columns) {
  constexpr int kMost = 8, kRoom = 200 * 1024;
  const int fit = kRoom / (kWarps * (pixels + columns) * kRowBytes);
  return fit < kMost ? fit : kMost;
}
constexpr int SharedBytes(int pixels, int columns) {
  return kWarps * StagesOf(pixels, columns) * (pixels + columns) * kRowBytes;
}

// An activation: those that are clamps, which most are, without the choice among the others.
struct Activating {
  device::Activation activation;
  bool clamps;
  wide::Clamp clamp;
};
inline Activating ActivatingOf(device::Activation activation) {
  return {activation, wide::IsClamp(activation), wide::ClampOf(activation, ASSAY_F32)};
}

// Offsets are into the workspace, in bytes:
//   0:             b_pw, a float for each output channel of all tiles
//   filters_from:  [r s + 1][channels] floats, the last row b_dw
//   weights_from:  [output channels of all tiles][channels], w_pw as it is multiplied
//   middle_from:   [pixels of all tiles][channels], the depthwise half as it is multiplied
// and two counters. Zeros stand for channels and pixels that the problem does not have.
struct Plan {
  Tile tile;
  Activating middle, output;
  std::int32_t pixels;            // n p q
  std::int32_t channels, groups;  // input channels, rounded up to whole stages; groups of kGroup
  std::int32_t chunks;            // stages that a row of them makes
  std::int32_t pixel_tiles, column_tiles, blocks;
  std::int32_t items, tiles;     // groups of all pixels or runs; tiles of the product
  bool runs;                     // the depthwise half is made in runs of kRun pixels (NHWC)
  bool vectors_in, vectors_out;  // four channels of x, of y, can be accessed at a time
  device::Divisor by_groups, by_pixels, by_runs, by_q, by_p, by_image, by_pixel_tiles;
  std::int64_t filters_from, weights_from, middle_from, counters_from, workspace_bytes;

  // Of counters: blocks that have made their part of the depthwise half, and that know that all have.
  static constexpr int kMade = 0, kSeen = 32, kCounters = 64;
};

using wide::DivideUp;
using wide::RoundUp;

inline Plan PlanOf(const Shape& shape, std::int32_t element_bytes, const Tile& tile, std::int32_t blocks) {
  Plan plan{};
  plan.tile = tile, plan.blocks = blocks;
  plan.middle = ActivatingOf(shape.act_mid), plan.output = ActivatingOf(shape.act_out);
  const std::int32_t in_row = kRowBytes / element_bytes;
  plan.pixels = shape.n * shape.p * shape.q;
  plan.channels = RoundUp(shape.c, in_row);
  plan.chunks = plan.channels / in_row;
  plan.groups = DivideUp(shape.c, kGroup);
  plan.pixel_tiles = DivideUp(plan.pixels, tile.pixels);
  plan.column_tiles = DivideUp(shape.k, tile.columns);
  plan.vectors_in = shape.channels_last && shape.c % kGroup == 0;
  plan.runs = plan.vectors_in && shape.r == 3 && shape.s == 3 && shape.dilation_w == 1 && shape.stride_w <= 2;
  const auto runs = DivideUp(shape.q, kRun);
  plan.items = (plan.runs ? shape.n * shape.p * runs : plan.pixels) * plan.groups;
  plan.tiles = plan.pixel_tiles * plan.column_tiles;
  plan.vectors_out = shape.channels_last && shape.k % kGroup == 0;
  plan.by_groups = device::Divisor(plan.groups);
  plan.by_pixels = device::Divisor(plan.pixels);
  plan.by_runs = device::Divisor(runs);
  plan.by_q = device::Divisor(shape.q);
  plan.by_p = device::Divisor(shape.p);
  plan.by_image = device::Divisor(shape.p * shape.q);
  plan.by_pixel_tiles = device::Divisor(plan.pixel_tiles);

  const std::int64_t columns = std::int64_t{plan.column_tiles} * tile.columns;
  const std::int64_t rows = std::int64_t{plan.pixel_tiles} * tile.pixels;
  const std::int64_t row_bytes = std::int64_t{plan.channels} * element_bytes;
  plan.filters_from = RoundUp<std::int64_t>(columns * 4, 256);
  plan.weights_from = plan.filters_from +
                      RoundUp<std::int64_t>((std::int64_t{shape.r} * shape.s + 1) * plan.channels * 4, 256);
  plan.middle_from = plan.weights_from + RoundUp<std::int64_t>(columns * row_bytes, 256);
  plan.counters_from = plan.middle_from + RoundUp<std::int64_t>(rows * row_bytes, 256);
  plan.workspace_bytes = plan.counters_from + Plan::kCounters * 4;
  return plan;
}

}  // namespace assay::dsconv::few
