// What a tile of the `hopper_ffma`, `hopper_tf32` and `hopper_tf32x3` kernels is, and the plan that follows
// from it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// All that may be chosen.
struct Tile {
  int channels_out;    // of a block
  int bands, columns;  // of outputs
  int x_stages, operand_stages;
  int weight_stages;  // 0: the weights stay
  int cluster;        // blocks that share weights that do not stay
  Sharing sharing = Sharing::kHalves;
  bool few = false;   // slots: kFewSlots instead of kSlots
  bool runs = false;  // a block takes neighbouring tiles one after the other
};

// The most blocks of a cluster: 2, or 1 for none.
inline constexpr int kMostCluster = 2;

inline constexpr int kChannelsOut[] = {32, 64, 96, 128, 160, 256, 320};

inline std::int32_t DivideUp(std::int64_t a, std::int64_t b) {
  return static_cast<std::int32_t>((a + b - 1) / b);
}
inline std::int32_t RoundUp(std::int32_t a, std::int32_t to) { return DivideUp(a, to) * to; }

inline std::int32_t SlotsOf(const Tile& tile) { return tile.few ? kFewSlots : kSlots; }

// Whether there are kernels whose multiplying warpgroups take turns at tiles.
constexpr bool HasTurns(bool channels_last, int filter, int stride, int channels_out, int parts) {
  if (filter != 3 || parts == 0) return false;
  if (channels_last) {
    return stride == 1 && parts == 1 && (channels_out == 32 || channels_out == 64 || channels_out == 128);
  }
  return channels_out == 64 || channels_out == 128;
}

// How the warpgroups that multiply share tiles without turns; kernels of small ones are `few`. `stride`: 0 of
// filters without a kernel of their own.
constexpr Sharing SharingOf(bool channels_last, int stride, int channels_out, int parts, bool few) {
  if (few) return channels_out > 256 ? Sharing::kColumns : Sharing::kOne;
  if (!channels_last || parts != 1 || stride == 0) return Sharing::kHalves;
  return channels_out <= (stride == 1 ? 128 : 64) ? Sharing::kOne : Sharing::kHalves;
}

// Whether there are kernels for this at all.
constexpr bool HasKernel(bool channels_last, bool fixed, int channels_out, int parts, bool few) {
  if (few) return channels_last && fixed && parts == 1;
  return channels_out <= 256 && (parts != 0 || channels_out % 64 == 0);
}

// Filters with a kernel of their own.
inline bool IsFixed(const Shape& shape) {
  return shape.r == 3 && shape.s == 3 && shape.dilation_h == 1 && shape.dilation_w == 1 &&
         shape.stride_h == shape.stride_w && shape.stride_h <= 2;
}

// Input channels at once. Where a tile's input is large there is no room for more than 16.
inline int ChunkOf(const Shape& shape, const Tile& tile) {
  return IsFixed(shape) && (shape.stride_h == 1 || tile.few) ? 32 : 16;
}

inline bool HasStrips(const Shape& shape, const Tile& tile) {
  return shape.channels_last && IsFixed(shape) && ChunkOf(shape, tile) == 32;
}

// Whether tensor maps can describe x: strides are multiples of 16 bytes, and in NCHW what a tile begins with
// is.
inline bool HasMap(const Shape& shape) {
  if (shape.channels_last) return shape.c % 4 == 0;
  return shape.w % 4 == 0 && (!IsFixed(shape) || shape.pad_w % 4 == 1);
}

// What the columns of a tile are a multiple of.
inline int ColumnStep(const Shape& shape) {
  if (shape.channels_last) return 1;
  return HasMap(shape) && shape.stride_w % 2 == 1 ? 4 : 2;
}

// Input rows or columns of `outputs` of them; in 64 bits, so that a filter that is too large is seen to be.
inline std::int64_t Reach(std::int64_t outputs, std::int64_t stride, std::int64_t taps,
                          std::int64_t dilation) {
  return (outputs - 1) * stride + (taps - 1) * dilation + 1;
}

// Of the input tile; an estimate from above, for what is far too large.
inline bool IsTooLarge(const Shape& shape, const Tile& tile) {
  constexpr std::int64_t kMost = 256;  // of a tensor map's box
  return Reach(tile.columns, shape.stride_w, shape.s, shape.dilation_w) + 6 > kMost ||
         Reach(tile.bands * kBandRows, shape.stride_h, shape.r, shape.dilation_h) > kMost;
}

