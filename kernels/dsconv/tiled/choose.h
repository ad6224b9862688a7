// Which tile the `tiled` kernel takes for a problem.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/tiled/layout.h"

namespace assay::dsconv::tiled {

// Ways to compute the depthwise half that a problem may take.
inline std::vector<Depthwise> DepthwisesOf(const Shape& shape, assay_dtype dtype) {
  const bool plain = shape.r == 3 && shape.s == 3 && shape.dilation_h == 1 && shape.dilation_w == 1;
  if (!plain || dtype != ASSAY_F32) return {Depthwise::kGather};
  if (shape.stride_h == 1 && shape.stride_w == 1) return {Depthwise::kStrips1, Depthwise::kGather3};
  if (shape.stride_h == 2 && shape.stride_w == 2) return {Depthwise::kStrips2, Depthwise::kGather3};
  return {Depthwise::kGather3};
}

// Widths of bands to try: all columns, or an equal share of them; 8, 16 and 32.
inline std::vector<std::int32_t> BandsToTry(const Shape& shape, Depthwise depthwise, int pixels) {
  constexpr std::int32_t kWidest = 64;  // WhyNotAnyVariant lets a tile reach 63 columns beyond the last
  const auto whole = static_cast<std::int32_t>(IsStrips(depthwise) ? RoundUp(shape.q, 4) : shape.q);
  std::vector<std::int32_t> bands = {whole, 8, 16, 32};
  for (std::int32_t parts = 2; parts <= 8; ++parts) {
    bands.push_back(static_cast<std::int32_t>(RoundUp(DivideUp(shape.q, parts), 4)));
  }
  std::erase_if(bands, [&](std::int32_t band) {
    return band > std::min(pixels, kWidest) || band > whole || (band < 8 && band != whole);
  });
  std::sort(bands.begin(), bands.end());
  bands.erase(std::unique(bands.begin(), bands.end()), bands.end());
  return bands;
}

// Cycles of a multiprocessor for a round of a block's loop while others keep it busy. The constants are
// fitted to 630 measurements on an H100 (docs/kernels/tiled.md): an output of the depthwise half takes that
// many instructions of a warp, a warp's copy as many cycles.
inline double CyclesOfRound(const Shape& shape, const Tile& tile, const Layout& layout) {
  const BlockInfo& block = layout.block;
  const double product = block.warps * block.chunk * (8.0 * block.per_out + 2 + block.per_out / 4.0) / 4;
  const double outputs = block.pixels * block.chunk / 32.0;
  double per_output = 6 + 4.6 * shape.r * shape.s;
  if (tile.depthwise == Depthwise::kDirect) per_output *= 3;
  if (IsStrips(tile.depthwise)) {
    per_output = 5 + (shape.channels_last ? 0.0 : 8.4 * layout.passes / (4.0 * shape.stride_w));
  }
  const double copies = static_cast<double>(layout.rows) * static_cast<double>(layout.units) * block.chunk /
                        (shape.channels_last ? tile.unit : 1) / 32;
  return product + outputs * per_output / 4 + copies * (tile.unit > 2 ? 24 : 19);
}

// Microseconds of the launch, about.
inline double CostOf(const Shape& shape, const Tile& tile, assay_dtype dtype,
                     const assay_device_info& device) {
  const Layout layout = LayoutOf(shape, tile, dtype);
  const BlockInfo& block = layout.block;
  const double sms = std::max(1, device.num_sms), blocks = static_cast<double>(layout.blocks);
  const auto fitting =
      static_cast<double>((device.shared_bytes_per_block + 1024) / (layout.shared_bytes + 1024));
  const double resident =
      std::max(1.0, std::min({fitting, static_cast<double>(block.blocks_per_sm), std::ceil(blocks / sms)}));
  const auto rounds = static_cast<double>(DivideUp(shape.c, block.chunk));
  // A round's latency is hidden by other blocks, and so are that of the first loads and the last stores.
  const double latency = 1722 * (rounds + 4) / std::pow(resident, 1.53);
  const double stores = block.pixels * block.out * 0.025 * (StoresVectors(shape, tile, dtype) ? 1 : 2);
  const double each = rounds * CyclesOfRound(shape, tile, layout) + stores + latency;
  // The block of 64 x 128 was not there when the constants were fitted: it stands behind those that were,
  // unless it is better by far.
  const double doubt = tile.block == kUnmeasured ? 1.1 : 1.0;
  constexpr double kMegahertz = 1950;
  const double computing =
      doubt * each * (blocks < 12 * sms ? std::ceil(blocks / sms) : blocks / sms) / kMegahertz;
  // Device memory at two thirds of what copies reach; near it, both wait for each other.
  const double elements = static_cast<double>(shape.n) * (static_cast<double>(shape.c) * shape.h * shape.w +
                                                          static_cast<double>(shape.k) * shape.p * shape.q);
  const double memory = elements * ElementBytes(dtype) / 2e6;
  return std::pow(std::pow(computing, 4) + std::pow(memory, 4), 0.25);
}

inline bool MayTake(const Shape& shape, const Tile& tile, assay_dtype dtype,
                    const assay_device_info& device) {
  const Layout layout = LayoutOf(shape, tile, dtype);
  return layout.shared_bytes <= device.shared_bytes_per_block && layout.blocks <= 0x7fffffff &&
         OffsetsFit(shape, layout);
}

// The tiles that fit, the cheapest first; none if there would be too many blocks.
inline std::vector<Tile> TilesOf(const Shape& shape, assay_dtype dtype, const assay_device_info& device) {
  std::vector<std::pair<double, Tile>> costs;
  for (int block = 0; block < kBlocks; ++block) {
    for (const Depthwise depthwise : DepthwisesOf(shape, dtype)) {
      if (!IsCompiled(block, depthwise, dtype == ASSAY_F32)) continue;
      for (const std::int32_t band : BandsToTry(shape, depthwise, InfoOf(block).pixels)) {
        const Tile tile = TileWith(shape, block, depthwise, band, dtype);
        if (MayTake(shape, tile, dtype, device)) costs.emplace_back(CostOf(shape, tile, dtype, device), tile);
      }
    }
  }
  std::stable_sort(costs.begin(), costs.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  constexpr std::size_t kMost = 32;
  std::vector<Tile> tiles;
  for (const auto& [cost, tile] : costs) {
    if (tiles.size() < kMost) tiles.push_back(tile);
  }
  const Tile last_resort = {kLastResort, Depthwise::kDirect, std::min(shape.q, 64), 1};
  if (tiles.empty() && LayoutOf(shape, last_resort, dtype).blocks <= 0x7fffffff) tiles.push_back(last_resort);
  return tiles;
}

}  // namespace assay::dsconv::tiled
