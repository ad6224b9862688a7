// The kernels that there are, and the choice of tile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/dsconv/strips/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::strips {

// 8 kTiles output channels; tiles of kPairs pairs of rows; see Tile. What a tile takes was fitted on an H200,
// in clocks of a multiprocessor: for each chunk, and beside that.
template <int kStride_, int kTiles_, int kPairs_, bool kShared_, int kBoxes_, int kOfChunk_, int kOfTile_>
struct Kind {
  static constexpr int kStride = kStride_, kTiles = kTiles_, kPairs = kPairs_, kBoxes = kBoxes_;
  static constexpr int kOfChunk = kOfChunk_, kOfTile = kOfTile_;
  static constexpr bool kShared = kShared_;
  static_assert(kPairs % 4 == 0 && (!kShared || kPairs % 8 == 0));
  static_assert(BlocksOf(kPairs) / (kShared ? kTeams : 1) * kTiles * 4 <= 128);  // sums of a thread

  static bool Is(std::int32_t stride, const Tile& tile) {
    return kStride == stride && kTiles * 8 == tile.columns && kPairs == tile.pairs &&
           kShared == tile.shared && kBoxes == tile.boxes;
  }
};
template <class... Kinds>
struct KindList {};

using Kinds = KindList<Kind<1, 32, 8, true, 2, 2480, 1070>, Kind<1, 32, 4, false, 1, 1140, 1070>,
                       Kind<1, 16, 8, false, 2, 1000, 2000>, Kind<1, 16, 8, false, 1, 1010, 2000>,
                       Kind<2, 32, 4, false, 1, 1880, 1070>, Kind<2, 16, 4, false, 2, 1715, 1070>>;

template <class... All, class Fn>
void ForEachKind(KindList<All...>, Fn&& fn) {
  (fn(All{}), ...);
}

// Microseconds of a launch. Fitted to eleven of an H200; of eight own choices it says 0.98 to 1.07. Blocks of
// 128 columns that make the depthwise half several times take up to 1.25 of it.
inline double CostOf(const Shape& shape, const Tile& tile, const assay_device_info& device) {
  constexpr double kLaunch = 3.75, kEnds = 9000, kCyclesPerUs = 1870;
  const Plan plan = MakePlan(shape, ASSAY_F16, tile, device.num_sms);
  double clocks = 0;
  ForEachKind(Kinds{}, [&](auto kind) {
    if (kind.Is(plan.stride, tile)) clocks = static_cast<double>(plan.chunks) * kind.kOfChunk + kind.kOfTile;
  });
  // One more slot of operands than the least is worth a little, a third stage of input more.
  const double waits = (tile.operands < 3 ? 1.003 : 1.0) * (tile.inputs < 3 ? 1.07 : 1.0);
  return kLaunch + (kEnds + plan.rounds * clocks * waits) / kCyclesPerUs;
}

// Stages of operands; input takes what is left. The cheapest first.
inline std::vector<Tile> AllTiles(const Shape& shape, const assay_device_info& device) {
  struct Candidate {
    Tile tile;
    double cost;
  };
  std::vector<Candidate> all;
  if (DivideUp(shape.c, kChunk) > kMostChunks) return {};
  ForEachKind(Kinds{}, [&](auto kind) {
    if (kind.kStride != shape.stride_w) return;
    if (kind.kTiles > 16 && kind.kTiles * 8 >= shape.k + 128) return;
    for (const std::int32_t operands : {3, 2, 4}) {
      Tile tile{kind.kTiles * 8, kind.kPairs, kind.kShared, kind.kBoxes, 1, operands};
      const Plan plan = MakePlan(shape, ASSAY_F16, tile, device.num_sms);
      if (plan.blocks_out > device.num_sms) return;
      const std::int64_t left = std::int64_t{device.shared_bytes_per_block} - plan.shared_bytes;
      if (left < plan.input_bytes) continue;
      tile.inputs = static_cast<std::int32_t>(1 + std::min<std::int64_t>(left / plan.input_bytes, 7));
      all.push_back({tile, CostOf(shape, tile, device)});
    }
  });
  std::stable_sort(all.begin(), all.end(),
                   [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
  std::vector<Tile> tiles;
  for (const Candidate& candidate : all) tiles.push_back(candidate.tile);
  return tiles;
}

}  // namespace assay::dsconv::strips
