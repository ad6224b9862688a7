// The choice of tile: those that fit, the one first that an estimate of cycles finds fastest. Its rates were
// read off an H100 (docs/kernels/hopper_wide.md), and what they leave out was fitted to 614 times of 67
// problems: 12 % off (standard deviation) where a layer was left out of the fit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/make_plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::wide {

// Output channels of a block that kernels are compiled for.
inline constexpr std::int32_t kColumnChoices[] = {256, 192, 128};

// Blocks of a cluster, and how many such clusters an H100's GPCs hold of blocks that fill a multiprocessor.
inline std::int32_t ClusterSize(const Tile& tile) { return tile.pixel_blocks * tile.column_blocks; }
inline std::int32_t MostClusters(const Tile& tile, const assay_device_info& device) {
  constexpr std::int32_t kOf132[] = {0, 132, 66, 39, 30};
  return std::max(1, kOf132[ClusterSize(tile)] * device.num_sms / 132);
}

inline bool Fits(const Plan& plan, const assay_device_info& device) {
  return plan.shared_bytes <= device.shared_bytes_per_block && plan.box_columns <= 256;
}

// Instructions of the depthwise half of a tile and chunk, in all warps.
inline double DepthwiseInstructions(const Shape& shape, const Plan& plan) {
  const double taps = shape.r * shape.s;
  const double each = plan.walk == Walk::kStride1   ? (plan.pairs ? 34 : 39)
                      : plan.walk == Walk::kStride2 ? 50
                      : plan.walk == Walk::kSpread  ? (plan.pairs ? 55 : 70)
                                                    : 10 + 8 * taps;
  const double items = static_cast<double>(kPixels) / plan.tile.unit * (plan.item_bytes / 16.0 - 1);
  return kPixels * each + items * 100 +
         static_cast<double>(kPixels) / plan.tile.unit * DepthwiseWarps(plan.tile.columns) * 40;
}

// Cycles of a launch.
inline double Cycles(const Shape& shape, const Plan& plan, const assay_device_info& device) {
  constexpr double kL2 = 30, kShared = 128;         // bytes a cycle and multiprocessor
  constexpr double kLoad = 1800, kShare = 700;      // latencies of a copy
  constexpr double kLoader = 600, kFixed = 12700;   // of the warp that copies, for a chunk; of a launch
  constexpr double kSlower = 1.1, kMeetings = 640;  // fitted: what a chunk takes beyond its limit
  const Tile& tile = plan.tile;
  // Cycles of a depthwise warp; more of them wait for each other.
  const double makers = DepthwiseWarps(tile.columns), instruction = makers > 7 ? 4.8 : 4.2;
  const double units = kPixels / tile.unit, sharing = tile.column_blocks;
  const double product = 4.0 * tile.columns,
               depthwise = DepthwiseInstructions(shape, plan) / makers * instruction;
  const double input = units * plan.input_bytes;
  const double halves = tile.columns > 192 ? 2 : 1;  // a product reads the operands once for each
  const double shared = 8 * (halves * 2048 + tile.columns * 32.0) + 16384 + plan.weight_bytes +
                        (input + kPixels * 3.0 * kPixelBytes) / sharing;
  const double from_l2 = plan.weight_bytes / static_cast<double>(tile.pixel_blocks) + input / sharing;
  // Of a chunk, by what limits it: units of the multiprocessor, L2, or how often each ring goes round.
  const double chunk =
      std::max({1.15 * product, shared / kShared, from_l2 / kL2, depthwise / sharing,
                kLoader * std::max(1.0, units / 2), (units * kLoad + depthwise) / tile.inputs / sharing,
                (depthwise + (sharing > 1 ? kShare : 300) + 2 * product) / tile.operands,
                plan.resident ? 0 : (kLoad + product) / tile.weights});
  const double rounds = DivideUp(plan.cluster_tiles, MostClusters(tile, device));
  return kFixed + kSlower * rounds * (plan.chunks * chunk + 1500.0 * tile.columns / 256) +
         kMeetings * rounds * plan.chunks;
}

