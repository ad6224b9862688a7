// Which tile the `hopper_ffma`, `hopper_tf32` and `hopper_tf32x3` kernels take for a problem.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// All that may be chosen.
struct Tile {
  int channels_out;    // of a block
  int bands, columns;  // of outputs
  int x_stages, operand_stages;
  int weight_stages;   // 0: the weights stay
  int cluster;         // blocks that share weights that do not stay
  bool turns = false;  // the multiplying warpgroups take turns at tiles
  bool runs = false;   // a block takes neighbouring tiles one after the other
};

// The most blocks of a cluster: 2, or 1 for none.
inline constexpr int kMostCluster = 2;

inline constexpr int kChannelsOut[] = {32, 64, 96, 128, 160, 256};

inline std::int32_t DivideUp(std::int64_t a, std::int64_t b) {
  return static_cast<std::int32_t>((a + b - 1) / b);
}
inline std::int32_t RoundUp(std::int32_t a, std::int32_t to) { return DivideUp(a, to) * to; }

// Whether there are kernels whose multiplying warpgroups take turns at tiles.
constexpr bool HasTurns(bool channels_last, int filter, int channels_out, int parts) {
  return !channels_last && filter == 3 && parts != 0 && (channels_out == 64 || channels_out == 128);
}

// Filters with a kernel of their own.
inline bool IsFixed(const Shape& shape) {
  return shape.r == 3 && shape.s == 3 && shape.dilation_h == 1 && shape.dilation_w == 1 &&
         shape.stride_h == shape.stride_w && shape.stride_h <= 2;
}

inline bool HasStrips(const Shape& shape) {
  return shape.channels_last && IsFixed(shape) && shape.stride_h == 1;
}

// Input channels at once. Where a tile's input is large there is no room for more than 16.
inline int ChunkOf(const Shape& shape) { return IsFixed(shape) && shape.stride_h == 1 ? 32 : 16; }

// Whether tensor maps can describe x: strides are multiples of 16 bytes, and in NCHW what a tile begins with
// is.
inline bool HasMap(const Shape& shape) {
  if (shape.channels_last) return shape.c % 4 == 0;
  return shape.w % 4 == 0 && (!IsFixed(shape) || shape.pad_w % 4 == 1);
}

// What the columns of a tile are a multiple of.
inline int ColumnStep(const Shape& shape) {
  if (shape.channels_last) return 1;
  return HasMap(shape) && shape.stride_w % 2 == 1 ? 4 : 2;
}

// Input rows or columns of `outputs` of them; in 64 bits, so that a filter that is too large is seen to be.
inline std::int64_t Reach(std::int64_t outputs, std::int64_t stride, std::int64_t taps,
                          std::int64_t dilation) {
  return (outputs - 1) * stride + (taps - 1) * dilation + 1;
}

// Of the input tile; an estimate from above, for what is far too large.
inline bool IsTooLarge(const Shape& shape, const Tile& tile) {
  constexpr std::int64_t kMost = 256;  // of a tensor map's box
  return Reach(tile.columns, shape.stride_w, shape.s, shape.dilation_w) + 6 > kMost ||
         Reach(tile.bands * kBandRows, shape.stride_h, shape.r, shape.dilation_h) > kMost;
}

