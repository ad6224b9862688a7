// Which tile the `tiled` kernel takes for a problem, and what it amounts to.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/dsconv/tiled/block.h"
#include "kernels/dsconv/tiled/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::tiled {

// What may be chosen.
struct Tile {
  int block;  // of Blocks
  Depthwise depthwise;
  std::int32_t band;  // output columns
  int unit;           // elements of x that are copied at once
};

using Blocks = std::tuple<Block<2, 4, 8, 16, 2>,  // 0: 128 pixels x 128 channels, 16 input channels at once
                          Block<1, 4, 8, 16, 4>,  // 1: 64 x 128
                          Block<1, 4, 8, 8, 4>,   // 2: the same, 8 at once
                          Block<2, 8, 8, 16, 1>,  // 3: 128 x 256
                          Block<1, 2, 8, 16, 8>,  // 4: 64 x 64
                          Block<1, 2, 8, 8, 8>,   // 5
                          Block<1, 1, 8, 8, 12>,  // 6: 64 x 32
                          Block<2, 1, 4, 8, 10>,  // 7: 128 x 16
                          Block<1, 3, 8, 16, 5>,  // 8: 64 x 96
                          Block<1, 5, 8, 8, 3>,   // 9: 64 x 160
                          Block<2, 2, 8, 8, 4>,   // 10: 128 x 64
                          Block<2, 1, 8, 8, 7>>;  // 11: 128 x 32
inline constexpr int kBlocks = std::tuple_size_v<Blocks>;

// Which kernels are compiled: all blocks for fp32, two for 16 bits, whose place is on tensor cores; and one
// that takes whatever the others do not.
inline constexpr int kWideBlock = 2, kNarrowBlock = 6;
constexpr bool IsCompiled(int block, Depthwise depthwise, bool is_float) {
  if (depthwise == Depthwise::kDirect) return block == kNarrowBlock;
  if (is_float) return true;
  return depthwise == Depthwise::kGather && (block == kWideBlock || block == kNarrowBlock);
}

// A block's numbers, at run time.
struct BlockInfo {
  int pixels, out, per_out, chunk, warps, blocks_per_sm;
  std::int64_t storage_bytes, epilogue_bytes;
  int pointwise;
};

template <class B>
constexpr BlockInfo InfoOf() {
  return {B::kPixels,
          B::kOut,
          B::kPerOut,
          B::kChunk,
          B::kWarps,
          B::kBlocksPerSm,
          sizeof(typename B::Storage),
          B::kEpilogueBytes,
          B::kPointwise};
}

inline BlockInfo InfoOf(int block) {
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    constexpr BlockInfo all[] = {InfoOf<std::tuple_element_t<i, Blocks>>()...};
    return all[block];
  }
  (std::make_index_sequence<kBlocks>{});
}

inline int ElementBytes(assay_dtype dtype) { return dtype == ASSAY_F32 ? 4 : 2; }

// A problem, the tile taken for it, and what follows from both; everything in 64 bits until it is known to
// fit.
struct Layout {
  BlockInfo block;
  int element_bytes;
  std::int32_t bands;
  std::int64_t pixel_rows;          // rows of pixels that a tile touches, at most
  std::int64_t image_rows;          // input rows of an image, padding included
  std::int64_t rows, units, pitch;  // of the input tile
  std::int64_t columns;             // of a row that windows touch
  std::int64_t plane, stage_elements;
  std::int64_t images;  // that a tile runs on into
  std::int32_t skew, first_to;
  bool sparse;
  std::int64_t depthwise_words, record_words;
  std::int64_t shared_bytes, blocks;
};

// Words that 8 lanes read at 4 w apart, and 32 lanes at w: the passes that shared memory makes for them if
// neighbouring lanes go along a band of `wide` of them, and then to the next row.
inline int BankPasses(std::int64_t row, std::int64_t step, int wide, int words, int lanes) {
  std::array<int, 32> uses{};
  for (int lane = 0; lane < lanes; ++lane) {
    for (int word = 0; word < words; ++word)
      ++uses[static_cast<std::size_t>(((lane / wide) * row + (lane % wide) * step + word) % 32)];
  }
  return *std::max_element(uses.begin(), uses.end());
}

