// Which tiles `hopper_small` offers for a problem, and what its model says that they take.
#pragma once

#include <algorithm>
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

// How much of a block's input tile lies inside the image along one axis, on average.
inline double InsideOf(std::int64_t blocks, std::int64_t step, std::int64_t pad, std::int64_t halo,
                       std::int64_t size) {
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const std::int64_t first = i * step - pad;
    sum += std::max<std::int64_t>(0, std::min(first + halo, size) - std::max<std::int64_t>(first, 0));
  }
  return static_cast<double>(sum) / static_cast<double>(blocks);
}

// Microseconds of a launch with a cold L2 on an H100. The constants (cycles at 1.98 GHz, where no unit is
// named) are fitted to 2100 tiles of one image of 31 layers (docs/kernels/hopper_small.md).
inline double CostOf(const Shape& shape, const Tile& tile, const assay_device_info& device) {
  constexpr double kLaunch = 3.9 /* us */, kClock = 1980;
  constexpr double kStart = 500, kLatency = 1000, kBytes = 48 /* a cycle and multiprocessor */, kCopy = 40;
  constexpr double kOneSlice = 930, kTile = 11, kProduct = 4.4, kNeighbour = 250, kRefill = 200;
  const Plan plan = MakePlan(shape, tile);
  const std::int64_t shared = SharedBytes(plan, tile);
  const std::int64_t blocks =
      DivideUp(static_cast<std::int32_t>(std::min<std::int64_t>(BlocksOf(shape, tile), 1 << 30)),
               std::max(device.num_sms, 1));
  const auto resident = static_cast<double>(std::min(blocks, ResidentBlocks(tile, shared)));
  const double rounds = std::max(1.0, static_cast<double>(blocks) / resident);
  const double warps = tile.warps_m * tile.warps_c * resident;

  const double pixels =
      InsideOf(DivideUp(shape.p, tile.rows), plan.tile_h, shape.pad_h, HaloRows(shape, tile), shape.h) *
      InsideOf(DivideUp(shape.q, tile.columns), plan.tile_w, shape.pad_w, HaloColumns(shape, tile), shape.w);
  const double bytes = pixels * shape.c * 2 + static_cast<double>(plan.slices) * plan.slice_bytes;
  const double copies = plan.steps * (DivideUp(plan.halo_pixels, 8 * tile.warps_m) +
                                      DivideUp(plan.slice_bytes, 512 * tile.warps_m));
  const double slice = kOneSlice + kTile * tile.matrices * (tile.tiles + 4);
  const double taps = DivideUp(shape.r * shape.s + 1, 2) * 4;  // products of the depthwise half
  const double products = warps * plan.steps * tile.matrices * (taps + 2 * tile.tiles);
  const double body = std::max({kStart + kLatency + resident * bytes / kBytes + slice,
                                kStart + kCopy * copies + kLatency + slice * (plan.steps - 0.2),
                                kLatency + products * kProduct + slice / 2}) +
                      kNeighbour * (resident - 1) + kRefill * (plan.steps - plan.stages) +
                      0.05 * resident * bytes / kBytes;  // of two that are alike, that with less traffic
  const double sums = 16.0 * tile.matrices * tile.warps_m * tile.tiles * 8;
  const double turns = DivideUp(static_cast<std::int32_t>(sums / 4), 32 * tile.warps_m * tile.warps_c);
  const double out =
      plan.direct ? 250.0 + 25 * tile.matrices * tile.tiles
                  : 200 + 2 * resident * sums * 4 * tile.warps_c / 128 + turns * (270 + 3 * tile.warps_c);
  return kLaunch + rounds * (body + out) / kClock;
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
