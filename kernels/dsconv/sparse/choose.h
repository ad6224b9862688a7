// The kernels that there are, and the choice of tile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/dsconv/sparse/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::sparse {

// 8 kTiles output channels; kPitch columns of x side by side in shared memory, as many strips of 8 outputs;
// tiles of kPairs pairs of rows. The sums of a tile are registers of 128 threads. At stride 2 rows of more
// than 30 columns are slower here than in `hopper`.
template <int kStride_, int kPitch_, int kPairs_, int kTiles_>
struct Kind {
  static constexpr int kStride = kStride_, kPitch = kPitch_, kPairs = kPairs_, kTiles = kTiles_;
  static_assert(BlocksOf(kPitch, kPairs) * kTiles * 4 <= 192);
};
template <class... Kinds>
struct KindList {};

using Kinds =
    KindList<Kind<1, 8, 4, 4>, Kind<1, 8, 4, 8>, Kind<1, 8, 4, 12>, Kind<1, 8, 4, 20>, Kind<1, 8, 4, 40>,
             Kind<1, 16, 7, 4>, Kind<1, 16, 7, 8>, Kind<1, 16, 7, 12>, Kind<1, 16, 4, 20>,  //
             Kind<1, 32, 5, 4>, Kind<1, 32, 5, 8>, Kind<1, 32, 2, 12>, Kind<1, 32, 2, 20>,  //
             Kind<2, 8, 4, 4>, Kind<2, 8, 4, 8>, Kind<2, 8, 4, 12>, Kind<2, 8, 4, 20>, Kind<2, 8, 4, 40>,
             Kind<2, 16, 2, 4>, Kind<2, 16, 2, 8>, Kind<2, 16, 2, 12>, Kind<2, 16, 2, 20>,
             Kind<2, 16, 2, 40>>;

template <class Fn, class... All>
void ForEachKind(KindList<All...>, Fn&& fn) {
  (fn(All{}), ...);
}

// Whether `columns` is the least that holds the output channels, and the rows of x fit the pitch.
template <class Fn>
void ForEachKindOf(const Shape& shape, Fn&& fn) {
  std::int32_t columns = 1 << 30;
  const auto fits = [&](auto kind) {
    return kind.kStride == shape.stride_w && kind.kPitch == PitchOf(shape) && kind.kTiles * 8 >= shape.k;
  };
  ForEachKind(Kinds{}, [&](auto kind) {
    if (fits(kind)) columns = std::min<std::int32_t>(columns, kind.kTiles * 8);
  });
  ForEachKind(Kinds{}, [&](auto kind) {
    if (fits(kind) && kind.kTiles * 8 == columns) fn(kind);
  });
}

// Microseconds of a launch, fitted to nine rows on an H200: a launch, the first input and the last outputs,
// and chunks, by the depthwise warps and the products that keep them waiting, or by the copies if these take
// longer.
inline double CostOf(const Shape& shape, const Tile& tile, const assay_device_info& device) {
  constexpr double kLaunch = 3.75, kCyclesPerUs = 1870, kEnds = 9000, kRound = 500, kChunkBegins = 100;
  const Plan plan = MakePlan(shape, ASSAY_F16, tile, device.num_sms);
  const double strips = kSteps * plan.pitch / 8.0 * tile.pairs;  // of a chunk, 16 channels by 2 x 8 pixels
  const double depthwise = strips * (shape.stride_w == 1 ? 31 : 44);
  const double products = BlocksOf(plan.pitch, tile.pairs) * kSteps * tile.columns / 2.0;
  const double copied = plan.stride * plan.box_bytes + kFilterBytes;
  const double chunk = std::max(depthwise + 0.8 * products + kChunkBegins, copied / 29);
  return kLaunch +
         (kEnds + (plan.rounds - 1) * kRound + static_cast<double>(plan.rounds) * plan.chunks * chunk) /
             kCyclesPerUs;
}

// Stages of operands and weights; input takes what is left. The cheapest first, of those as many stages of
// weights as there may be where they are most of what is copied.
inline std::vector<Tile> AllTiles(const Shape& shape, const assay_device_info& device) {
  constexpr std::int32_t kFew[] = {3, 4, 2, 6}, kMany[] = {6, 3, 4, 2};
  struct Candidate {
    Tile tile;
    double cost;
  };
  std::vector<Candidate> all;
  const std::int32_t chunks = DivideUp(shape.c, kChunk);
  const auto add = [&](auto kind, std::int32_t operands, std::int32_t weights, std::int32_t cluster) {
    if (weights > 2 && weights > chunks) return;
    Tile tile{kind.kTiles * 8, kind.kPairs, cluster, 1, operands, weights};
    const Plan plan = MakePlan(shape, ASSAY_F16, tile, device.num_sms);
    const std::int64_t left = std::int64_t{device.shared_bytes_per_block} - plan.shared_bytes;
    if (left < 0) return;
    tile.inputs = static_cast<std::int32_t>(1 + std::min<std::int64_t>(left / plan.input_bytes, 7));
    // A warp that makes operands of every other chunk (depthwise.h) waits for a free slot of them before it
    // waits for input: what lay in the input's slot before must have been made by then.
    const bool alternates = kSteps * kind.kPitch / 8 < kMakers;
    if (tile.inputs < (alternates ? std::max(2, operands) : 2)) return;
    all.push_back({tile, CostOf(shape, tile, device)});
  };
  ForEachKindOf(shape, [&](auto kind) {
    for (const std::int32_t operands : {3, 2, 4}) {
      for (const std::int32_t weights : kind.kPitch == 8 ? kMany : kFew) {
        for (const std::int32_t cluster : {1, 2}) add(kind, operands, weights, cluster);
      }
    }
  });
  std::stable_sort(all.begin(), all.end(),
                   [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
  std::vector<Tile> tiles;
  for (const Candidate& candidate : all) tiles.push_back(candidate.tile);
  return tiles;
}

}  // namespace assay::dsconv::sparse