// NCHW: the distance between rows, at least `least`, at which lanes find the most banks.
inline std::int64_t ChoosePitch(const Shape& shape, const Tile& tile, std::int64_t least) {
  const bool strips = IsStrips(tile.depthwise);
  const int grain = strips ? std::max(4, tile.unit) : tile.unit;
  std::int64_t best = RoundUp(least, grain);
  int fewest = -1;
  for (std::int64_t pitch = best; pitch < least + 32; pitch += grain) {
    const std::int64_t row = pitch * shape.stride_h;
    int passes = 0;
    if (strips) {
      const int wide = tile.band / 4, step = 4 * shape.stride_w;
      passes = 4 * BankPasses(row, step, wide, 4, 8) * shape.stride_w + BankPasses(row, step, wide, 1, 32);
    } else {
      passes = BankPasses(row, shape.stride_w, tile.band, 1, 32);
    }
    if (fewest >= 0 && passes >= fewest) continue;
    fewest = passes, best = pitch;
  }
  return best;
}

// Whether copies of `unit` elements of x find them aligned.
inline bool MayCopy(const Shape& shape, const Tile& tile, int unit) {
  if (shape.channels_last) return shape.c % unit == 0;
  const bool bands_aligned =
      tile.band >= shape.q || static_cast<std::int64_t>(tile.band) * shape.stride_w % unit == 0;
  // Strips want their second column aligned.
  return shape.w % unit == 0 && bands_aligned &&
         (!IsStrips(tile.depthwise) || unit == 1 || shape.pad_w % unit == 1);
}

inline Layout LayoutOf(const Shape& shape, const Tile& tile, assay_dtype dtype) {
  Layout layout{};
  const BlockInfo& block = layout.block = InfoOf(tile.block);
  layout.element_bytes = ElementBytes(dtype);
  layout.bands = static_cast<std::int32_t>(DivideUp(shape.q, tile.band));
  const std::int64_t line = static_cast<std::int64_t>(shape.n) * shape.p * tile.band;
  layout.blocks = DivideUp(line, block.pixels) * layout.bands * DivideUp(shape.k, block.out);
  const std::int64_t taps = static_cast<std::int64_t>(shape.r) * shape.s + 1;
  layout.depthwise_words = block.chunk * (shape.channels_last ? taps : RoundUp(taps, 4));
  layout.record_words = block.pointwise + layout.depthwise_words;
  const std::int64_t fixed = block.storage_bytes + 2 * 4 * layout.record_words;
  layout.shared_bytes = std::max(block.epilogue_bytes, fixed);
  if (tile.depthwise == Depthwise::kDirect) return layout;

  const bool whole_rows = block.pixels % tile.band == 0;
  layout.pixel_rows = whole_rows ? block.pixels / tile.band : (block.pixels + tile.band - 2) / tile.band + 1;
  layout.images =
      whole_rows && shape.p % layout.pixel_rows == 0 ? 0 : DivideUp(layout.pixel_rows - 1, shape.p);
  const std::int64_t reach = (shape.r - 1) * static_cast<std::int64_t>(shape.dilation_h) + 1;
  layout.image_rows = (shape.p - 1) * static_cast<std::int64_t>(shape.stride_h) + reach;
  const std::int64_t gap =
      std::max<std::int64_t>(0, layout.image_rows - shape.p * static_cast<std::int64_t>(shape.stride_h));
  const std::int64_t dense = (layout.pixel_rows - 1) * shape.stride_h + layout.images * gap + reach;
  layout.sparse = layout.pixel_rows * shape.r < dense;
  layout.rows = layout.sparse ? layout.pixel_rows * shape.r : dense;
  layout.columns = (tile.band - 1) * static_cast<std::int64_t>(shape.stride_w) +
                   (shape.s - 1) * static_cast<std::int64_t>(shape.dilation_w) + 1;
  std::int64_t copies_read = 0;  // behind the end of the list
  if (shape.channels_last) {
    layout.units = layout.columns;
    layout.pitch = layout.columns * PixelPitch(tile.depthwise, block.chunk);
    layout.stage_elements = RoundUp(layout.rows * layout.pitch, 8);
    copies_read = 4 * (32 * block.warps / (block.chunk / tile.unit));
  } else {
    layout.skew = IsStrips(tile.depthwise) ? 3 : (tile.unit - shape.pad_w % tile.unit) % tile.unit;
    layout.first_to = layout.skew / tile.unit * tile.unit;
    layout.units = DivideUp(layout.skew - layout.first_to + layout.columns, tile.unit);
    if (layout.columns > (1 << 20)) {  // does not fit; no pitch to be found
      layout.pitch = layout.columns;
    } else {
      layout.pitch = ChoosePitch(
          shape, tile, std::max(layout.skew + layout.columns, layout.first_to + layout.units * tile.unit));
    }
    layout.plane = RoundUp(layout.rows * layout.pitch, 8);
    layout.stage_elements = block.chunk * layout.plane;
  }
  layout.shared_bytes =
      std::max(block.epilogue_bytes, fixed + 8 * (layout.rows * layout.units + copies_read) +
                                         2 * layout.stage_elements * layout.element_bytes);
  return layout;
}

