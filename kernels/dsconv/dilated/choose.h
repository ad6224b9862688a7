// The choice of tile: those that fit, and what a launch is expected to take.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "kernels/dsconv/dilated/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::dilated {

// Microseconds of a launch: blocks in rounds, each a part that every block has and chunks. In fp32 a chunk's
// depthwise half takes 0.6 of the time, and bytes from L2 what they take. Fitted to times on an H200, 3 % off
// (root mean square); in fp32 to those of three problems.
inline double CostOf(const Shape& shape, assay_dtype dtype, std::int32_t parts, const Tile& tile,
                     const assay_device_info& device) {
  constexpr double kLaunch = 3.3, kBlock = 3.3;
  const Plan plan = MakePlan(shape, dtype, parts, tile);
  const std::int64_t blocks = static_cast<std::int64_t>(plan.tiles) * plan.column_tiles;
  const auto rounds = static_cast<double>(DivideUp<std::int64_t>(blocks, std::max(1, device.num_sms)));
  double chunk = 1.28;
  if (plan.classes > 0) chunk = plan.pairs ? 0.47 + 0.09 * plan.mean_rows : 0.4 + 0.16 * plan.mean_rows;
  if (dtype == ASSAY_F32) chunk = std::max(0.6 * chunk, (parts == 1 ? 0.55 : 1.18) + 0.037 * plan.mean_rows);
  if (tile.inputs < 3 && parts == 1) chunk *= 1.08;
  if (tile.weights == 1) chunk *= 1.6;  // none are on their way while products read
  chunk *= 1 + 0.015 * (4 - std::min(tile.weights, 4));
  return kLaunch + rounds * (kBlock + plan.chunks * chunk);
}

// Stages of weights and operands; input takes what is left. Three stages of input come first, for two are
// read at a time; then as many of weights as there can be, which take longest to arrive.
inline std::vector<Tile> AllTiles(const Shape& shape, assay_dtype dtype, std::int32_t parts,
                                  const assay_device_info& device) {
  constexpr std::int32_t kFew[][2] = {{5, 3}, {4, 4}, {4, 3}, {3, 5}, {3, 4},
                                      {3, 3}, {2, 4}, {2, 3}, {2, 2}, {1, 2}};
  std::vector<Tile> tiles;
  for (const auto& [weights, operands] : kFew) {
    if (weights == 1 && parts == 1) continue;  // which have room for two
    Tile tile{weights, operands, 1};
    const Plan plan = MakePlan(shape, dtype, parts, tile);
    const std::int64_t left = device.shared_bytes_per_block - std::int64_t{plan.shared_bytes};
    if (left < plan.input_bytes) continue;
    tile.inputs = static_cast<std::int32_t>(std::min<std::int64_t>(kMostStages, 1 + left / plan.input_bytes));
    tiles.push_back(tile);
  }
  std::stable_sort(tiles.begin(), tiles.end(), [](const Tile& a, const Tile& b) {
    return std::min(a.inputs, 3) > std::min(b.inputs, 3);
  });
  return tiles;
}

}  // namespace assay::dsconv::dilated
