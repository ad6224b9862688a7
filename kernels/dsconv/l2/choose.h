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
struct ColumnChoice {
  std::int32_t columns;
  bool few_makers, tf32;  // of TF32 alone
};
inline constexpr ColumnChoice kColumnChoices[] = {
    {256, false, false}, {256, true, true},   {240, true, true},  {208, true, true},
    {208, false, true},  {192, false, false}, {128, false, false}};

// Clusters whose blocks fill a multiprocessor each: pairs lie within a GPC, which holds an even number.
inline std::int32_t Clusters(const Tile& tile, const assay_device_info& device) {
  return std::max(1, device.num_sms / tile.pixel_blocks);
}

inline Plan PlanOf(const Shape& shape, assay_dtype dtype, const Tile& tile, const assay_device_info& device) {
  return MakePlan(shape, dtype, tile, Clusters(tile, device));
}

// Cycles of a launch: of both halves, one after the other. They are under way at the same time, but hardly
// faster for it (docs/kernels/hopper_l2.md). Fitted to 124 times of 35 problems, 11 % off (root mean square).
inline double Cycles(const Shape& shape, std::int32_t planes, const Plan& plan) {
  constexpr double kFixed = 13000;                     // of a launch
  constexpr double kMultiply = 680, kStore = 5000;     // of a plane and of a tile, for 256 columns
  constexpr double kCopied = 47;                       // bytes a cycle, where they take longer than products
  constexpr double kBand = 126, kStridedBand = 0;      // of a multiprocessor, for a band
  constexpr double kColumn = 85, kStridedColumn = 90;  // and for each of its columns
  constexpr double kWait = 1360;                       // of a warp, for a band
  const Tile& tile = plan.tile;
  const double columns = tile.columns / 256.0, rounds = DivideUp(plan.tiles, plan.clusters);
  const double copied =
      kOperandBytes + (tile.resident ? 0.0 : static_cast<double>(plan.weight_bytes) / tile.pixel_blocks);
  const double chunk = std::max(kMultiply * columns, copied / kCopied);
  const double walked = DivideUp(shape.q, plan.step_w) + 2;
  const double band =
      (shape.stride_w == 1 ? kBand + walked * kColumn : kStridedBand + walked * kStridedColumn) +
      kWait / Makers(tile.columns, tile.few_makers);
  const double bands = plan.items / static_cast<double>(plan.clusters * tile.pixel_blocks);
  return kFixed + rounds * (plan.chunks * planes * chunk + kStore * planes * columns) + bands * band;
}

// Microseconds of a launch on an H100.
inline double CostOf(const Shape& shape, assay_dtype dtype, const Tile& tile,
                     const assay_device_info& device) {
  constexpr double kClock = 1755;  // cycles a microsecond
  return Cycles(shape, PlanesFor(dtype), PlanOf(shape, dtype, tile, device)) / kClock;
}

inline std::vector<Tile> AllTiles(const Shape& shape, assay_dtype dtype, const assay_device_info& device) {
  const std::int32_t chunks = DivideUp(shape.c, kChunk), planes = PlanesFor(dtype),
                     products = DivideUp(shape.c, kChunk / planes);
  std::vector<std::pair<double, Tile>> found;
  const auto offer = [&](const Tile& tile) {
    if (tile.operands < 2 || tile.weights < 1) return;
    found.emplace_back(CostOf(shape, dtype, tile, device), tile);
  };
  for (const auto& [columns, few, tf32] : kColumnChoices) {
    if ((tf32 && dtype != ASSAY_F32) || (columns > 128 && shape.k <= columns - 64)) continue;
    const std::int32_t weight_bytes = columns * kPixelBytes;
    const std::int32_t rings =
        device.shared_bytes_per_block - SharedBytesBesideRings(Makers(columns, few), planes);
    // All chunks of a band before the next band, or runs of 4.
    for (std::int32_t run = chunks; run >= std::min(chunks, 4); run = run > 4 ? 4 : 0) {
      for (const std::int32_t pixel_blocks : {2, 1}) {
        const std::int32_t stages = std::min(kMostStages, rings / (kOperandBytes + weight_bytes));
        offer({columns, pixel_blocks, false, few, stages, stages, run});
        // What is left may be one more of operands.
        if (planes > 1 && stages < kMostStages &&
            rings - stages * (kOperandBytes + weight_bytes) >= kOperandBytes) {
          offer({columns, pixel_blocks, false, few, stages + 1, stages, run});
        }
      }
      if (shape.k > columns || products > kMostStages) continue;
      const std::int32_t left = rings - products * weight_bytes;
      if (left >= 3 * kOperandBytes) {
        offer({columns, 1, true, few, std::min(kMostStages, left / kOperandBytes), products, run});
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