// Whether the copies' offsets, from channel 0 of a tile's first image on, fit into 32 bits.
inline bool OffsetsFit(const Shape& shape, const Layout& layout) {
  const double most = static_cast<double>(layout.images) * static_cast<double>(shape.x.n) +
                      static_cast<double>(shape.h) * shape.x.h;
  return most < 4294967296.0;
}

inline bool IsClamp(device::Activation activation) {
  return activation == device::Activation::kNone || activation == device::Activation::kRelu ||
         activation == device::Activation::kRelu6;
}

// The limits of Activate as a clamp.
inline void SetClamp(device::Activation activation, bool& clamps, float& low, float& high) {
  clamps = IsClamp(activation);
  low = clamps && activation != device::Activation::kNone ? 0.0f : -INFINITY;
  high = activation == device::Activation::kRelu6 ? 6.0f : INFINITY;
}

// How the block's threads share out the copies of a chunk's planes: so that the fewest steps are left.
inline void ShareCopies(const BlockInfo& block, Plan& plan) {
  std::int64_t least = -1;
  for (std::int32_t width = 32; width <= 32 * block.warps; width *= 2) {
    std::int32_t step = 1;
    while (2 * step * width <= 32 * block.warps && 2 * step <= block.chunk) step *= 2;
    const std::int64_t steps = DivideUp(plan.copies, width) * (block.chunk / step);
    if (least >= 0 && steps >= least) continue;
    least = steps;
    plan.copy_width = width, plan.copy_step = step, plan.copy_steps = block.chunk / step;
  }
}

