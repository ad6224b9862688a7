// The choice of a tile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/by_cost.h"
#include "kernels/dsconv/few/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::few {

inline constexpr Tile kTileChoices[] = {{16, 16}, {16, 32}, {32, 32}, {32, 64}, {48, 64}, {64, 64}};

// Microseconds of a launch: what every launch takes, the depthwise half, and the rounds of tiles, each bound
// by what it reads through L2 or by its products.
inline double CostOf(const Shape& shape, std::int32_t element_bytes, std::int32_t parts, const Tile& tile,
                     const assay_device_info& device) {
  constexpr double kClock = 1755, kFixed = 9000, kOut = 1500;  // cycles
  constexpr double kL2 = 30;                                   // bytes a cycle and multiprocessor
  const std::int32_t blocks = std::max(1, device.num_sms);
  const Plan plan = PlanOf(shape, element_bytes, tile, blocks);
  const double made = static_cast<double>(DivideUp(plan.items, blocks * kThreads));
  const double rounds = static_cast<double>(DivideUp(plan.tiles, blocks));
  const double bytes = static_cast<double>(tile.pixels + tile.columns) * plan.channels * element_bytes;
  const double products = static_cast<double>(tile.pixels) * tile.columns * plan.channels * parts /
                          (element_bytes == 4 ? 400 : 800);
  const double memory =
      (static_cast<double>(plan.pixels) * (shape.k + shape.stride_h * shape.stride_w * shape.c) +
       static_cast<double>(shape.k) * shape.c) *
      element_bytes / blocks / 15;
  return (kFixed + memory + made * 900 * std::max(1, shape.r * shape.s / 9) +
          rounds * (kOut + std::max(bytes / kL2, products))) /
         kClock;
}

inline std::vector<Tile> AllTiles(const Shape& shape, std::int32_t element_bytes, std::int32_t parts,
                                  const assay_device_info& device) {
  std::vector<std::pair<double, Tile>> found;
  for (const Tile& tile : kTileChoices)
    found.emplace_back(CostOf(shape, element_bytes, parts, tile, device), tile);
  return TilesByCost(std::move(found));
}

}  // namespace assay::dsconv::few
