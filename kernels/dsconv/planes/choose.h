// The choice of tile: those that fit, the one first that an estimate of microseconds finds fastest.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/by_cost.h"
#include "kernels/dsconv/phases/choose.h"
#include "kernels/dsconv/planes/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::planes {

inline Plan PlanOf(const Shape& shape, const Tile& tile, const assay_device_info& device) {
  return MakePlan(shape, tile, std::max(1, device.num_sms / tile.pixel_blocks), device.shared_bytes_per_block);
}

// Microseconds of a launch on an H200: of both halves, one after the other, each of the longer of copies and
// work, somewhat more where both take as long. Fitted to 732 times of 29 problems of 128 and 16 images, and to
// those of the first half alone: 5 % off (root mean square); what it chooses of them takes 1.02 of the best.
inline double CostOf(const Shape& shape, const Plan& plan, const Tile& tile) {
  constexpr double kFixed = 7.5, kClock = 1700;                // a cycle is 1 / kClock microseconds
  constexpr double kBytes = 4.38e6, kProductBytes = 3.55e6;    // a microsecond, of either half
  constexpr double kRow = 60, kItem = 1060, kUnit = 380;       // a warp's row of x, an item, a block's unit
  constexpr double kHalf = 1.26, kQuarter = 1.56;              // writes of 64 and 32 bytes in place of 128
  constexpr double kMultiply = 1016, kChunkOf = 71;            // for 256 columns, and any
  constexpr double kStore = 4260, kOneByOne = 1.5, kOf = 740;  // y of 256 columns; pixel by pixel; a tile
  const phases::Plan& products = plan.products;
  const auto longer = [](double one, double other) {
    return std::pow(std::pow(one, 4) + std::pow(other, 4), 0.25);
  };
  const double units = std::ceil(plan.units / (static_cast<double>(products.clusters) * tile.pixel_blocks));
  const std::int32_t rows = (plan.segment_rows - 1) * shape.stride_h + 3;
  const double made = units * (plan.items * (rows * kRow + kItem) / kWorkers + kUnit) / kClock;
  const double read = plan.whole ? 1 : static_cast<double>(plan.bands) * plan.most_rows / shape.h;
  const double operands = static_cast<double>(products.pixels) * products.chunks * phases::kPixelBytes;
  const double copied = (4.0 * shape.n * shape.x.n * read +
                         operands * (tile.group == 32 ? 1 : tile.group == 16 ? kHalf : kQuarter)) /
                        kBytes;
  const double columns = tile.columns / 256.0;
  const double stored = kStore * (shape.p * shape.q % 4 == 0 ? 1 : kOneByOne);
  const double multiplied =
      DivideUp(products.tiles, products.clusters) *
      (products.chunks * (kMultiply * columns + kChunkOf) + stored * columns + kOf) / kClock;
  const double passed = (operands + 4.0 * products.pixels * shape.k) / kProductBytes;
  return kFixed + longer(made, copied) + longer(multiplied, passed);
}

inline std::vector<Tile> AllTiles(const Shape& shape, const assay_device_info& device) {
  std::vector<std::pair<double, Tile>> found;
  for (const std::int32_t columns : phases::kColumnChoices) {
    if (columns > 128 && shape.k <= columns - 64) continue;
    for (const std::int32_t pixel_blocks : {2, 1}) {
      for (const std::int32_t group : {32, 16, 8}) {
        const Tile tile{columns, pixel_blocks, group};
        const Plan plan = PlanOf(shape, tile, device);
        if (plan.stages >= 2) found.emplace_back(CostOf(shape, plan, tile), tile);
      }
    }
  }
  return TilesByCost(std::move(found));
}

}  // namespace assay::dsconv::planes
