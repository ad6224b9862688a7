// What a tile amounts to for a problem: sizes of the input tile, shared memory, blocks.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "kernels/dsconv/tiled/blocks.h"
#include "kernels/dsconv/tiled/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::tiled {

inline std::int64_t DivideUp(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
inline std::int64_t RoundUp(std::int64_t a, std::int64_t to) { return DivideUp(a, to) * to; }
inline int ElementBytes(assay_dtype dtype) { return dtype == ASSAY_F32 ? 4 : 2; }

// In 64 bits until it is known to fit.
struct Layout {
  BlockInfo block;
  std::int64_t bands, blocks, shared_bytes;
  std::int64_t image_rows;      // input rows of an image, padding included
  std::int64_t images;          // that a tile runs on into
  std::int64_t rows, units;     // of the input tile; copies of a row (NCHW), or its pixels (NHWC)
  std::int64_t pitch, plane;    // elements between rows, and between channels (NCHW)
  std::int64_t stage_elements;  // of a chunk of x
  std::int64_t depthwise_words, record_words;
  std::int32_t skew, first_to;  // NCHW: where in a row the first window begins, and the first copy
  int passes;                   // NCHW: of shared memory for what a warp reads at once
  bool sparse;
};

// The passes that shared memory makes for lanes that read `words` words each, `step` apart along a band of
// `wide` of them and `row` apart from row to row.
inline int BankPasses(std::int64_t row, std::int64_t step, int wide, int words, int lanes) {
  std::array<int, 32> uses{};
  for (int lane = 0; lane < lanes; ++lane) {
    for (int word = 0; word < words; ++word) {
      const std::int64_t at = lane / wide * row + lane % wide * step + word;
      ++uses[static_cast<std::size_t>(at % 32)];
    }
  }
  return *std::max_element(uses.begin(), uses.end());
}

// NCHW: chooses the distance between rows, at least `least`, so that lanes find the most banks.
inline void ChoosePitch(const Shape& shape, const Tile& tile, std::int64_t least, Layout& layout) {
  const int grain = IsStrips(tile.depthwise) ? std::max(4, tile.unit) : tile.unit;
  layout.pitch = RoundUp(least, grain);
  layout.passes = 1 << 20;
  if (least > (1 << 20)) return;  // it fits nowhere
  for (std::int64_t pitch = layout.pitch; pitch < least + 32; pitch += grain) {
    const std::int64_t row = pitch * shape.stride_h;
    int passes = BankPasses(row, shape.stride_w, tile.band, 1, 32);
    if (IsStrips(tile.depthwise)) {
      const int wide = tile.band / 4, step = 4 * shape.stride_w;
      passes = 4 * BankPasses(row, step, wide, 4, 8) * shape.stride_w + BankPasses(row, step, wide, 1, 32);
    }
    if (passes < layout.passes) layout.passes = passes, layout.pitch = pitch;
  }
}

// Whether copies of `unit` elements of x find them aligned.
inline bool MayCopy(const Shape& shape, Depthwise depthwise, std::int32_t band, int unit) {
  if (shape.channels_last) return shape.c % unit == 0;
  const bool bands_aligned = band >= shape.q || static_cast<std::int64_t>(band) * shape.stride_w % unit == 0;
  // Strips want their second column aligned.
  const bool window_aligned = !IsStrips(depthwise) || unit == 1 || shape.pad_w % unit == 1;
  return shape.w % unit == 0 && bands_aligned && window_aligned;
}

inline Tile TileWith(const Shape& shape, int block, Depthwise depthwise, std::int32_t band,
                     assay_dtype dtype) {
  int unit = 16 / ElementBytes(dtype);
  if (!shape.channels_last && !MayCopy(shape, depthwise, band, unit)) unit = 2;
  if (!MayCopy(shape, depthwise, band, unit)) unit = 1;
  return {block, depthwise, band, unit};
}

// The rows of the input tile, and how far it runs on.
inline void LayOutRows(const Shape& shape, const Tile& tile, Layout& layout) {
  const int pixels = layout.block.pixels;
  const bool whole_rows = pixels % tile.band == 0;
  const std::int64_t pixel_rows = whole_rows ? pixels / tile.band : (pixels + tile.band - 2) / tile.band + 1;
  layout.images = whole_rows && shape.p % pixel_rows == 0 ? 0 : DivideUp(pixel_rows - 1, shape.p);
  const std::int64_t reach = (shape.r - 1) * static_cast<std::int64_t>(shape.dilation_h) + 1;
  layout.image_rows = (shape.p - 1) * static_cast<std::int64_t>(shape.stride_h) + reach;
  const std::int64_t gap =
      std::max<std::int64_t>(0, layout.image_rows - shape.p * static_cast<std::int64_t>(shape.stride_h));
  const std::int64_t dense = (pixel_rows - 1) * shape.stride_h + layout.images * gap + reach;
  layout.sparse = pixel_rows * shape.r < dense;
  layout.rows = layout.sparse ? pixel_rows * shape.r : dense;
}

// The input tile; returns the bytes that it and its list of copies take.
inline std::int64_t LayOutInput(const Shape& shape, const Tile& tile, assay_dtype dtype, Layout& layout) {
  LayOutRows(shape, tile, layout);
  const BlockInfo& block = layout.block;
  const std::int64_t columns = (tile.band - 1) * static_cast<std::int64_t>(shape.stride_w) +
                               (shape.s - 1) * static_cast<std::int64_t>(shape.dilation_w) + 1;
  std::int64_t behind = 0;  // entries that are read behind the end of the list
  if (shape.channels_last) {
    layout.units = columns;
    layout.pitch = columns * PixelPitch(tile.depthwise, block.chunk);
    layout.stage_elements = RoundUp(layout.rows * layout.pitch, 8);
    behind = 4 * (32 * block.warps / (block.chunk / tile.unit));
  } else {
    layout.skew = IsStrips(tile.depthwise) ? 3 : (tile.unit - shape.pad_w % tile.unit) % tile.unit;
    layout.first_to = layout.skew / tile.unit * tile.unit;
    layout.units = DivideUp(layout.skew - layout.first_to + columns, tile.unit);
    ChoosePitch(shape, tile, std::max(layout.skew + columns, layout.first_to + layout.units * tile.unit),
                layout);
    layout.plane = RoundUp(layout.rows * layout.pitch, 8);
    layout.stage_elements = block.chunk * layout.plane;
  }
  constexpr std::int64_t kCopyBytes = 8;
  return kCopyBytes * (layout.rows * layout.units + behind) + 2 * layout.stage_elements * ElementBytes(dtype);
}

inline Layout LayoutOf(const Shape& shape, const Tile& tile, assay_dtype dtype) {
  Layout layout{};
  const BlockInfo& block = layout.block = InfoOf(tile.block);
  layout.bands = DivideUp(shape.q, tile.band);
  const std::int64_t line = static_cast<std::int64_t>(shape.n) * shape.p * tile.band;
  layout.blocks = DivideUp(line, block.pixels) * layout.bands * DivideUp(shape.k, block.out);
  const std::int64_t taps = static_cast<std::int64_t>(shape.r) * shape.s + 1;
  layout.depthwise_words = block.chunk * (shape.channels_last ? taps : RoundUp(taps, 4));
  layout.record_words = block.pointwise + layout.depthwise_words;
  std::int64_t bytes = block.storage_bytes + 2 * 4 * layout.record_words;
  if (tile.depthwise != Depthwise::kDirect) bytes += LayOutInput(shape, tile, dtype, layout);
  layout.shared_bytes = std::max(block.epilogue_bytes, bytes);
  return layout;
}

// Whether the copies' offsets, from channel 0 of a tile's first image on, fit into 32 bits.
inline bool OffsetsFit(const Shape& shape, const Layout& layout) {
  const double most = static_cast<double>(layout.images) * static_cast<double>(shape.x.n) +
                      static_cast<double>(shape.h) * shape.x.h;
  return most < 4294967296.0;
}

// The limits of Activate as a clamp; false if it is none.
inline bool IsClamp(device::Activation activation, float& low, float& high) {
  using device::Activation;
  low = activation == Activation::kRelu || activation == Activation::kRelu6 ? 0.0f : -INFINITY;
  high = activation == Activation::kRelu6 ? 6.0f : INFINITY;
  return activation == Activation::kNone || low == 0.0f;
}

// Whether y is written 16 bytes at a time. NCHW: four pixels of a thread are neighbours in y, aligned, and
// there or not there together.
inline bool StoresVectors(const Shape& shape, const Tile& tile, assay_dtype dtype) {
  float low = 0, high = 0;
  if (dtype != ASSAY_F32 || !IsClamp(shape.act_out, low, high)) return false;
  if (shape.channels_last) return shape.k % 4 == 0;
  return (shape.q % 4 == 0 && tile.band % 4 == 0) ||
         (tile.band == shape.q && static_cast<std::int64_t>(shape.p) * shape.q % 4 == 0);
}

// How the block's threads share out the copies of a chunk's planes: so that the fewest steps are left.
inline void ShareCopies(const BlockInfo& block, std::int64_t copies, Plan& plan) {
  std::int64_t least = -1;
  for (std::int32_t width = 32; width <= 32 * block.warps; width *= 2) {
    std::int32_t step = 1;
    while (2 * step * width <= 32 * block.warps && 2 * step <= block.chunk) step *= 2;
    const std::int64_t steps = DivideUp(copies, width) * (block.chunk / step);
    if (least >= 0 && steps >= least) continue;
    least = steps;
    plan.copy_width = width, plan.copy_step = step, plan.copy_steps = block.chunk / step;
  }
}

inline void PlanInput(const Shape& shape, const Tile& tile, const Layout& layout, Plan& plan) {
  const auto word = [](std::int64_t value) { return static_cast<std::int32_t>(value); };
  plan.image_rows = word(layout.image_rows);
  plan.by_image_rows = DivisorOf(plan.image_rows), plan.by_r = DivisorOf(shape.r);
  plan.by_units = DivisorOf(word(layout.units));
  plan.sparse = layout.sparse;
  plan.skew = layout.skew, plan.first_to = layout.first_to;
  plan.first_w = -shape.pad_w - (layout.skew - layout.first_to);
  plan.pitch = word(layout.pitch), plan.plane = word(layout.plane);
  plan.stage_elements = word(layout.stage_elements);
  plan.row_step = plan.pitch * (layout.sparse ? 1 : shape.dilation_h);
  plan.column_step =
      shape.dilation_w * (shape.channels_last ? PixelPitch(tile.depthwise, layout.block.chunk) : 1);
  ShareCopies(layout.block, layout.rows * layout.units, plan);
}

// The tile fits the problem (choose.h).
inline Plan MakePlan(const Shape& shape, const Tile& tile, assay_dtype dtype) {
  const Layout layout = LayoutOf(shape, tile, dtype);
  const auto tiles_out = static_cast<std::int32_t>(DivideUp(shape.k, layout.block.out));
  Plan plan{};
  plan.band = tile.band, plan.unit = tile.unit;
  plan.by_band = DivisorOf(tile.band), plan.by_bands = DivisorOf(static_cast<std::int32_t>(layout.bands));
  plan.by_tiles_out = DivisorOf(tiles_out), plan.by_p = DivisorOf(shape.p);
  plan.k_padded = tiles_out * layout.block.out;
  plan.line = static_cast<std::int64_t>(shape.n) * shape.p * tile.band;
  plan.long_line = plan.line > 0x7fffffff;
  plan.mid_clamps = IsClamp(shape.act_mid, plan.mid_low, plan.mid_high);
  plan.out_clamps = IsClamp(shape.act_out, plan.out_low, plan.out_high);
  plan.mid_plain = shape.act_mid == device::Activation::kNone;
  plan.out_plain = shape.act_out == device::Activation::kNone;
  plan.store_vectors = StoresVectors(shape, tile, dtype);
  plan.taps_pitch = static_cast<std::int32_t>(RoundUp(static_cast<std::int64_t>(shape.r) * shape.s + 1, 4));
  plan.depthwise_words = static_cast<std::int32_t>(layout.depthwise_words);
  plan.record_words = static_cast<std::int32_t>(layout.record_words);
  if (tile.depthwise != Depthwise::kDirect) PlanInput(shape, tile, layout, plan);
  return plan;
}

}  // namespace assay::dsconv::tiled