inline Plan MakePlan(const Shape& shape, const Tile& tile, assay_dtype dtype) {
  const Layout layout = LayoutOf(shape, tile, dtype);
  const BlockInfo& block = layout.block;
  Plan plan{};
  plan.band = tile.band;
  plan.by_band = DivisorOf(tile.band), plan.by_bands = DivisorOf(layout.bands),
  plan.by_p = DivisorOf(shape.p);
  const auto tiles_out = static_cast<std::int32_t>(DivideUp(shape.k, block.out));
  plan.by_tiles_out = DivisorOf(tiles_out);
  plan.k_padded = tiles_out * block.out;
  plan.line = static_cast<std::int64_t>(shape.n) * shape.p * tile.band;
  plan.long_line = plan.line > 0x7fffffff;
  plan.unit = tile.unit;
  SetClamp(shape.act_mid, plan.mid_clamps, plan.mid_low, plan.mid_high);
  SetClamp(shape.act_out, plan.out_clamps, plan.out_low, plan.out_high);
  plan.mid_plain = shape.act_mid == device::Activation::kNone;
  plan.out_plain = shape.act_out == device::Activation::kNone;
  const bool runs = (shape.q % 4 == 0 && tile.band % 4 == 0) ||
                    (tile.band == shape.q && static_cast<std::int64_t>(shape.p) * shape.q % 4 == 0);
  plan.store_vectors =
      dtype == ASSAY_F32 && plan.out_clamps && (shape.channels_last ? shape.k % 4 == 0 : runs);
  plan.taps_pitch = static_cast<std::int32_t>(RoundUp(static_cast<std::int64_t>(shape.r) * shape.s + 1, 4));
  plan.depthwise_words = static_cast<std::int32_t>(layout.depthwise_words);
  plan.record_words = static_cast<std::int32_t>(layout.record_words);
  if (tile.depthwise == Depthwise::kDirect) return plan;
  plan.image_rows = static_cast<std::int32_t>(layout.image_rows);
  plan.by_image_rows = DivisorOf(plan.image_rows), plan.by_r = DivisorOf(shape.r);
  plan.by_units = DivisorOf(static_cast<std::int32_t>(layout.units));
  plan.sparse = layout.sparse;
  plan.skew = layout.skew;
  plan.first_to = layout.first_to, plan.first_w = -shape.pad_w - (layout.skew - layout.first_to);
  plan.pitch = static_cast<std::int32_t>(layout.pitch), plan.plane = static_cast<std::int32_t>(layout.plane);
  plan.copies = static_cast<std::int32_t>(layout.rows * layout.units);
  plan.stage_elements = static_cast<std::int32_t>(layout.stage_elements);
  plan.row_step = plan.pitch * (layout.sparse ? 1 : shape.dilation_h);
  plan.column_step = shape.dilation_w * (shape.channels_last ? PixelPitch(tile.depthwise, block.chunk) : 1);
  ShareCopies(block, plan);
  return plan;
}

// Which depthwise halves a problem may take, the best first.
inline std::vector<Depthwise> DepthwisesOf(const Shape& shape, assay_dtype dtype) {
  const bool plain = shape.r == 3 && shape.s == 3 && shape.dilation_h == 1 && shape.dilation_w == 1;
  if (!plain || dtype != ASSAY_F32) return {Depthwise::kGather};
  if (shape.stride_h == 1 && shape.stride_w == 1) return {Depthwise::kStrips1, Depthwise::kGather3};
  if (shape.stride_h == 2 && shape.stride_w == 2) return {Depthwise::kStrips2, Depthwise::kGather3};
  return {Depthwise::kGather3};
}

// Widths of bands to try.
inline std::vector<std::int32_t> BandsToTry(const Shape& shape, Depthwise depthwise, int pixels) {
  std::vector<std::int32_t> bands;
  const std::int32_t whole = IsStrips(depthwise) ? static_cast<std::int32_t>(RoundUp(shape.q, 4)) : shape.q;
  if (whole <= 64) bands.push_back(whole);
  for (const std::int32_t parts : {2, 3, 4, 5, 6, 7, 8}) {
    bands.push_back(static_cast<std::int32_t>(RoundUp(DivideUp(shape.q, parts), 4)));
  }
  for (const std::int32_t band : {8, 16, 32}) bands.push_back(band);
  std::erase_if(bands, [&](std::int32_t band) {
    return band > pixels || band > 64 || band > whole || (band < 8 && band != whole);
  });
  std::sort(bands.begin(), bands.end());
  bands.erase(std::unique(bands.begin(), bands.end()), bands.end());
  return bands;
}