// Microseconds of a launch on an H100.
inline double CostOf(const Shape& shape, const Tile& tile, const assay_device_info& device) {
  constexpr double kClock = 1755;  // cycles a microsecond
  return Cycles(shape, MakePlan(shape, ASSAY_F16, tile), device) / kClock;
}

// Widths of column parts that fill rows well.
inline std::vector<std::int32_t> Widths(const Shape& shape) {
  std::vector<std::int32_t> widths;
  for (std::int32_t parts = DivideUp(shape.q, 40); parts <= DivideUp(shape.q, 40) + 3; ++parts) {
    const std::int32_t width = DivideUp(shape.q, parts);
    if (widths.empty() || (width >= 7 && width != widths.back())) widths.push_back(width);
  }
  return widths;
}

// With the rings of `operands` and `weights`, as many input stages as fit, up to four; false where two do
// not.
inline bool FitRings(std::int32_t operands, std::int32_t weights, const assay_device_info& device,
                     Plan& plan) {
  plan.tile.operands = operands, plan.tile.weights = weights;
  for (plan.tile.inputs = 4; plan.tile.inputs >= 2; --plan.tile.inputs) {
    LayOutRings(plan);
    if (Fits(plan, device)) return true;
  }
  return false;
}

// Calls see(plan) for all rings that fit one way of cutting, until it says false. A plan's units of pixels
// are gone through once: there can be thousands of them.
template <class See>
bool ForEachRings(const Shape& shape, const assay_device_info& device, const Tile& cut, See&& see) {
  Plan plan = MakePlan(shape, ASSAY_F16, cut);
  const std::int32_t each = cut.column_blocks;
  for (std::int32_t operands = each; operands <= 6; operands += each) {
    for (const std::int32_t weights : {4, 3, 2}) {
      if (operands >= 2 && FitRings(operands, weights, device, plan) && !see(plan)) return false;
    }
  }
  return true;
}

// Calls see(plan) for all that fit, until it says false.
template <class See>
void ForEachPlan(const Shape& shape, const assay_device_info& device, See&& see) {
  constexpr std::pair<std::int32_t, std::int32_t> kClusters[] = {{1, 1}, {2, 1}, {1, 2},
                                                                 {1, 3}, {1, 4}, {2, 2}};
  for (const std::int32_t columns : kColumnChoices) {
    if (columns > 128 && shape.k <= columns - 64) continue;
    for (const auto& [pixel_blocks, column_blocks] : kClusters) {
      if (DivideUp(shape.k, columns) % column_blocks != 0) continue;
      for (const std::int32_t width : Widths(shape)) {
        for (const std::int32_t unit : {128, 64, 32}) {
          const Tile cut{columns, pixel_blocks, column_blocks, width, unit, 2, 2, 2};
          if (!ForEachRings(shape, device, cut, see)) return;
        }
      }
    }
  }
}

inline bool HasTile(const Shape& shape, const assay_device_info& device) {
  bool has = false;
  ForEachPlan(shape, device, [&](const Plan&) {
    has = true;
    return false;
  });
  return has;
}

// Those that fit, the fastest first by the estimate; of each kind of cluster a few, two dozen at most.
inline std::vector<Tile> AllTiles(const Shape& shape, const assay_device_info& device) {
  constexpr std::size_t kMost = 24;
  constexpr int kMostOfKind = 4;
  std::vector<std::pair<double, Tile>> found;
  ForEachPlan(shape, device, [&](const Plan& plan) {
    found.emplace_back(Cycles(shape, plan, device), plan.tile);
    return true;
  });
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Tile> tiles;
  for (const auto& [cycles, tile] : found) {
    const auto same = [&tile = tile](const Tile& other) {
      return other.columns == tile.columns && other.pixel_blocks == tile.pixel_blocks &&
             other.column_blocks == tile.column_blocks;
    };
    if (tiles.size() == kMost || std::count_if(tiles.begin(), tiles.end(), same) == kMostOfKind) continue;
    tiles.push_back(tile);
  }
  return tiles;
}

}  // namespace assay::dsconv::wide
