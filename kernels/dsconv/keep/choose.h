// Which block of pixels and channels `hopper_keep` takes for a problem.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/dsconv/keep/window.h"
#include "kernels/dsconv/mma/choose.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::keep {

// A loader's limits, as mma/choose.h has them.
using mma::LoaderLimits;
using mma::Tile;

// As the other kernels make it, but for steps, of which every chunk has an even number, and weights, which
// stay.
inline mma::Plan PlanOf(const Shape& shape, assay_layout layout, const Tile& tile) {
  mma::Plan plan = mma::MakePlan(shape, layout, tile);
  plan.steps = mma::RoundUp(plan.steps, 2);
  plan.packed_bytes = tile.tiles * 32 + plan.steps * plan.step_bytes + mma::kCounterBytes;
  plan.resident_bytes = mma::RoundUp(plan.steps * plan.step_bytes, 1024);
  plan.exchange_bytes = 0;
  plan.x_bytes = plan.stage_bytes = mma::RoundUp(plan.images * plan.image_bytes, 1024);
  return plan;
}

// Clocks of a multiprocessor for 16 channels of all of a block's pixels: the tensor cores' for products, and
// each warp's for the depthwise half; few warps are bound by its latencies.
inline double ClocksOfStep(const Shape& shape, const mma::Plan& plan, const Tile& tile) {
  const double taps = shape.r == 5 ? 2.7 : 1;  // of 5 x 5 nothing was fitted
  const double depthwise = (SharesRows(shape.stride_h) ? 20 : 49) * taps;
  return std::max(plan.warps * (1.18 * tile.tiles + depthwise), 399 * taps);
}

// What a launch takes in microseconds: the block with the most tiles, by what it computes and what it loads,
// and a part of the lesser of the two. Fitted to 47 launches of ten layers at batch 128 on an H200, 3.3 %
// root mean square (docs/kernels/hopper_keep.md).
inline double LaunchCost(const Shape& shape, const mma::Plan& plan, const Tile& tile, std::int32_t num_sms) {
  const std::int32_t blocks_out = mma::DivideUp(shape.k, plan.channels_out);
  const double rounds = mma::DivideUp(plan.tiles, std::max(1, num_sms / blocks_out));
  const double compute =
      plan.steps * ClocksOfStep(shape, plan, tile) + 214 * plan.chunks + 8.1 * plan.warps * tile.tiles;
  const double load = std::max(mma::BytesOf(shape, plan, 1.0) / 22, 0.7 * mma::CopyEngineClocks(plan));
  double clocks = std::max(compute, load) + 0.38 * std::min(compute, load);
  // No less than an H100's memory takes, which has two thirds of that rate; but tiles keep their order.
  const double memory = mma::BytesOf(shape, plan, 0.4) / 13;
  if (clocks < memory) clocks = memory - 0.03 * (memory - clocks);
  return (rounds * clocks + 10200) / 1755 + 3;
}

// Fills in stages as far as there is room; false where there is none.
inline bool FitStages(const Shape& shape, assay_layout layout, const assay_device_info& device,
                      const LoaderLimits& limits, Tile& tile) {
  tile.stages = 0, tile.resident = true;
  const mma::Plan plan = PlanOf(shape, layout, tile);
  if (plan.halo_columns > limits.most_pixels || plan.halo_rows > limits.most_pixels) return false;
  const std::int64_t left = device.shared_bytes_per_block - mma::SharedBytes(plan, limits.barrier_bytes);
  tile.stages = static_cast<int>(
      std::min<std::int64_t>(std::max<std::int64_t>(left, 0) / plan.stage_bytes, limits.most_stages));
  return tile.stages >= 2;
}

// Adds the tiles of one size of block: whole warpgroups, and chunks of whole pairs of steps.
inline void ConsiderPixels(const Shape& shape, assay_layout layout, const assay_device_info& device,
                           const LoaderLimits& limits, int tiles, int most_warps,
                           std::vector<mma::Offer>& offers) {
  for (const int chunk : {32, 64}) {
    if (chunk / 2 >= mma::RoundUp(shape.c, 32)) continue;
    const int last = std::max(32, mma::LastOf(shape.c, chunk));
    for (int patches = 4; patches <= most_warps; patches += 4) {
      for (int images = 1; images <= patches && images <= shape.n; ++images) {
        for (int warps_q = 1; warps_q * images <= patches; ++warps_q) {
          const int warps_p = patches / images / warps_q;
          if (warps_p * warps_q * images != patches) continue;
          // A warpgroup may be more than there is.
          const bool beyond = (warps_q - 1) * mma::kColumns >= shape.q || (warps_p - 1) * 2 >= shape.p;
          if (beyond && patches > 4) continue;
          Tile tile{1, tiles, warps_p, warps_q, images, 1, chunk, last, 0, true, 1, false};
          if (!FitStages(shape, layout, device, limits, tile)) continue;
          const mma::Plan plan = PlanOf(shape, layout, tile);
          offers.push_back({LaunchCost(shape, plan, tile, device.num_sms), tile});
        }
      }
    }
  }
}

// The tiles that fit, the one that ought to be fastest first; of those that differ in little but their shape,
// a few.
template <class... Blocks>
std::vector<Tile> TilesFor(const Shape& shape, assay_layout layout, const assay_device_info& device,
                           const LoaderLimits& limits, mma::BlockList<Blocks...>) {
  constexpr std::size_t kMost = 32;
  constexpr int kMostAlike = 6;
  constexpr std::int32_t kMostChannels = 1024;  // weights of more do not fit
  if (shape.c > kMostChannels) return {};
  std::vector<mma::Offer> offers;
  (ConsiderPixels(shape, layout, device, limits, Blocks::kTiles, Blocks::kMostWarps, offers), ...);
  std::stable_sort(offers.begin(), offers.end(),
                   [](const mma::Offer& a, const mma::Offer& b) { return a.cost < b.cost; });
  std::vector<Tile> list;
  for (const mma::Offer& offer : offers) {
    const auto alike = [&](const Tile& tile) {
      return tile.rows == offer.tile.rows && tile.tiles == offer.tile.tiles && tile.chunk == offer.tile.chunk;
    };
    if (list.size() < kMost && std::count_if(list.begin(), list.end(), alike) < kMostAlike) {
      list.push_back(offer.tile);
    }
  }
  return list;
}

}  // namespace assay::dsconv::keep