// Cycles of a multiprocessor for one block, about: instructions of its warps over four schedulers.
inline double CostOfBlock(const Shape& shape, const Tile& tile, const Layout& layout) {
  const BlockInfo& block = layout.block;
  const double per_product = 8.0 * block.per_out + 2 + block.per_out / 4.0;
  const double product = block.warps * block.chunk * per_product;
  double per_output = 60, copies = 0;
  switch (tile.depthwise) {
    case Depthwise::kStrips1:
    case Depthwise::kStrips2:
      per_output = 17;
      break;
    case Depthwise::kGather3:
      per_output = 24;
      break;
    case Depthwise::kGather:
      per_output = 6 + 3.5 * shape.r * shape.s;
      break;
    default:
      break;
  }
  if (tile.depthwise != Depthwise::kDirect) {
    const double elements =
        static_cast<double>(layout.rows) * static_cast<double>(layout.units) * block.chunk;
    copies = elements / (shape.channels_last ? tile.unit : 1) / 32 * 6;
  }
  const double weights = block.pointwise / 128.0 * 4;
  const double depthwise = block.pixels * block.chunk / 32.0 * per_output;
  const double chunks = static_cast<double>(DivideUp(shape.c, block.chunk));
  const double round = product + depthwise + copies + weights + 40 * block.warps;
  const double ends = block.warps * (300.0 + 4 * 8 * block.per_out);
  return (chunks * round + ends) / 4 / 0.8 + 1000;
}

// Of the launch, in cycles.
inline double CostOf(const Shape& shape, const Tile& tile, assay_dtype dtype,
                     const assay_device_info& device) {
  const Layout layout = LayoutOf(shape, tile, dtype);
  const std::int64_t room = (device.shared_bytes_per_block + 1024) / (layout.shared_bytes + 1024);
  const int warps =
      static_cast<int>(std::min<std::int64_t>(room, layout.block.blocks_per_sm)) * layout.block.warps;
  const double blocks = static_cast<double>(DivideUp(layout.blocks, std::max(1, device.num_sms)));
  return blocks * CostOfBlock(shape, tile, layout) * (warps >= 16 ? 1.0 : (warps >= 8 ? 1.15 : 2.0));
}

inline bool MayTake(const Shape& shape, const Tile& tile, assay_dtype dtype,
                    const assay_device_info& device) {
  const Layout layout = LayoutOf(shape, tile, dtype);
  return layout.shared_bytes <= device.shared_bytes_per_block && layout.blocks <= 0x7fffffff &&
         OffsetsFit(shape, layout);
}

// Every tile that fits, the cheapest first.
inline std::vector<Tile> TilesOf(const Shape& shape, assay_dtype dtype, const assay_device_info& device) {
  std::vector<std::pair<double, Tile>> tiles;
  for (int block = 0; block < kBlocks; ++block) {
    for (const Depthwise depthwise : DepthwisesOf(shape, dtype)) {
      if (!IsCompiled(block, depthwise, dtype == ASSAY_F32)) continue;
      for (const std::int32_t band : BandsToTry(shape, depthwise, InfoOf(block).pixels)) {
        Tile tile{block, depthwise, band, 16 / ElementBytes(dtype)};
        if (!shape.channels_last && !MayCopy(shape, tile, tile.unit)) tile.unit = 2;
        if (!MayCopy(shape, tile, tile.unit)) tile.unit = 1;
        if (MayTake(shape, tile, dtype, device)) {
          tiles.emplace_back(CostOf(shape, tile, dtype, device), tile);
        }
      }
    }
  }
  if (tiles.empty()) {  // the input tile is too large, whatever the tile
    const Tile tile{kNarrowBlock, Depthwise::kDirect, std::min(shape.q, 64), 1};
    if (LayoutOf(shape, tile, dtype).blocks <= 0x7fffffff) tiles.emplace_back(0.0, tile);
  }
  std::stable_sort(tiles.begin(), tiles.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Tile> sorted;
  for (const auto& [cost, tile] : tiles) sorted.push_back(tile);
  return sorted;
}

}  // namespace assay::dsconv::tiled
