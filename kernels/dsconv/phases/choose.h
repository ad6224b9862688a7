// The choice of tile: those that fit, the one first that an estimate of cycles finds fastest.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/by_cost.h"
#include "kernels/dsconv/phases/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::phases {

inline constexpr std::int32_t kColumnChoices[] = {256, 192, 128};

inline Plan PlanOf(const Shape& shape, assay_dtype dtype, const Tile& tile, const assay_device_info& device) {
  // Clusters whose blocks fill a multiprocessor each: pairs lie within a GPC, which holds an even number.
  return MakePlan(shape, dtype, tile, std::max(1, device.num_sms / tile.pixel_blocks),
                  device.shared_bytes_per_block, dtype == ASSAY_F32 ? 0 : kOutputBytes);  // fp32: from registers
}

// Microseconds of a launch on an H200: of both halves, one after the other. Fitted to 212 times of 14
// problems of 128 images in 16 bits, all with 12 warps, 2 % off (root mean square); what it chooses of them
// takes 1.00 of the best. What is other in fp32 was set by the best times of the same 14, up to 10 % off.
inline double CostOf(const Shape& shape, assay_dtype dtype, const Tile& tile,
                     const assay_device_info& device) {
  constexpr double kFixed = 8.9, kClock = 1700, kBytes = 3.76e6;     // cycles, and bytes, a microsecond
  constexpr double kColumn = 173, kStridedColumn = 213, kRow = 122;  // of a strip
  constexpr double kStrip = 240;                                     // to begin one
  constexpr double kOperand = 1.42;                                  // times as long as a byte of x
  constexpr double kCrowded = 1.35;                          // times as long beside 15 warps as beside 11
  constexpr double kTwoChannels = 0.6, kStoreFloats = 1700;  // fp32: times as long as four; beside kStore
  constexpr double kMultiply = 998, kChunkOf = 46, kStore = 1377, kTile = 402;  // for 256 columns, and any
  const Plan plan = PlanOf(shape, dtype, tile, device);
  const double strips = DivideUp(plan.items, plan.clusters * tile.pixel_blocks * tile.warps);
  const double row = (tile.span * (shape.stride_w == 1 ? kColumn : kStridedColumn) + kRow) *
                     (tile.warps == kLeastWarps ? 1 : kCrowded);
  const bool floats = dtype == ASSAY_F32;
  const double made = (floats ? kTwoChannels : 1) * strips *
                      (plan.strip_boxes * BoxRows(shape.stride_h) * row + kStrip) / kClock;
  const double copied =
      ((floats ? 4.0 : 2.0) * shape.n * shape.x.n + kOperand * plan.pixels * plan.chunks * kPixelBytes) /
      kBytes;
  const double columns = tile.columns / 256.0;
  const double stored = kStore + (floats ? kStoreFloats : 0);
  const double products = DivideUp(plan.tiles, plan.clusters) *
                          (plan.chunks * (kMultiply * columns + kChunkOf) + stored * columns + kTile) /
                          kClock;
  // Whichever of the two takes longer, somewhat more where they take as long.
  return kFixed + std::pow(std::pow(made, 4) + std::pow(copied, 4), 0.25) + products;
}

inline std::vector<Tile> AllTiles(const Shape& shape, assay_dtype dtype, const assay_device_info& device) {
  std::vector<std::pair<double, Tile>> found;
  for (const std::int32_t columns : kColumnChoices) {
    if (columns > 128 && shape.k <= columns - 64) continue;
    for (const std::int32_t pixel_blocks : {2, 1}) {
      for (const std::int32_t span : {4, 5, 7}) {
        if (shape.stride_w == 2 && span != 4) continue;
        // 16 warps have 128 registers a thread, enough for spans of up to 5. Where they are faster few
        // columns are as good as many.
        for (const std::int32_t warps : {kLeastWarps, kMostWarps}) {
          if (warps == kMostWarps && (columns > 128 || span > 5)) continue;
          const Tile tile{columns, pixel_blocks, span, warps};
          found.emplace_back(CostOf(shape, dtype, tile, device), tile);
        }
      }
    }
  }
  return TilesByCost(std::move(found));
}

}  // namespace assay::dsconv::phases
