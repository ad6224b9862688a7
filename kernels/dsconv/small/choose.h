// Which tiles `hopper_small` offers for a problem, and what its model says that they take.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/small/kernel.h"
#include "kernels/dsconv/small/plan.h"

namespace assay::dsconv::small {

// What the kernel is compiled for, and the registers of a thread then.
struct Compiled {
  int matrices, tiles, registers;
};
inline constexpr Compiled kCompiled[] = {{1, 2, 112}, {1, 4, 112}, {1, 8, 136}, {1, 16, 168},
                                         {2, 2, 144}, {2, 4, 160}, {2, 8, 208}, {2, 16, 256}};

inline std::int64_t BlocksOf(const Shape& shape, const Tile& tile) {
  return static_cast<std::int64_t>(DivideUp(shape.p, tile.rows)) * DivideUp(shape.q, tile.columns) *
         DivideUp(shape.k, tile.tiles * 8) * shape.n;
}

// Rows, or columns, of a block's input tile.
inline std::int64_t HaloRows(const Shape& shape, const Tile& tile) {
  return (tile.rows - 1) * static_cast<std::int64_t>(shape.stride_h) +
         (shape.r - 1) * static_cast<std::int64_t>(shape.dilation_h) + 1;
}
inline std::int64_t HaloColumns(const Shape& shape, const Tile& tile) {
  return (tile.columns - 1) * static_cast<std::int64_t>(shape.stride_w) +
         (shape.s - 1) * static_cast<std::int64_t>(shape.dilation_w) + 1;
}

// Pixels of a block's input tile; beyond kMostHalo it does not fit anyway.
inline constexpr std::int64_t kMostHalo = 4096;
inline std::int64_t HaloOf(const Shape& shape, const Tile& tile) {
  const std::int64_t rows = HaloRows(shape, tile), columns = HaloColumns(shape, tile);
  return rows > kMostHalo || columns > kMostHalo ? 1 << 24 : rows * columns;
}

// Shapes of a block of at most `strips` strips: fewest blocks, and where that is another one, little more of
// them with the smallest input tiles in all.
inline std::vector<Tile> ShapeTiles(const Shape& shape, std::int32_t strips, const Tile& tile) {
  const std::int32_t pairs = DivideUp(shape.p, 2);
  std::vector<Tile> all;
  std::int64_t fewest = 0;
  for (std::int32_t rows = 1; rows <= std::min(pairs, strips); ++rows) {
    const std::int32_t columns = std::min(shape.q, strips / rows);
    Tile even = tile;
    even.rows = 2 * DivideUp(pairs, DivideUp(pairs, rows));
    even.columns = DivideUp(shape.q, DivideUp(shape.q, columns));
    const std::int64_t blocks = BlocksOf(shape, even);
    if (fewest == 0 || blocks < fewest) fewest = blocks;
    all.push_back(even);
  }
  const auto least = [&](std::int64_t most) {
    const auto cost = [&](const Tile& a) {
      return BlocksOf(shape, a) > most ? 1e30 : static_cast<double>(BlocksOf(shape, a)) * HaloOf(shape, a);
    };
    return *std::min_element(all.begin(), all.end(),
                             [&](const Tile& a, const Tile& b) { return cost(a) < cost(b); });
  };
  std::vector<Tile> best = {least(fewest)};
  const Tile other = least(fewest + fewest * 3 / 10);
  if (other.rows != best[0].rows || other.columns != best[0].columns) best.push_back(other);
  return best;
}

// As `tile`, for every number of warps that share the slices, with as many stages as fit.
inline void AddTiles(const Shape& shape, const assay_device_info& device, Tile tile, std::vector<Tile>& to) {
  const std::int32_t slices = DivideUp(shape.c, kSlice);
  const int most = std::min(MostThreads(FilterOf(shape), tile.matrices, tile.tiles) / 32 / tile.warps_m,
                            tile.warps_m > 1 ? 15 : 16);  // barriers 1 to 15
  int last = 0;
  for (int steps = 1; steps <= slices; ++steps) {
    tile.warps_c = DivideUp(slices, steps);
    if (tile.warps_c > most || tile.warps_c == last) continue;
    last = tile.warps_c;
    for (tile.stages = steps; tile.stages > 0; --tile.stages) {
      if (SharedBytes(MakePlan(shape, tile), tile) <= device.shared_bytes_per_block) break;
    }
    if (tile.stages > 0) to.push_back(tile);
  }
}

inline std::vector<Tile> AllTiles(const Shape& shape, const assay_device_info& device) {
  std::vector<Tile> tiles;
  for (const Compiled& compiled : kCompiled) {
    if (compiled.tiles > 2 && compiled.tiles * 4 >= shape.k) continue;  // half would do
    if (!HasRegisters(FilterOf(shape), compiled.matrices, compiled.tiles)) continue;
    for (const int warps_m : {1, 2, 3, 4, 6, 8}) {
      if (32 * warps_m > MostThreads(FilterOf(shape), compiled.matrices, compiled.tiles)) continue;
      const int strips = kStrips * compiled.matrices * warps_m;
      const Tile tile{compiled.matrices, compiled.tiles, warps_m, 0, 0, 0, 0};
      for (const Tile& shaped : ShapeTiles(shape, strips, tile)) {
        if (warps_m > 1 && shaped.rows / 2 * shaped.columns <= strips - kStrips * compiled.matrices) continue;
        if (HaloOf(shape, shaped) <= kMostHalo) AddTiles(shape, device, shaped, tiles);
      }
    }
  }
  return tiles;
}

// Blocks that a multiprocessor holds at once, at most.
inline std::int64_t ResidentBlocks(const Tile& tile, std::int64_t shared_bytes) {
  constexpr std::int64_t kRegisters = 65536, kThreads = 2048, kSharedBytes = 228 * 1024, kReserved = 1024;
  const std::int64_t threads = 32 * tile.warps_m * tile.warps_c;
  std::int64_t registers = 0;
  for (const Compiled& compiled : kCompiled) {
    if (compiled.matrices == tile.matrices && compiled.tiles == tile.tiles) registers = compiled.registers;
  }
  return std::max<std::int64_t>(1, std::min({kRegisters / (registers * threads), kThreads / threads,
                                             kSharedBytes / (shared_bytes + kReserved)}));
}

// Instructions of a warp for a slice, roughly: copies, the depthwise half, the products.
inline double InstructionsOf(const Shape& shape, const Tile& tile, const Plan& plan) {
  const double copies =
      DivideUp(plan.halo_pixels, 8 * tile.warps_m) + DivideUp(plan.slice_bytes, 512 * tile.warps_m);
  const double unit = FilterOf(shape) == Filter::kAny
                          ? DivideUp(shape.r * shape.s, 2) * (30.0 + 6 * tile.matrices)
                          : 20.0 + 14 * tile.matrices;
  return 60 + 8 * copies + kUnits * unit + tile.tiles * (1.0 + 2 * tile.matrices);
}

// Microseconds of a launch with a cold L2 on an H100. The constants (cycles at 1.98 GHz, where no unit is
// named) are fitted to 1581 times of 41 problems (docs/kernels/hopper_small.md).
inline double CostOf(const Shape& shape, const Tile& tile, const assay_device_info& device) {
  constexpr double kLaunch = 3.6 /* us */, kClock = 1980, kMemory = 2350 /* bytes a cycle, of all */;
  constexpr double kStart = 850, kOneSlice = 2160, kTile = 25, kWord = 228;  // of a warp by itself
  constexpr double kInstruction = 1.85, kProduct = 5.1;  // of a quarter of a multiprocessor, and of all of it
  constexpr double kNeighbour = 440, kTurn = 100;
  const Plan plan = MakePlan(shape, tile);
  const std::int64_t blocks =
      DivideUp(static_cast<std::int32_t>(std::min<std::int64_t>(BlocksOf(shape, tile), 1 << 30)),
               std::max(device.num_sms, 1));
  const auto resident = static_cast<double>(std::min(blocks, ResidentBlocks(tile, SharedBytes(plan, tile))));
  const double rounds = std::max(1.0, static_cast<double>(blocks) / resident);
  const double slices = tile.warps_m * tile.warps_c * resident * plan.steps;  // of a multiprocessor's warps

  // What a warp waits for, instruction by instruction; and what all of them share.
  const bool any = FilterOf(shape) == Filter::kAny;
  const double words = any ? DivideUp(shape.r * shape.s, 2) : 5;
  const double slice =
      kOneSlice + kTile * tile.matrices * (tile.tiles + 4) + (any ? kUnits * words * kWord : 0);
  const double limits[] = {
      kStart + plan.steps * slice,
      kStart + slice / 2 + kInstruction * slices * InstructionsOf(shape, tile, plan) / 4,
      kStart + slice / 2 + kProduct * slices * tile.matrices * (kUnits * words + 2 * tile.tiles)};
  // They hinder each other where they are alike.
  double sum = 0;
  for (const double limit : limits) sum += limit * limit * limit * limit;
  const double body = std::sqrt(std::sqrt(sum)) + kNeighbour * (resident - 1);

  // The groups' sums go through shared memory, 128 bytes a cycle, there and back.
  const double sums = 16.0 * tile.matrices * tile.warps_m * tile.tiles * 8;
  const double turns = DivideUp(static_cast<std::int32_t>(sums / 4), 32 * tile.warps_m * tile.warps_c);
  const double out = plan.direct ? 0 : 2 * resident * sums * 4 * tile.warps_c / 128 + turns * kTurn;
  const double bytes = 2.0 * shape.c * (static_cast<double>(shape.n) * shape.h * shape.w + shape.k);
  return kLaunch + (rounds * (body + out) + bytes / kMemory) / kClock;
}

// The best by the model, best first.
inline std::vector<Tile> TilesFor(const Shape& shape, const assay_device_info& device) {
  constexpr std::size_t kMost = 48;
  std::vector<std::pair<double, Tile>> costs;
  for (const Tile& tile : AllTiles(shape, device)) costs.push_back({CostOf(shape, tile, device), tile});
  std::stable_sort(costs.begin(), costs.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Tile> tiles;
  for (std::size_t i = 0; i < std::min(costs.size(), kMost); ++i) tiles.push_back(costs[i].second);
  return tiles;
}

}  // namespace assay::dsconv::small