// Not for a tile that IsTooLarge.
inline Plan MakePlan(const Shape& shape, const Tile& tile, int parts) {
  Plan plan{};
  const int chunk = ChunkOf(shape, tile);
  plan.bands = tile.bands, plan.columns = tile.columns;
  plan.image_bands = DivideUp(shape.p, kBandRows);
  plan.tiles_q = DivideUp(shape.q, tile.columns);
  plan.tiles = plan.tiles_q * DivideUp(static_cast<std::int64_t>(shape.n) * plan.image_bands, tile.bands);
  plan.channel_blocks = DivideUp(shape.k, tile.channels_out);
  plan.cluster = tile.cluster;
  plan.items = DivideUp(plan.tiles, plan.cluster) * plan.channel_blocks;
  plan.chunks = DivideUp(shape.c, chunk), plan.units = DivideUp(shape.c, UnitChannels(parts));
  const auto span = static_cast<std::int32_t>(Reach(1, 1, shape.r, shape.dilation_h));
  plan.band_step = kBandRows * shape.stride_h, plan.break_rows = span - shape.stride_h;
  plan.copies = !HasMap(shape);
  plan.by_rows = !plan.copies && plan.image_bands % tile.bands != 0;
  const int matrices = tile.channels_out / 8;
  plan.turns = tile.sharing == Sharing::kTurns;
  plan.slots = SlotsOf(tile);
  const int multiply = MultiplyWarps(tile.sharing),
            others = WarpsOf(matrices, parts, tile.sharing) - multiply;
  plan.multiply_warps = plan.turns ? multiply / 2 : multiply;
  const bool few_load = !plan.copies && others <= 12 && !tile.few && (others <= 8 || HasStrips(shape, tile));
  const int loading = plan.turns ? 1 : (few_load ? 2 : 4);
  plan.depthwise_groups = others > 12 ? 3 : (others > 8 ? 2 : 1);
  plan.depthwise_warps = (others - loading) / plan.depthwise_groups, plan.copy_threads = 32 * (loading - 1);
  plan.band_strips = DivideUp(tile.columns, kStripSlots);
  plan.by_band_strips = Divisor(plan.band_strips);
  plan.strip_passes = DivideUp(static_cast<std::int64_t>(tile.bands) * plan.band_strips, 2);
  // Two rows at once, for which there may be one to spare.
  plan.box_rows = plan.by_rows && shape.channels_last ? 2 : 1;
  if (plan.box_rows == 2 && plan.break_rows % 2 != 0) ++plan.break_rows;
  plan.run_rows = plan.image_bands * plan.band_step + plan.break_rows;
  const std::int32_t breaks = plan.image_bands % tile.bands == 0
                                  ? 0
                                  : DivideUp(plan.image_bands - 1 + tile.bands, plan.image_bands) - 1;
  plan.rows = tile.bands * plan.band_step + plan.break_rows + std::max(0, breaks * plan.break_rows);
  const auto reach =
      static_cast<std::int32_t>(Reach(tile.columns, shape.stride_w, shape.s, shape.dilation_w));
  if (!shape.channels_last) {
    const bool wide = tile.columns >= 32 && tile.columns * shape.stride_w % 8 == 0 && shape.w % 8 == 0 &&
                      shape.pad_w % 8 == 1;
    plan.skew = IsFixed(shape) ? (wide && HasMap(shape) ? kWideSkew : kPlaneSkew)
                               : (HasMap(shape) ? (4 - shape.pad_w % 4) % 4 : 0);
  }
  plan.width = reach;
  plan.pitch = RoundUp(plan.skew + reach, shape.channels_last ? 2 : (plan.skew == kWideSkew ? 8 : 4));
  plan.row_bytes = plan.pitch * chunk * 4;
  if (shape.channels_last) {
    plan.channel_step = 1, plan.pixel_step = chunk, plan.row_step = plan.pitch * chunk;
  } else {
    plan.pixel_step = 1;
    plan.row_step = plan.by_rows ? plan.pitch * chunk : plan.pitch;
    plan.channel_step = plan.by_rows ? plan.pitch : plan.pitch * plan.rows;
  }
  plan.x_bytes = RoundUp(plan.rows * plan.row_bytes, 128);
  const std::int32_t taps = shape.r * shape.s;
  plan.taps_padded = RoundUp(taps + 1, 4);
  plan.depthwise_bytes = RoundUp((shape.channels_last ? taps + 1 : plan.taps_padded) * chunk * 4, 128);
  plan.pointwise_bytes = UnitBytes(tile.channels_out);
  plan.x_stages = tile.x_stages, plan.operand_stages = tile.operand_stages;
  plan.x_alternates = plan.depthwise_groups == 2 && tile.x_stages % 2 != 0;
  plan.weight_stages = tile.weight_stages, plan.resident = tile.weight_stages == 0;
  plan.depthwise_at = RoundUp(plan.channel_blocks * tile.channels_out * 4, 128);
  plan.pointwise_at = plan.depthwise_at + static_cast<std::int64_t>(plan.chunks) * plan.depthwise_bytes;
  plan.counters_at =
      plan.pointwise_at + static_cast<std::int64_t>(plan.channel_blocks) * plan.units * plan.pointwise_bytes;
  plan.counted = !plan.copies && plan.resident && plan.channel_blocks == 1 && !tile.runs;
  plan.by_columns = Divisor(plan.columns), plan.by_image_bands = Divisor(plan.image_bands);
  plan.by_width = Divisor(plan.width), plan.by_run_rows = Divisor(std::max(1, plan.run_rows));
  plan.by_channel_blocks = Divisor(plan.channel_blocks), plan.by_tiles_q = Divisor(plan.tiles_q);
  plan.vectors = shape.channels_last ? shape.k % 4 == 0 : shape.q % 4 == 0 && tile.columns % 4 == 0;
  plan.boxes_out = !shape.channels_last && HasBoxesOut(parts, plan.turns) && plan.vectors &&
                   tile.columns % kBoxColumns == 0 && plan.image_bands % tile.bands == 0;
  return plan;
}

inline std::int64_t SharedBytes(const Plan& plan, int chunk, int parts) {
  return 128 + kBarrierBytes +
         static_cast<std::int64_t>(plan.x_stages) * (plan.x_bytes + plan.depthwise_bytes) +
         static_cast<std::int64_t>(plan.resident ? plan.units : plan.weight_stages) * plan.pointwise_bytes +
         static_cast<std::int64_t>(plan.operand_stages) * AllOperandBytes(chunk, parts, plan.slots) +
         (plan.boxes_out ? 1024 + kMultiplyWarps * 2 * BoxBytes(parts) : 0);
}

}  // namespace assay::dsconv::hopper_tf32