// Not for a tile that IsTooLarge.
inline Plan MakePlan(const Shape& shape, const Tile& tile, int parts) {
  Plan plan{};
  const int chunk = ChunkOf(shape);
  plan.bands = tile.bands, plan.columns = tile.columns;
  plan.image_bands = DivideUp(shape.p, kBandRows);
  plan.tiles_q = DivideUp(shape.q, tile.columns);
  plan.tiles = plan.tiles_q * DivideUp(static_cast<std::int64_t>(shape.n) * plan.image_bands, tile.bands);
  plan.channel_blocks = DivideUp(shape.k, tile.channels_out);
  plan.cluster = tile.cluster;
  plan.items = DivideUp(plan.tiles, plan.cluster) * plan.channel_blocks;
  plan.chunks = DivideUp(shape.c, chunk), plan.units = DivideUp(shape.c, UnitChannels(parts));
  const auto span = static_cast<std::int32_t>(Reach(1, 1, shape.r, shape.dilation_h));
  plan.band_step = kBandRows * shape.stride_h, plan.break_rows = span - shape.stride_h;
  plan.turns = tile.turns;
  plan.copies = !HasMap(shape);
  plan.by_rows = !plan.copies && plan.image_bands % tile.bands != 0;
  const int others = WarpsOf(tile.channels_out / 8, parts, tile.turns) - kMultiplyWarps;
  const int loading = tile.turns ? 1 : (plan.copies || others > 8 ? 4 : 2);
  plan.depthwise_groups = others > 8 ? 2 : 1;
  plan.depthwise_warps = (others - loading) / plan.depthwise_groups, plan.copy_threads = 32 * (loading - 1);
  plan.band_strips = DivideUp(tile.columns, kStripSlots);
  plan.by_band_strips = Divisor(plan.band_strips);
  // Two rows at once, for which there may be one to spare.
  plan.box_rows = plan.by_rows && shape.channels_last ? 2 : 1;
  if (plan.box_rows == 2 && plan.break_rows % 2 != 0) ++plan.break_rows;
  plan.run_rows = plan.image_bands * plan.band_step + plan.break_rows;
  const std::int32_t breaks = plan.image_bands % tile.bands == 0
                                  ? 0
                                  : DivideUp(plan.image_bands - 1 + tile.bands, plan.image_bands) - 1;
  plan.rows = tile.bands * plan.band_step + plan.break_rows + std::max(0, breaks * plan.break_rows);
  const auto reach =
      static_cast<std::int32_t>(Reach(tile.columns, shape.stride_w, shape.s, shape.dilation_w));
  if (!shape.channels_last) {
    const bool wide = tile.columns >= 32 && tile.columns * shape.stride_w % 8 == 0 && shape.w % 8 == 0 &&
                      shape.pad_w % 8 == 1;
    plan.skew = IsFixed(shape) ? (wide && HasMap(shape) ? kWideSkew : kPlaneSkew)
                               : (HasMap(shape) ? (4 - shape.pad_w % 4) % 4 : 0);
  }
  plan.width = reach;
  plan.pitch = RoundUp(plan.skew + reach, shape.channels_last ? 2 : (plan.skew == kWideSkew ? 8 : 4));
  plan.row_bytes = plan.pitch * chunk * 4;
  if (shape.channels_last) {
    plan.channel_step = 1, plan.pixel_step = chunk, plan.row_step = plan.pitch * chunk;
  } else {
    plan.pixel_step = 1;
    plan.row_step = plan.by_rows ? plan.pitch * chunk : plan.pitch;
    plan.channel_step = plan.by_rows ? plan.pitch : plan.pitch * plan.rows;
  }
  plan.x_bytes = RoundUp(plan.rows * plan.row_bytes, 128);
  const std::int32_t taps = shape.r * shape.s;
  plan.taps_padded = RoundUp(taps + 1, 4);
  plan.depthwise_bytes = RoundUp((shape.channels_last ? taps + 1 : plan.taps_padded) * chunk * 4, 128);
  plan.pointwise_bytes = UnitBytes(tile.channels_out);
  plan.x_stages = tile.x_stages, plan.operand_stages = tile.operand_stages;
  plan.x_round_shift = plan.depthwise_groups == 2 && tile.x_stages % 2 != 0 ? 1 : 0;
  plan.weight_stages = tile.weight_stages, plan.resident = tile.weight_stages == 0;
  plan.depthwise_at = RoundUp(plan.channel_blocks * tile.channels_out * 4, 128);
  plan.pointwise_at = plan.depthwise_at + static_cast<std::int64_t>(plan.chunks) * plan.depthwise_bytes;
  plan.counters_at =
      plan.pointwise_at + static_cast<std::int64_t>(plan.channel_blocks) * plan.units * plan.pointwise_bytes;
  plan.counted = !plan.copies && plan.resident && plan.channel_blocks == 1 && !tile.runs;
  plan.by_columns = Divisor(plan.columns), plan.by_image_bands = Divisor(plan.image_bands);
  plan.by_width = Divisor(plan.width), plan.by_run_rows = Divisor(std::max(1, plan.run_rows));
  plan.by_channel_blocks = Divisor(plan.channel_blocks), plan.by_tiles_q = Divisor(plan.tiles_q);
  plan.vectors = shape.channels_last ? shape.k % 4 == 0 : shape.q % 4 == 0 && tile.columns % 4 == 0;
  plan.boxes_out = !shape.channels_last && HasBoxesOut(parts, tile.turns) && plan.vectors &&
                   tile.columns % kBoxColumns == 0 && plan.image_bands % tile.bands == 0;
  return plan;
}

