// The choice of tile: those that fit, the one first that an estimate of microseconds finds fastest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/by_cost.h"
#include "kernels/dsconv/rows/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::rows {

// Fitted to 384 launches on an H200, 10 layers of 16 and of 128 images: off by 10 % (root of the mean
// square). A stage takes what making it takes, multiplying it, or its bytes, whichever is most; of making and
// multiplying, the other one counts in part, since the same schedulers execute both.
inline double CostOf(const Shape& shape, const Plan& plan) {
  constexpr double kLaunch = 5, kClock = 1800, kBytes = 26;  // microseconds; a microsecond, and bytes a clock
  const Tile& tile = plan.tile;
  const double columns = (tile.span - 1) * shape.stride_w + 3;
  const double instructions = 42 * tile.span + 6 * shape.stride_h * columns + 10;
  const double make = 1.2 * plan.makers / 128 * instructions + 290;
  const double group =
      plan.blocks * plan.pieces * (405 + 0.37 * plan.chunks * (16 + tile.columns / 8.0) + 1.2 * tile.columns);
  const double multiply = group / std::min(plan.group_rows, plan.band_rows);
  const double bytes = shape.stride_h * 1.0 * plan.row_bytes + 2.0 * shape.q * shape.k;
  const double stage = std::max({make, multiply, bytes / kBytes}) + 0.7 * std::min(make, multiply);
  const std::int32_t stages = plan.band_rows + StagesBefore(shape.stride_h);
  return kLaunch + (DivideUp(plan.items, plan.grid) * stages * stage + group) / kClock;
}

inline std::vector<Tile> AllTiles(const Shape& shape, assay_dtype dtype, const assay_device_info& device) {
  std::vector<std::pair<double, Tile>> found;
  for (const std::int32_t span : {2, 3, 4}) {
    if (span == 2 && shape.stride_h == 1) continue;
    if (std::int64_t{shape.c / kLaneChannels} * DivideUp(shape.q, span) > kMakers || shape.q < span) continue;
    for (const std::int32_t columns : {32, 64, 96}) {
      if (columns > 32 && columns >= RoundUp(shape.k, 32) + 32) continue;
      for (const std::int32_t bands : {1, 2, 4, 8}) {
        if (bands > shape.p) continue;
        const Tile tile{span, columns, bands};
        const Plan plan = MakePlan(shape, dtype, tile, device.num_sms, device.shared_bytes_per_block);
        if (plan.stages * plan.stage_rows < 3 || plan.stages < 2) continue;
        found.emplace_back(CostOf(shape, plan), tile);
      }
    }
  }
  return TilesByCost(std::move(found));
}

}  // namespace assay::dsconv::rows
