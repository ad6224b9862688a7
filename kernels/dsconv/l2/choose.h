// The choice of tile: those that fit, the one first that an estimate of cycles finds fastest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/by_cost.h"
#include "kernels/dsconv/l2/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::l2 {

// Output channels of a block that kernels are compiled for.
struct ColumnChoice {
  std::int32_t columns;
  bool few_makers, tf32;  // of TF32 alone
};
inline constexpr ColumnChoice kColumnChoices[] = {
    {256, false, false}, {256, true, true}, {208, false, false}, {192, false, false}, {128, false, false}};

// Of 16 bits, 208 columns win only where they fill the rounds better: whether they do. (512 columns in two
// rounds of 1024->1024 at 7x7 and N = 128 become 416.)
inline bool FillsRounds(const Shape& shape, const assay_device_info& device) {
  const std::int64_t blocks =
      DivideUp(static_cast<std::int64_t>(shape.n) * shape.p * shape.q, static_cast<std::int64_t>(kPixels));
  const auto made = [&](std::int64_t columns) {
    const std::int64_t tiles = blocks * DivideUp<std::int64_t>(shape.k, columns);
    return DivideUp<std::int64_t>(tiles, std::max(1, device.num_sms)) * columns;
  };
  return made(208) < std::min(made(256), made(192));
}

// Clusters whose blocks fill a multiprocessor each: pairs lie within a GPC, which holds an even number.
inline std::int32_t Clusters(const Tile& tile, const assay_device_info& device) {
  return std::max(1, device.num_sms / tile.pixel_blocks);
}

inline Plan PlanOf(const Shape& shape, assay_dtype dtype, const Tile& tile, const assay_device_info& device) {
  return MakePlan(shape, dtype, tile, Clusters(tile, device));
}

// What a launch is made of, each the longest that one multiprocessor or cluster has of it.
struct Work {
  double columns, rounds, walked, bands;  // in 256s; of tiles; by a band; bands

  Work(const Shape& shape, const Plan& plan)
      : columns(plan.tile.columns / 256.0),
        rounds(DivideUp(plan.tiles, plan.clusters)),
        walked(DivideUp(shape.q, plan.step_w) + 2),
        bands(plan.items / static_cast<double>(plan.clusters * plan.tile.pixel_blocks)) {}
};

// Cycles of a launch: of both halves, one after the other. They are under way at the same time, but hardly
// faster for it (docs/kernels/hopper_l2.md). Fitted to 124 times of 35 problems, 11 % off (root mean square).
inline double Cycles(const Shape& shape, const Plan& plan) {
  constexpr double kFixed = 13000;                     // of a launch
  constexpr double kMultiply = 680, kStore = 5000;     // of a chunk and of a tile, for 256 columns
  constexpr double kCopied = 47;                       // bytes a cycle, where they take longer than products
  constexpr double kBand = 126, kStridedBand = 0;      // of a multiprocessor, for a band
  constexpr double kColumn = 85, kStridedColumn = 90;  // and for each of its columns
  constexpr double kWait = 1360;                       // of a warp, for a band
  const Tile& tile = plan.tile;
  const Work work(shape, plan);
  const double copied =
      kOperandBytes + (tile.resident ? 0.0 : static_cast<double>(plan.weight_bytes) / tile.pixel_blocks);
  const double chunk = std::max(kMultiply * work.columns, copied / kCopied);
  const double band =
      (shape.stride_w == 1 ? kBand + work.walked * kColumn : kStridedBand + work.walked * kStridedColumn) +
      kWait / Makers(tile.columns, tile.few_makers);
  const double cycles =
      kFixed + work.rounds * (plan.chunks * chunk + kStore * work.columns) + work.bands * band;
  if (tile.columns != 208) return cycles;
  // Set by hand: 11 problems, and the one where they win, in which the first operands are waited for.
  constexpr double kThroughRegisters = 1.05, kSoonBegun = 0.93;
  const bool soon = work.rounds <= 2 && plan.chunks >= 16 && tile.run < plan.chunks;
  return cycles * kThroughRegisters * (soon ? kSoonBegun : 1);
}

// The same in TF32, where products wait for shared memory: 128 bytes a cycle of what is copied, of weights
// for either warpgroup and of operands. Fitted to 484 times of 13 problems of 256 channels and more on an
// H200, 5 % off; what it chooses of them takes 1.01 of the best (most 1.03).
inline double CyclesTf32(const Shape& shape, const Plan& plan) {
  constexpr double kFixed = 11100;
  constexpr double kStore = 4010, kTile = 1350;  // for 256 columns, and any
  // Of shared memory's time. With few makers what is not hidden behind theirs, which counts as theirs.
  constexpr double kMultiply = 1.09, kMultiplyNarrow = 1.44, kMultiplyFew = 0.70;
  constexpr double kColumn = 118, kStridedColumn = 109, kWait = 830;
  constexpr double kFewColumn = 119, kFewStridedColumn = 131, kFewBand = 1345;
  constexpr double kStart = 150;   // a column and maker: until the first tiles have all their operands
  constexpr double kApart = 1.03;  // runs, whose bands come back to the same rows of x; set by hand
  const Tile& tile = plan.tile;
  const Work work(shape, plan);
  const std::int32_t products = DivideUp(shape.c, kChunk / 2), makers = Makers(tile.columns, tile.few_makers);
  const double multiply = tile.few_makers ? kMultiplyFew : tile.columns > 128 ? kMultiply : kMultiplyNarrow;
  const double tiles =
      work.rounds * (products * multiply * (256 + 3 * tile.columns) + kStore * work.columns + kTile);
  const bool strided = shape.stride_w != 1;
  const double column =
      tile.few_makers ? (strided ? kFewStridedColumn : kFewColumn) : (strided ? kStridedColumn : kColumn);
  const double band = work.walked * column + (tile.few_makers ? kFewBand : kWait / makers);
  const double begun = std::min(1.0, static_cast<double>(BlocksOfRound(plan)) / plan.blocks) *
                       std::min(tile.run, plan.chunks) / plan.chunks;
  const double cycles = kFixed + tiles + work.bands * (band + begun * work.walked * kStart / makers);
  // With one round there is nothing else to do until the first operands are there. From 31 single images.
  constexpr double kAlone = 8800, kAloneColumn = 210, kAloneFew = 10500;
  if (work.rounds <= 1)
    return cycles + kAlone + kAloneColumn * work.walked + (tile.few_makers ? kAloneFew : 0);
  return cycles * (tile.run < plan.chunks && work.rounds >= 4 ? kApart : 1);
}

// Microseconds of a launch on an H100 or, in TF32, an H200.
inline double CostOf(const Shape& shape, assay_dtype dtype, const Tile& tile,
                     const assay_device_info& device) {
  constexpr double kClock = 1755;  // cycles a microsecond
  const Plan plan = PlanOf(shape, dtype, tile, device);
  return (dtype == ASSAY_F32 ? CyclesTf32(shape, plan) : Cycles(shape, plan)) / kClock;
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
    if (columns == 208 && planes == 1 && !FillsRounds(shape, device)) continue;
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
  return TilesByCost(std::move(found));
}

}  // namespace assay::dsconv::l2