inline std::int64_t SharedBytes(const Shape& shape, const Plan& plan, int parts) {
  return 128 + kBarrierBytes +
         static_cast<std::int64_t>(plan.x_stages) * (plan.x_bytes + plan.depthwise_bytes) +
         static_cast<std::int64_t>(plan.resident ? plan.units : plan.weight_stages) * plan.pointwise_bytes +
         static_cast<std::int64_t>(plan.operand_stages) * AllOperandBytes(ChunkOf(shape), parts) +
         (plan.boxes_out ? 1024 + kMultiplyWarps * 2 * BoxBytes(parts) : 0);
}

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
  if (HasStrips(shape)) {
    const int pairs = DivideUp(static_cast<std::int64_t>(plan.bands) * plan.band_strips, 2);
    cycles = DivideUp(pairs, plan.depthwise_warps) * (parts == 2 ? 1110.0 : 810.0) + 170;
  } else if (shape.channels_last) {
    cycles = WalkSteps(tile.columns, plan.depthwise_warps) * (IsFixed(shape) ? 110.0 : 34.0 * taps) + 800;
  } else {
    const double pair = !IsFixed(shape) ? 69.0 * taps : (shape.stride_h == 1 ? 420.0 : 260.0);
    cycles = DivideUp(ChunkOf(shape) / 2, plan.depthwise_warps) * pair + 800;
  }
  return plan.depthwise_groups == 2 ? 0.82 * cycles : cycles;  // two warps a scheduler
}

// Bytes of a chunk through shared memory, which has 128 a cycle.
inline double SharedTraffic(const Shape& shape, const Tile& tile, int parts, double input, double weights) {
  const double chunk = ChunkOf(shape), results = chunk * kPixels * 4;
  // By FFMA a warp reads 16 bytes a lane, two wavefronts, for two fours of pixels and one of each 64 columns.
  // For the matrix unit each warpgroup reads its half of one operand and all of the other.
  const double products =
      parts == 0 ? chunk * kMultiplyWarps * (2 + tile.channels_out / 64) * 256
                 : (parts == 2 ? 3 : 1) * (chunk * tile.channels_out * 4 * (shape.channels_last ? 2 : 1) +
                                           results * (shape.channels_last ? 1 : 2));
  const double taps_read = HasStrips(shape) ? 3 : (shape.channels_last ? 5 : 6);  // words a result
  return products + input + weights + results * (taps_read + std::max(1, parts));
}

// How much longer NCHW takes with memory: a tile has runs of a row in every channel, each of which costs a
// part of 128 bytes more, and further ones where it ends within them; less than 32 bytes are as much.
inline double RunPenalty(double run_bytes, double more) {
  return (1 + more * 128 / run_bytes) * std::max(1.0, 32 / run_bytes);
}

