// Which tile the `hopper_ffma`, `hopper_tf32` and `hopper_tf32x3` kernels take for a problem.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/dsconv/hopper_tf32/cost.h"

namespace assay::dsconv::hopper_tf32 {

// Shares out shared memory to the rings; false where it does not suffice.
inline bool Complete(const Shape& shape, const assay_device_info& device, int parts, Tile& tile) {
  if (IsTooLarge(shape, tile)) return false;
  const auto fits = [&] {
    return SharedBytes(MakePlan(shape, tile, parts), ChunkOf(shape, tile), parts) <=
           device.shared_bytes_per_block;
  };
  tile.operand_stages = 2, tile.x_stages = 3, tile.weight_stages = 0;
  if (tile.sharing == Sharing::kTurns && !fits()) tile.x_stages = 2;
  if (tile.cluster == 2 || DivideUp(shape.k, tile.channels_out) > 1 || shape.c > 1024 || !fits()) {
    tile.weight_stages = 4;
    while (tile.x_stages > 2 && !fits()) --tile.x_stages;
    while (tile.weight_stages > 2 && !fits()) --tile.weight_stages;
    if (!fits()) return false;
  }
  tile.operand_stages = tile.sharing == Sharing::kOne || tile.few ? 4 : 3;
  if (tile.operand_stages == 4 && !fits()) tile.operand_stages = 3;
  if (!fits() || (parts == 2 && tile.channels_out > 96)) tile.operand_stages = 2;
  // Depthwise groups need a stage each: who waits for one to be free must not be two rounds ahead of who
  // fills it before, and each is told of the end in a stage that nobody gives back.
  const int groups = MakePlan(shape, tile, parts).depthwise_groups;
  if (tile.x_stages < groups) tile.x_stages = groups;
  if (tile.operand_stages < groups || !fits()) return false;
  // As many chunks of weights as of input are on their way, or 64 KB.
  constexpr int kEnough = 64 * 1024;
  const int units = ChunkOf(shape, tile) / UnitChannels(parts);
  const auto grow = [&](int& stages) {
    if (stages == kMostStages) return false;
    ++stages;
    if (fits()) return true;
    --stages;
    return false;
  };
  for (bool grows = true; grows;) {
    const bool weights = parts == 1 && tile.weight_stages != 0 &&
                         tile.weight_stages < units * tile.x_stages &&
                         tile.weight_stages * UnitBytes(tile.channels_out) < kEnough;
    grows = weights ? grow(tile.weight_stages) || grow(tile.x_stages) : grow(tile.x_stages);
  }
  return true;
}

// Output columns of tiles that are considered.
inline std::vector<int> WidthsOf(const Shape& shape, int parts, int slots) {
  const int step = parts == 0 ? 4 : ColumnStep(shape);  // FFMA takes four pixels of a row at once
  std::vector<int> widths = {8, 16, 32, 64};
  for (int parts_of_row = 1; parts_of_row <= 64; ++parts_of_row) {
    const int columns = RoundUp(std::max(4, DivideUp(shape.q, parts_of_row)), step);
    widths.push_back(columns);
  }
  widths.erase(std::remove_if(widths.begin(), widths.end(), [&](int columns) { return columns > slots; }),
               widths.end());
  std::sort(widths.begin(), widths.end());
  widths.erase(std::unique(widths.begin(), widths.end()), widths.end());
  while (widths.size() > 1 && widths.back() > 4 && widths.back() >= 2 * shape.q) widths.pop_back();
  return widths;
}

struct PricedTile {
  Tile tile;
  double cost;
};

// Adds a tile, and the same for clusters where its weights do not stay.
inline void Consider(const Shape& shape, const assay_device_info& device, int parts, Tile tile,
                     std::vector<PricedTile>& all) {
  const int sms = std::max(1, device.num_sms);
  if (!tile.few && HasMap(shape) &&
      HasTurns(shape.channels_last, IsFixed(shape) ? 3 : 0, shape.stride_h, tile.channels_out, parts)) {
    tile.sharing = Sharing::kTurns;
    if (Complete(shape, device, parts, tile) && tile.weight_stages == 0) {
      all.push_back({tile, CostOf(shape, tile, MakePlan(shape, tile, parts), parts, sms)});
    }
  }
  tile.sharing =
      SharingOf(shape.channels_last, IsFixed(shape) ? shape.stride_h : 0, tile.channels_out, parts, tile.few);
  for (tile.cluster = 1; tile.cluster <= (parts == 0 ? 1 : kMostCluster); ++tile.cluster) {
    if (!Complete(shape, device, parts, tile) || (tile.cluster == 2 && sms % 2 != 0)) return;
    const Plan plan = MakePlan(shape, tile, parts);
    if (tile.cluster == 2 && plan.items < (tile.few ? sms / 4 : sms / 2)) return;
    all.push_back({tile, CostOf(shape, tile, plan, parts, sms)});
    if (plan.resident) return;
  }
}

// All valid tiles, the cheapest first.
inline std::vector<PricedTile> PriceTiles(const Shape& shape, const assay_device_info& device, int parts) {
  std::vector<PricedTile> all;
  const std::int32_t image_bands = DivideUp(shape.p, kBandRows);
  const std::int64_t stacked = static_cast<std::int64_t>(shape.n) * image_bands;
  // Small tiles are for stride 2, where they leave room for more input channels at once, and for few tiles.
  const bool wants_few = shape.stride_h == 2 || stacked * shape.q / kSlots < 4 * device.num_sms;
  for (const bool few : {false, true}) {
    if (few && !wants_few) break;
    const int slots = few ? kFewSlots : kSlots;
    for (const int channels_out : kChannelsOut) {
      if (!HasKernel(shape.channels_last, IsFixed(shape), channels_out, parts, few)) continue;
      if (channels_out != 256 && channels_out / 2 >= shape.k && channels_out > (parts == 0 ? 64 : 32)) {
        continue;
      }
      if (channels_out < 128 && DivideUp(shape.k, channels_out) > 4) continue;
      for (const int columns : WidthsOf(shape, parts, slots)) {
        const auto consider = [&](int bands) {
          Tile tile{channels_out, bands, columns, 0, 0, 0, 1};
          tile.few = few;
          Consider(shape, device, parts, tile, all);
        };
        const int most = static_cast<int>(std::min<std::int64_t>(slots / columns, stacked));
        consider(most);
        if (image_bands % most != 0 && most / 2 * columns >= 24) consider(most / 2);
        // Bands that divide an image's are loaded in one box.
        for (int bands = most - 1; bands > most / 2; --bands) {
          if (image_bands % bands == 0) consider(bands);
        }
      }
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const PricedTile& a, const PricedTile& b) { return a.cost < b.cost; });
  return all;
}

// Those that are offered. Clusters were the fastest now and then, by 1 or 2 %, and so were, in NCHW, blocks
// that take neighbouring tiles one after the other: they stand behind the others, for who measures them.
inline std::vector<Tile> ListTiles(const Shape& shape, const assay_device_info& device, int parts) {
  const std::size_t most_single = shape.channels_last ? 32 : 16;
  constexpr std::size_t kMostInClusters = 8, kMostRuns = 5;
  std::vector<Tile> tiles, in_clusters;
  for (const PricedTile& one : PriceTiles(shape, device, parts)) {
    if (one.tile.cluster == 1 && tiles.size() < most_single) tiles.push_back(one.tile);
    if (one.tile.cluster != 1 && in_clusters.size() < kMostInClusters) in_clusters.push_back(one.tile);
  }
  if (!shape.channels_last && IsFixed(shape) && HasMap(shape)) {
    const std::size_t count = std::min(tiles.size(), kMostRuns);
    for (std::size_t i = 0; i < count; ++i) {
      Tile runs = tiles[i];
      runs.runs = true;
      tiles.push_back(runs);
    }
  }
  tiles.insert(tiles.end(), in_clusters.begin(), in_clusters.end());
  return tiles;
}

}  // namespace assay::dsconv::hopper_tf32
