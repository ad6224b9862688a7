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

// Cycles that a thread of the depthwise half takes for an item: a run of pixels, or a pixel, whose channels
// come in one load each tap, or in four.
inline double ItemCycles(const Shape& shape, const Plan& plan, std::int32_t element_bytes) {
  const double taps = static_cast<double>(shape.r) * shape.s;
  if (plan.runs) return 3350;
  if (plan.vectors_in) return 2200 + 195 * taps;
  return (element_bytes == 4 ? 390 : 520) * taps;
}

// Microseconds of a launch: what every launch takes, the depthwise half, bound by its threads' loads or by x,
// and the rounds of tiles, each bound by what it reads through L2 or by its products; and what else goes to
// device memory. Fitted to 1284 times of 76 problems on an H200, 12 % off (root mean square); of the tiles
// of a problem the one that it takes loses 0.2 % on the geometric mean.
inline double CostOf(const Shape& shape, std::int32_t element_bytes, std::int32_t parts, const Tile& tile,
                     const assay_device_info& device) {
  constexpr double kClock = 1755, kFixed = 10000, kOut = 1500;  // cycles
  constexpr double kL2 = 29, kIn = 6.5, kRest = 9;              // bytes a cycle and multiprocessor
  constexpr double kMultiplyAdds = 490;                         // of fp32, the same
  const std::int32_t blocks = std::max(1, device.num_sms);
  const Plan plan = PlanOf(shape, element_bytes, tile, blocks);
  const auto bytes_of = [&](double elements) { return elements * element_bytes / blocks; };
  const double made = static_cast<double>(DivideUp(plan.items, blocks * kThreads));
  const double in = bytes_of(static_cast<double>(shape.n) * shape.h * shape.w * shape.c);
  const double rest =
      bytes_of(static_cast<double>(plan.pixels) * shape.k + static_cast<double>(shape.k) * shape.c);
  const double rounds = static_cast<double>(DivideUp(plan.tiles, blocks));
  const double read = static_cast<double>(tile.pixels + tile.columns) * plan.channels * element_bytes / kL2;
  const double products = static_cast<double>(tile.pixels) * tile.columns * plan.channels * parts /
                          (kMultiplyAdds * (4.0 / element_bytes));
  return (kFixed + std::max(made * ItemCycles(shape, plan, element_bytes), in / kIn) +
          rounds * (kOut + std::max(read, products)) + rest / kRest) /
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
