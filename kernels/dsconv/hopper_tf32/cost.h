// What a tile costs.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/dsconv/hopper_tf32/make_plan.h"

namespace assay::dsconv::hopper_tf32 {

// Steps of the longest walk over input columns (depthwise_nhwc.h): of a warp's slots, each run of neighbours
// among them two columns longer.
inline int WalkSteps(int columns, int warps) {
  int longest = 0;
  for (int warp = 0; warp < warps; ++warp) {
    const int begin = warp * kSlots / warps, end = (warp + 1) * kSlots / warps;
    const int runs = (end - 1) / columns - begin / columns + 1;
    longest = std::max(longest, end - begin + 2 * runs);
  }
  return longest;
}

// What a tile asks of a multiprocessor, in cycles. The constants are fitted to 473 times of layers of
// MobileNet and Xception on an H100 (docs/kernels/hopper_tf32.md says how well), but for shared memory's
// traffic and FFMA's instructions, which are counted.
struct Work {
  double loads, depthwise, products, stores, memory, shared;
};

// Cycles of a chunk's depthwise half, for the warps that have most of it.
inline double DepthwiseCycles(const Shape& shape, const Tile& tile, const Plan& plan, int parts) {
  const int taps = shape.r * shape.s;
  double cycles = 0;
  if (HasStrips(shape, tile)) {
    const double pass = parts == 2 ? 1110.0 : (parts == 0 ? 810.0 : 650.0);
    cycles = static_cast<double>(plan.strip_passes) / plan.depthwise_warps * pass + 170;
    if (tile.sharing == Sharing::kTurns) return 1.3 * cycles;
  } else if (shape.channels_last) {
    cycles = WalkSteps(tile.columns, plan.depthwise_warps) * (IsFixed(shape) ? 110.0 : 34.0 * taps) + 800;
  } else {
    const double pair = !IsFixed(shape) ? 69.0 * taps : (shape.stride_h == 1 ? 420.0 : 260.0);
    cycles = DivideUp(ChunkOf(shape, tile) / 2, plan.depthwise_warps) * pair + 800;
  }
  // Two or three warps a scheduler.
  return plan.depthwise_groups == 3 ? 0.55 * cycles : (plan.depthwise_groups == 2 ? 0.82 * cycles : cycles);
}

// Whether each stage of weights is multiplied by one instruction.
inline bool ReadsOnce(const Shape& shape, const Tile& tile) { return tile.few || !shape.channels_last; }

// Bytes of a chunk through shared memory, which has 128 a cycle.
inline double SharedTraffic(const Shape& shape, const Tile& tile, int parts, double input, double weights) {
  const double chunk = ChunkOf(shape, tile), pixels = SlotsOf(tile) * kBandRows, results = chunk * pixels * 4;
  // By FFMA a warp reads 16 bytes a lane, two wavefronts, for two fours of pixels and one of each 64 columns.
  // For the matrix unit each warpgroup reads its half of one operand and all of the other.
  const double products =
      parts == 0 ? chunk * kMultiplyWarps * (2 + tile.channels_out / 64) * 256
                 : (parts == 2 ? 3 : 1) *
                       (chunk * tile.channels_out * 4 * (ReadsOnce(shape, tile) ? 1 : 2) +
                        results * (ReadsOnce(shape, tile) && tile.sharing != Sharing::kOne ? 2 : 1));
  const double taps_read = HasStrips(shape, tile) ? 3 : (shape.channels_last ? 5 : 6);  // words a result
  return products + input + weights + results * (taps_read + std::max(1, parts));
}

// How much longer NCHW takes with memory: a tile has runs of a row in every channel, each of which costs a
// part of 128 bytes more, and further ones where it ends within them; less than 32 bytes are as much.
inline double RunPenalty(double run_bytes, double more) {
  return (1 + more * 128 / run_bytes) * std::max(1.0, 32 / run_bytes);
}

inline Work WorkOf(const Shape& shape, const Tile& tile, const Plan& plan, int parts) {
  const double chunk = ChunkOf(shape, tile), chunks = plan.chunks, pixels = plan.slots * kBandRows;
  const double lines = static_cast<double>(plan.rows) * chunk;  // of NCHW
  // A row's beginning costs as much as some elements more.
  const double input = plan.copies ? lines * (plan.width + 12) * 4 : 1.0 * plan.rows * plan.row_bytes;
  const double weights = plan.resident ? 0 : plan.pointwise_bytes * chunk / UnitChannels(parts);
  // Fitted beside three products or FFMA; beside one, copies element by element are all of the time.
  const double copied = parts == 1 ? 4.0 : 8.0;  // bytes a cycle
  const double arrives = plan.copies           ? input / copied
                         : shape.channels_last ? input / 40.0
                                               : (input + lines * 16) / 11.0;
  const double boxes = plan.by_rows ? plan.rows * 150.0 / plan.box_rows : 0;
  const double products = parts == 0
                              ? 1.29 * chunk * pixels * tile.channels_out / 128
                              : (parts == 2 ? 3 : 1.35) * chunk * pixels * tile.channels_out / 1024 + 60;
  double made = DepthwiseCycles(shape, tile, plan, parts);
  // Two groups that have a stage each wait for its products before they go on.
  if (plan.depthwise_groups == 2 && plan.operand_stages == 2)
    made = std::max(made, (made / 0.82 + products) / 2);

  double stores = pixels * 4 * std::min(tile.channels_out, shape.k) / (parts == 0 ? 53.0 : 31.0) + 1330;
  double read = 4.0 * shape.n * shape.c * shape.h * shape.w,
         written = 4.0 * shape.n * shape.k * shape.p * shape.q;
  if (!shape.channels_last) {
    const bool whole = tile.columns >= shape.q;  // rows, which follow each other
    const double run = 4.0 * (whole ? shape.q * kBandRows * tile.bands : tile.columns);
    const bool cuts = !whole && tile.columns % 32 != 0;
    stores *= plan.boxes_out ? 0.8 : RunPenalty(run, cuts ? 0.17 : 0);
    written *= RunPenalty(run, plan.boxes_out ? 0.2 : (cuts ? 0.53 : 0.47));
    read *= RunPenalty(4.0 * (whole ? plan.rows * shape.w : plan.pitch), plan.counted ? 0.2 : 0.47);
  }
  Work work{};
  work.loads = chunks * std::max(arrives + weights / (plan.cluster == 2 ? 1.8 : 1.0) / 40.0, boxes);
  work.depthwise = chunks * made;
  // By FFMA the depthwise half's instructions, 17 of a warp for 32 results, take the schedulers of the
  // products.
  work.products = chunks * (products + (parts == 0 ? 17.0 * pixels * chunk / 32 / 4 : 0));
  work.stores = stores;
  work.memory = (read + written) / 15.8;  // of the whole launch, by one multiprocessor
  const double tile_bytes = plan.copies ? lines * plan.width * 4 : input;
  work.shared = chunks * SharedTraffic(shape, tile, parts, tile_bytes, weights) / 128;
  return work;
}

// Multiprocessor cycles that a launch takes, about: what works beside each other overlaps, the less the more
// it is alike (the cubic norm). The warps that multiply store as well.
inline double CostOf(const Shape& shape, const Tile& tile, const Plan& plan, int parts, int sms) {
  const Work work = WorkOf(shape, tile, plan, parts);
  const double turns = DivideUp(plan.items, std::max(1, sms / plan.cluster));
  double cubes = 0;
  // Where warpgroups take turns, two tiles' products and stores are made in the time of either's.
  const double ends = tile.sharing == Sharing::kTurns
                          ? std::max(work.products, (work.products + work.stores) / 2)
                          : work.products + work.stores;
  for (const double one : {work.loads, work.depthwise, ends, work.memory / sms / turns, work.shared}) {
    cubes += one * one * one;
  }
  // What boxes_out and counted change, and this, is set by hand after three problems on an H200.
  const double by_hand = tile.sharing == Sharing::kTurns && plan.boxes_out ? 0.8 : 1.0;
  return by_hand * turns * std::cbrt(cubes) + (work.loads + work.depthwise) / plan.chunks + 7000;
}

}  // namespace assay::dsconv::hopper_tf32
