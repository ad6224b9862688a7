// The kernels that there are, and the choice of tile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/dsconv/sparse/plan.h"
#include "kernels/pack.h"

namespace assay::dsconv::sparse {

// 8 kTiles output channels; kPitch columns of x side by side in shared memory, as many strips of 8 outputs;
// tiles of kPairs pairs of rows. The sums of a tile are registers of 128 threads.
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
             Kind<2, 16, 2, 4>, Kind<2, 16, 2, 8>, Kind<2, 16, 2, 12>, Kind<2, 16, 2, 20>, Kind<2, 16, 2, 40>,
             Kind<2, 32, 2, 4>, Kind<2, 32, 2, 8>, Kind<2, 32, 2, 12>, Kind<2, 32, 2, 20>>;

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

// Microseconds of a launch: of every chunk the tensor cores' work, or its copies if they take longer.
inline double CostOf(const Shape& shape, const Tile& tile, const assay_device_info& device) {
  const Plan plan = MakePlan(shape, ASSAY_F16, tile, device.num_sms);
  const double units = static_cast<double>(kSteps * (plan.pitch / 8) * tile.pairs);
  const double products = units * (shape.stride_w == 1 ? 15.6 : 22.0) +
                          BlocksOf(plan.pitch, tile.pairs) * kSteps * (tile.columns / 2.0);
  const double copies = (shape.stride_w * plan.box_bytes + kFilterBytes) / 18.0 +
                        (plan.resident && plan.rounds > 1 ? 0.0 : plan.weight_bytes / 60.0);
  const double chunk = std::max(products, copies) + 100;
  return 6.7 + plan.rounds * (plan.chunks * chunk + 2500) / 1850;
}

// Stages of operands and weights; input takes what is left. The cheapest first, of those the ones with the
// deepest rings.
inline std::vector<Tile> AllTiles(const Shape& shape, const assay_device_info& device) {
  struct Candidate {
    Tile tile;
    double cost;
  };
  std::vector<Candidate> all;
  const std::int32_t chunks = DivideUp(shape.c, kChunk);
  ForEachKindOf(shape, [&](auto kind) {
    // Tiles that reach far below the image are of no use.
    for (const std::int32_t operands : {3, 2, 4}) {
      for (const std::int32_t weights : {3, 4, 2, 6}) {
        for (const std::int32_t cluster : {1, 2}) {
          if (weights > 2 && weights > chunks) continue;
          Tile tile{kind.kTiles * 8, kind.kPairs, cluster, 1, operands, weights};
          const Plan plan = MakePlan(shape, ASSAY_F16, tile, device.num_sms);
          const std::int64_t left = device.shared_bytes_per_block - std::int64_t{plan.shared_bytes};
          // A warp that makes operands of every other chunk must not meet a slot twice round.
          tile.inputs = left < 0 ? 0 : static_cast<std::int32_t>(1 + std::min<std::int64_t>(left / plan.input_bytes, 7));
          if (tile.inputs < 2 || (kSteps * kind.kPitch / 8 < kMakers && tile.inputs < operands)) continue;
          all.push_back({tile, CostOf(shape, tile, device)});
        }
      }
    }
  });
  std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
  std::vector<Tile> tiles;
  for (const Candidate& candidate : all) tiles.push_back(candidate.tile);
  return tiles;
}

}  // namespace assay::dsconv::sparse
