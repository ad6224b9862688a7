// Which tiles `hopper_group` offers, and what they cost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/by_cost.h"
#include "kernels/dsconv/group/plan.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/pack.h"

namespace assay::dsconv::group {

// Output channels of a block that kernels are compiled for.
inline constexpr std::int32_t kColumnChoices[] = {16, 32, 48, 64, 96, 128};

// Whether the kernel for any filter and activation is needed.
inline bool IsAny(const Shape& shape) {
  return shape.r != 3 || shape.s != 3 || !wide::IsClamp(shape.act_mid) || !wide::IsClamp(shape.act_out);
}

// Whether neighbouring outputs share columns of x.
inline bool SharesColumns(const Shape& shape) {
  return !IsAny(shape) && shape.stride_h == 1 && shape.stride_w == 1 && shape.dilation_h == 1 &&
         shape.dilation_w == 1;
}

// Cycles of a launch: the depthwise half, its way to others, operands and their products, which hide each
// other, the sums' way out, and every byte once from memory. Fitted to 537 times of 31 layers of one image on
// an H200 (2026-11-28), 4 % off (root mean square).
inline double Cycles(const Shape& shape, const Plan& plan, const Tile& tile) {
  constexpr double kLaunch = 10214, kInput = 24.1;      // bytes a cycle
  constexpr double kPass = 1256, kOutput = 132;         // of a thread: strips in turn, and their outputs
  constexpr double kHandOver = 2709, kWeights = 24.9;   // bytes a cycle, from memory and from L2
  constexpr double kOperands = 45.7, kProducts = 1.40;  // bytes a cycle; over what products alone take
  constexpr double kOut = 132, kMemory = 2610;          // bytes a cycle, of a block and of the device
  const double input =
      (MostInput(plan, DivideUp(plan.pixels, plan.block_pixels)) * 16.0) * plan.block_units();
  const double passes = DivideUp(plan.tasks, kThreads);
  const double made = input / kInput + passes * (kPass + kOutput * tile.span);
  const double weights = static_cast<double>(plan.chunks) * plan.weight_bytes / kWeights;
  const double steps = plan.chunks * (kChunk / 16.0) * (plan.multiply_warps / 4.0);
  const double products = kProducts * steps * std::max(26.0, tile.columns / 2.0 + 2);
  const double operands = static_cast<double>(plan.chunks) * plan.operand_bytes / kOperands;
  const double bytes =
      2.0 * (static_cast<double>(shape.n) * shape.h * shape.w * shape.c +
             static_cast<double>(plan.pixels) * shape.k + static_cast<double>(shape.c) * shape.k);
  const double inside = plan.alone ? std::max(made, weights) + products
                                   : std::max(made + kHandOver, weights) + std::max(products, operands);
  return kLaunch + inside + plan.block_pixels * 2.0 * tile.columns / kOut + bytes / kMemory;
}

// Microseconds of a launch on an H200.
inline double CostOf(const Shape& shape, const Tile& tile, const assay_device_info& device) {
  constexpr double kClock = 1980;  // cycles a microsecond
  Layout layout;
  return Cycles(shape, MakePlan(shape, tile, device.shared_bytes_per_block, layout), tile) / kClock;
}

inline std::vector<Tile> TilesFor(const Shape& shape, const assay_device_info& device) {
  std::vector<std::pair<double, Tile>> found;
  if (shape.c % 8 != 0) return {};  // not taken; boundary tests ask all the same
  const auto offer = [&](const Tile& tile) {
    Layout layout;
    const Plan plan = MakePlan(shape, tile, device.shared_bytes_per_block, layout);
    if (static_cast<std::int64_t>(layout.groups) * plan.group > device.num_sms) return;
    if (plan.multiply_warps < tile.pixels / 16) return;  // fewer would do
    const bool fits = plan.stages * plan.batch >= plan.chunks;
    if (!layout.fits || (!fits && (plan.alone || plan.multiply_warps == kWarps || plan.stages < 3))) return;
    found.emplace_back(CostOf(shape, tile, device), tile);
  };
  for (const std::int32_t pixels : {64, 128, 192}) {
    for (const std::int32_t columns : kColumnChoices) {
      if (columns > 16 && shape.k <= columns / 2) continue;  // half would do
      for (const std::int32_t span : {4, 2, 1}) {
        if (span == 1 || SharesColumns(shape)) offer({pixels, columns, span});
      }
    }
  }
  return TilesByCost(std::move(found));
}

}  // namespace assay::dsconv::group