inline Work WorkOf(const Shape& shape, const Tile& tile, const Plan& plan, int parts) {
  const double chunk = ChunkOf(shape), chunks = plan.chunks;
  const double lines = static_cast<double>(plan.rows) * chunk;  // of NCHW
  // A row's beginning costs as much as some elements more.
  const double input = plan.copies ? lines * (plan.width + 12) * 4 : 1.0 * plan.rows * plan.row_bytes;
  const double weights = plan.resident ? 0 : plan.pointwise_bytes * chunk / UnitChannels(parts);
  const double arrives = plan.copies           ? input / 8.0
                         : shape.channels_last ? input / 40.0
                                               : (input + lines * 16) / 11.0;
  const double boxes = plan.by_rows ? plan.rows * 150.0 / plan.box_rows : 0;
  const double products = parts == 0
                              ? 1.29 * chunk * kPixels * tile.channels_out / 128
                              : (parts == 2 ? 3 : 1.35) * chunk * kPixels * tile.channels_out / 1024 + 60;
  double made = DepthwiseCycles(shape, tile, plan, parts);
  // Two groups that have a stage each wait for its products before they go on.
  if (plan.depthwise_groups == 2 && plan.operand_stages == 2)
    made = std::max(made, (made / 0.82 + products) / 2);

  double stores = 128.0 * 4 * std::min(tile.channels_out, shape.k) / (parts == 0 ? 53.0 : 31.0) + 1330;
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
  work.products = chunks * (products + (parts == 0 ? 17.0 * kPixels * chunk / 32 / 4 : 0));
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
  const double ends =
      tile.turns ? std::max(work.products, (work.products + work.stores) / 2) : work.products + work.stores;
  for (const double one : {work.loads, work.depthwise, ends, work.memory / sms / turns, work.shared}) {
    cubes += one * one * one;
  }
  // What boxes_out and counted change, and this, is set by hand after three problems on an H200.
  const double by_hand = tile.turns && plan.boxes_out ? 0.8 : 1.0;
  return by_hand * turns * std::cbrt(cubes) + (work.loads + work.depthwise) / plan.chunks + 7000;
}

// Shares out shared memory to the rings; false where it does not suffice.
inline bool Complete(const Shape& shape, const assay_device_info& device, int parts, Tile& tile) {
  if (IsTooLarge(shape, tile)) return false;
  const auto fits = [&] {
    return SharedBytes(shape, MakePlan(shape, tile, parts), parts) <= device.shared_bytes_per_block;
  };
  tile.operand_stages = 2, tile.x_stages = 3, tile.weight_stages = 0;
  if (tile.turns && !fits()) tile.x_stages = 2;
  if (tile.cluster == 2 || DivideUp(shape.k, tile.channels_out) > 1 || shape.c > 1024 || !fits()) {
    tile.weight_stages = 4;
    while (tile.x_stages > 2 && !fits()) --tile.x_stages;
    while (tile.weight_stages > 2 && !fits()) --tile.weight_stages;
    if (!fits()) return false;
  }
  tile.operand_stages = 3;
  if (!fits() || (parts == 2 && tile.channels_out > 96)) tile.operand_stages = 2;
  while (tile.x_stages < kMostStages && fits()) ++tile.x_stages;
  if (!fits()) --tile.x_stages;
  return true;
}

// Output columns of tiles that are considered.
inline std::vector<int> WidthsOf(const Shape& shape, int parts) {
  const int step = parts == 0 ? 4 : ColumnStep(shape);  // FFMA takes four pixels of a row at once
  std::vector<int> widths = {8, 16, 32, 64};
  for (int parts_of_row = 1; parts_of_row <= 64; ++parts_of_row) {
    const int columns = RoundUp(std::max(4, DivideUp(shape.q, parts_of_row)), step);
    if (columns <= kSlots) widths.push_back(columns);
  }
  std::sort(widths.begin(), widths.end());
  widths.erase(std::unique(widths.begin(), widths.end()), widths.end());
  while (widths.size() > 1 && widths.back() > 4 && widths.back() >= 2 * shape.q) widths.pop_back();
  return widths;
}

