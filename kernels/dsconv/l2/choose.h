// The choice of tile: those that fit, the one first that an estimate of cycles finds fastest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/l2/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::l2 {

// Output channels of a block that kernels are compiled for.
inline constexpr std::int32_t kColumnChoices[] = {256, 192, 128};

// Clusters whose blocks fill a multiprocessor each: pairs lie within a GPC, which holds an even number.
inline std::int32_t Clusters(const Tile& tile, const assay_device_info& device) {
  return std::max(1, device.num_sms / tile.pixel_blocks);
}

inline Plan PlanOf(const Shape& shape, assay_dtype dtype, const Tile& tile, const assay_device_info& device) {
  return MakePlan(shape, dtype, tile, Clusters(tile, device));
}

// Cycles of a launch: whichever half takes longer, and the beginning of the other.
inline double Cycles(const Shape& shape, const Plan& plan) {
  constexpr double kL2 = 30;        // bytes a cycle and multiprocessor
  constexpr double kFixed = 12000;  // of a launch, and until the first operands are there
  const Tile& tile = plan.tile;
  const double multiprocessors = plan.clusters * tile.pixel_blocks;
  const double from_l2 =
      kOperandBytes + (tile.resident ? 0.0 : static_cast<double>(plan.weight_bytes) / tile.pixel_blocks);
  const double chunk = std::max(4.8 * tile.columns, from_l2 / kL2);
  const double rounds = wide::DivideUp(plan.tiles, plan.clusters);
  const double multiplying = rounds * (plan.chunks * chunk + 1000 + 2500.0 * tile.columns / 256);
  const double warps = wide::DepthwiseWarps(tile.columns) * multiprocessors;
  const double steps = DivideUp(shape.q, plan.phases_w) * shape.stride_w + 2;
  const double band = 4000 + steps * (shape.stride_h == 1 ? 140 : 60) * 3.6;
  const double making = band * plan.units * plan.chunks / warps;
  return kFixed + std::max(multiplying, making) + 0.25 * std::min(multiplying, making);
}

// Microseconds of a launch on an H100.
inline double CostOf(const Shape& shape, const Tile& tile, const assay_device_info& device) {
  constexpr double kClock = 1755;  // cycles a microsecond
  return Cycles(shape, PlanOf(shape, ASSAY_F16, tile, device)) / kClock;
}

inline std::vector<Tile> AllTiles(const Shape& shape, const assay_device_info& device) {
  const std::int32_t chunks = DivideUp(shape.c, kChunk);
  std::vector<std::pair<double, Tile>> found;
  const auto offer = [&](const Tile& tile) {
    if (tile.operands < 2 || tile.weights < 1) return;
    found.emplace_back(CostOf(shape, tile, device), tile);
  };
  for (const std::int32_t columns : kColumnChoices) {
    if (columns > 128 && shape.k <= columns - 64) continue;
    const std::int32_t weight_bytes = columns * kPixelBytes;
    const std::int32_t rings = device.shared_bytes_per_block - SharedBytesBesideRings(columns);
    for (const std::int32_t run : {chunks, 4}) {  // all of a band's, or runs of 4
      if (run > chunks || (run < chunks && chunks <= 4)) continue;
      for (const std::int32_t pixel_blocks : {2, 1}) {
        const std::int32_t stages = std::min(kMostStages, rings / (kOperandBytes + weight_bytes));
        offer({columns, pixel_blocks, false, stages, stages, run});
      }
      const std::int32_t left = rings - chunks * weight_bytes;
      if (shape.k <= columns && chunks <= kMostStages && left >= 3 * kOperandBytes) {
        offer({columns, 1, true, std::min(kMostStages, left / kOperandBytes), chunks, run});
      }
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Tile> tiles;
  for (const auto& [cost, tile] : found) tiles.push_back(tile);
  return tiles;
}

}  // namespace assay::dsconv::l2