struct PricedTile {
  Tile tile;
  double cost;
};

// Adds a tile, and the same for clusters where its weights do not stay.
inline void Consider(const Shape& shape, const assay_device_info& device, int parts, Tile tile,
                     std::vector<PricedTile>& all) {
  const int sms = std::max(1, device.num_sms);
  if (HasTurns(shape.channels_last, IsFixed(shape) ? 3 : 0, tile.channels_out, parts) && HasMap(shape)) {
    tile.turns = true;
    if (Complete(shape, device, parts, tile) && tile.weight_stages == 0) {
      all.push_back({tile, CostOf(shape, tile, MakePlan(shape, tile, parts), parts, sms)});
    }
    tile.turns = false;
  }
  for (tile.cluster = 1; tile.cluster <= (parts == 0 ? 1 : kMostCluster); ++tile.cluster) {
    if (!Complete(shape, device, parts, tile) || (tile.cluster == 2 && sms % 2 != 0)) return;
    const Plan plan = MakePlan(shape, tile, parts);
    if (tile.cluster == 2 && plan.items < sms / 2) return;
    all.push_back({tile, CostOf(shape, tile, plan, parts, sms)});
    if (plan.resident) return;
  }
}

// All valid tiles, the cheapest first.
inline std::vector<PricedTile> PriceTiles(const Shape& shape, const assay_device_info& device, int parts) {
  std::vector<PricedTile> all;
  const std::int32_t image_bands = DivideUp(shape.p, kBandRows);
  const std::int64_t stacked = static_cast<std::int64_t>(shape.n) * image_bands;
  for (const int channels_out : kChannelsOut) {
    if (parts == 0 && channels_out % 64 != 0) continue;
    if (channels_out != 256 && channels_out / 2 >= shape.k && channels_out > (parts == 0 ? 64 : 32)) continue;
    if (channels_out < 128 && DivideUp(shape.k, channels_out) > 4) continue;
    for (const int columns : WidthsOf(shape, parts)) {
      const auto consider = [&](int bands) {
        Consider(shape, device, parts, {channels_out, bands, columns, 0, 0, 0, 1}, all);
      };
      const int most = static_cast<int>(std::min<std::int64_t>(kSlots / columns, stacked));
      consider(most);
      if (image_bands % most != 0 && most / 2 * columns >= 24) consider(most / 2);
      // Bands that divide an image's are loaded in one box.
      for (int bands = most - 1; bands > most / 2; --bands) {
        if (image_bands % bands == 0) consider(bands);
      }
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const PricedTile& a, const PricedTile& b) { return a.cost < b.cost; });
  return all;
}

// Those that are offered. Clusters were the fastest now and then, by 1 or 2 %, and so were, in NCHW, blocks
// that take neighbouring tiles one after the other: they stand behind the others, for who measures them.
inline std::vector<Tile> ListTiles(const Shape& shape, const assay_device_info& device, int parts) {
  const std::size_t most_single = shape.channels_last ? 24 : 16;
  constexpr std::size_t kMostInClusters = 8, kMostRuns = 5;
  std::vector<Tile> tiles, in_clusters;
  for (const PricedTile& one : PriceTiles(shape, device, parts)) {
    if (one.tile.cluster == 1 && tiles.size() < most_single) tiles.push_back(one.tile);
    if (one.tile.cluster != 1 && in_clusters.size() < kMostInClusters) in_clusters.push_back(one.tile);
  }
  if (!shape.channels_last && IsFixed(shape) && HasMap(shape)) {
    const std::size_t count = std::min(tiles.size(), kMostRuns);
    for (std::size_t i = 0; i < count; ++i) {
      Tile runs = tiles[i];
      runs.runs = true;
      tiles.push_back(runs);
    }
  }
  tiles.insert(tiles.end(), in_clusters.begin(), in_clusters.end());
  return tiles;
}

}  // namespace assay::dsconv::hopper_tf32
