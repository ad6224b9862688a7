// Which block of pixels and channels the `mma` and `hopper` kernels take for a problem.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/device/activation.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

// What a loader needs of a block, and lets it do (load.h, tma_load.h).
struct LoaderLimits {
  std::int32_t barrier_bytes;
  int most_stages;
  int most_blocks;           // of a multiprocessor: worth it where all warps wait for a load together
  std::int32_t most_pixels;  // along an axis of an input tile
  bool bulk;                 // whether the copy engine loads
};

// What the kernel is compiled for, and what is free at run time.
struct Tile {
  int rows, tiles;                // kRows and kTiles of the kernel
  int warps_p, warps_q, images;   // patches of a block
  int split;                      // warps that share the input channels of a patch
  int chunk, last_chunk, stages;  // the last of a tile may be narrower
  bool resident;
  int blocks;             // of a multiprocessor
  bool rehearses = true;  // see ComputeTiles
  bool dynamic = true;    // whether the last tiles go to whatever block comes for them
};

// One kRows, kTiles that a kernel is compiled for with registers for so many warps, and a list of them.
template <int kRows_, int kTiles_, int kMostWarps_>
struct Block {
  static constexpr int kRows = kRows_, kTiles = kTiles_, kMostWarps = kMostWarps_;
};
template <class... Blocks>
struct BlockList {};

inline std::int32_t DivideUp(std::int32_t a, std::int32_t b) { return (a + b - 1) / b; }
inline std::int32_t RoundUp(std::int32_t a, std::int32_t to) { return DivideUp(a, to) * to; }

inline bool IsClamp(device::Activation activation) {
  return activation == device::Activation::kNone || activation == device::Activation::kRelu ||
         activation == device::Activation::kRelu6;
}

// Whether a block of this size has registers left for 5 x 5 weights and their window.
constexpr bool FitsFive(int rows, int tiles) { return rows <= 2 && tiles <= 16; }

// Filters with a kernel of their own.
inline bool IsFixed(const Shape& shape) {
  return IsClamp(shape.act_mid) && shape.r == shape.s && shape.dilation_h == 1 && shape.dilation_w == 1 &&
         shape.stride_h == shape.stride_w && (shape.r == 3 || shape.r == 5) && shape.stride_h <= 2;
}

// Inputs along an axis, without dilation.
inline std::int32_t ExtentOf(std::int32_t outputs, std::int32_t stride, std::int32_t taps) {
  return (outputs - 1) * stride + taps;
}

inline Plan MakePlan(const Shape& shape, assay_layout layout, const Tile& tile) {
  Plan plan{};
  plan.images = tile.images, plan.warps_p = tile.warps_p, plan.warps_q = tile.warps_q;
  plan.patches = tile.images * tile.warps_p * tile.warps_q;
  plan.split = tile.split;
  plan.warps = plan.patches * plan.split;
  plan.rows = tile.warps_p * 2 * tile.rows, plan.columns = tile.warps_q * kColumns;
  plan.tiles_p = DivideUp(shape.p, plan.rows), plan.tiles_q = DivideUp(shape.q, plan.columns);
  plan.tiles = DivideUp(shape.n, tile.images) * plan.tiles_p * plan.tiles_q;
  plan.channels_out = tile.tiles * 8;
  plan.chunk = tile.chunk, plan.chunks = DivideUp(shape.c, tile.chunk);
  plan.last_chunk = tile.last_chunk;
  plan.steps = DivideUp(shape.c, 16);
  plan.halo_rows = (plan.rows - 1) * shape.stride_h + (shape.r - 1) * shape.dilation_h + 1;
  plan.halo_columns = (plan.columns - 1) * shape.stride_w + (shape.s - 1) * shape.dilation_w + 1;
  plan.fixed = IsFixed(shape) ? shape.r : 0;
  // What no output of the image wants is not loaded, where FixedWindow can do without it: columns, and rows
  // where it holds a place for each.
  if (plan.fixed != 0 && plan.tiles_q == 1) plan.halo_columns = ExtentOf(shape.q, shape.stride_w, shape.s);
  if (plan.fixed != 0 && plan.tiles_p == 1 && shape.stride_h * (tile.rows - 1) + shape.r <= 4) {
    plan.halo_rows = ExtentOf(shape.p, shape.stride_h, shape.r);
  }
  plan.halo_columns = RoundUp(plan.halo_columns, 2);
  plan.image_bytes = plan.halo_rows * plan.halo_columns * plan.chunk * 2;
  plan.last_image_bytes = plan.halo_rows * plan.halo_columns * plan.last_chunk * 2;
  plan.taps_padded = RoundUp(shape.r * shape.s, 4);
  plan.depthwise_bytes =
      2 *
      (kBiasBytes + 8 * 4 * (plan.fixed != 0 ? plan.fixed * WordsOfColumn(plan.fixed) : plan.taps_padded));
  plan.step_bytes = plan.depthwise_bytes + tile.tiles * 256;
  plan.packed_bytes = tile.tiles * 32 + plan.steps * plan.step_bytes + kCounterBytes;
  plan.stages = tile.stages;
  plan.resident = tile.resident;
  plan.rehearses = tile.rehearses;
  plan.resident_bytes = tile.resident ? RoundUp(plan.steps * plan.step_bytes, 1024) : 0;
  plan.exchange_bytes = RoundUp(plan.patches * 2 * (plan.split - 1) * GroupBytes(tile.tiles), 1024);
  plan.x_bytes = RoundUp(plan.images * plan.image_bytes, 1024);
  plan.stage_bytes = plan.x_bytes + (tile.resident ? 0 : RoundUp(plan.chunk / 16 * plan.step_bytes, 1024));
  plan.vectors = layout == ASSAY_NHWC && shape.c % 8 == 0;
  return plan;
}

// Blocks of a launch that has room for `slots` at once. With more than two rounds the last quarter of the
// tiles, if that is `dynamic`, goes to whatever block comes for them.
inline std::int32_t SpreadTiles(std::int32_t slots, bool dynamic, Plan& plan) {
  const std::int32_t rounds = DivideUp(plan.tiles, slots);
  plan.fixed_tiles = std::numeric_limits<std::int32_t>::max();
  if (!dynamic || rounds <= 2) return DivideUp(plan.tiles, rounds);
  plan.fixed_tiles = slots * (rounds * 3 / 4);
  return slots;
}

// Of a block; the dynamic shared memory begins anywhere, the layout at a multiple of 1024 bytes.
inline std::int64_t SharedBytes(const Plan& plan, std::int32_t barrier_bytes) {
  return 1024 + HeadBytes(plan.channels_out / 8, barrier_bytes) + plan.resident_bytes + plan.exchange_bytes +
         static_cast<std::int64_t>(plan.stages) * plan.stage_bytes;
}

// A tile that fits, and what it costs.
struct Offer {
  double cost;
  Tile tile;
};

// Clocks of a warp for one of its products of 16 pixels, 16 input channels: of the matrix units, and until
// the next when the warp is alone.
struct UnitClocks {
  double busy, alone;
};
inline UnitClocks ClocksOfUnit(const Shape& shape, const Plan& plan, const Tile& tile, bool bulk) {
  const double taps = plan.fixed == 3 ? 61 : (plan.fixed == 5 ? 190 : 20.0 * shape.r * shape.s);
  if (bulk) return {taps + 6.1 * tile.tiles + 43, 2.8 * taps + 8.2 * tile.tiles + 11 + 45.0 / tile.rows};
  return {1.5 * (taps + 6.1 * tile.tiles + 43), 2.4 * taps + 6.1 * tile.tiles + 170.0 / tile.rows};
}

// What a warp does for a tile of a block, in clocks, when it is alone and never waits.
inline double WarpClocks(const Shape& shape, const Plan& plan, const Tile& tile, bool bulk) {
  const double units = static_cast<double>(DivideUp(plan.steps, plan.split)) * tile.rows;
  const double sums = tile.rows * tile.tiles;
  const double clocks = units * ClocksOfUnit(shape, plan, tile, bulk).alone;
  if (bulk) return clocks + 170 * plan.chunks + 350 + sums * (plan.split > 1 ? 95 : 45);
  const double rows = static_cast<double>(plan.images) * plan.halo_rows;
  const double vectors =
      rows * plan.halo_columns * ((plan.chunks - 1) * plan.chunk + plan.last_chunk) / 8 / 32;
  return clocks + 90 + sums * (plan.split > 1 ? 110 : 30) +
         (60 * vectors + 300 * rows * plan.chunks) / plan.warps;
}

// Bytes of device memory for a tile; blocks of other output channels find most of its input in L2.
inline double BytesOf(const Shape& shape, const Plan& plan, double again) {
  const double blocks_out = DivideUp(shape.k, plan.channels_out);
  const double in = static_cast<double>(shape.n) * shape.h * shape.w * shape.c,
               out = static_cast<double>(shape.n) * shape.p * shape.q * std::min(shape.k, plan.channels_out);
  return 2 * (in * (1 + again * (blocks_out - 1)) / blocks_out + out) / plan.tiles;
}

// Clocks in which the copy engine brings a tile's input: a pixel of a chunk is one row of what it copies.
inline double CopyEngineClocks(const Plan& plan) {
  const auto row = [](std::int32_t channels) { return channels == 64 ? 5.0 : (channels == 32 ? 3.2 : 2.5); };
  return static_cast<double>(plan.images) * plan.halo_rows * plan.halo_columns *
         ((plan.chunks - 1) * row(plan.chunk) + row(plan.last_chunk));
}

// What a launch takes in microseconds on an H100: the block with the most tiles, by what its warps compute or
// what its loads move, whichever is more. Fitted for `hopper` (`bulk`) to 499 launches and for `mma` to 584,
// of an older version, which it meets within 5 % each (root mean square; docs/kernels/hopper.md); what
// has changed since then, starting and storing sums and `mma`'s copies, is scaled by instructions.
inline double CostOf(const Shape& shape, const Plan& plan, const Tile& tile, std::int32_t num_sms,
                     bool bulk) {
  const std::int32_t blocks_out = DivideUp(shape.k, plan.channels_out);
  const double rounds = DivideUp(plan.tiles, std::max(1, num_sms * tile.blocks / blocks_out));
  // Warps of a scheduler, less those whose patch is beyond the image.
  const double inside = static_cast<double>(DivideUp(shape.p, 2 * tile.rows)) * DivideUp(shape.q, kColumns) /
                        (plan.tiles_p * tile.warps_p * plan.tiles_q * tile.warps_q);
  const double warps = std::max(bulk ? 0.0 : 1.0, plan.warps * tile.blocks / 4.0 * inside);
  const double units = static_cast<double>(DivideUp(plan.steps, plan.split)) * tile.rows;
  const double busy = warps * units * ClocksOfUnit(shape, plan, tile, bulk).busy;
  const double further = (bulk ? 0.27 : 0.12) * std::max(0.0, warps - 1);
  double compute = std::max(WarpClocks(shape, plan, tile, bulk) * (1 + further), busy);
  double load = tile.blocks * BytesOf(shape, plan, bulk ? 0.73 : 1.0) / 13;
  if (bulk) {
    load = std::max(load, tile.blocks * CopyEngineClocks(plan));
  } else {
    // All warps meet for every chunk, whose copies were begun stages - 1 chunks before.
    compute += 970 * plan.chunks;
    load = std::max(load, 1800.0 * plan.chunks / (plan.stages - 1));
  }
  const double overlap = bulk ? (plan.stages > 2 ? 0.12 : 0.17) : 0.33;
  // Short rows are slower than that where memory is busy.
  const double slower =
      !bulk ? 1.0 : (plan.chunk == 16 ? 1.06 : (plan.chunk == 32 && shape.c > 32 ? 1.02 : 1.0));
  const double clocks = (std::max(compute, load) + overlap * std::min(compute, load)) * slower;
  const double start = bulk ? 5200 + plan.x_bytes / 13.0 : 3600;
  return (rounds * clocks + start) / 1755 + 3;
}

// Fills in stages and what stays, as far as there is room; false where there is none.
inline bool Fit(const Shape& shape, assay_layout layout, const assay_device_info& device,
                const LoaderLimits& limits, Tile& tile) {
  constexpr std::int64_t kMostResident = 100 * 1024, kOfBlock = 1024;  // what the system takes of each block
  const std::int64_t room = tile.blocks == 1 ? device.shared_bytes_per_block
                                             : device.shared_bytes_per_block / tile.blocks - kOfBlock;
  tile.stages = 2;
  tile.resident = false;
  tile.resident = MakePlan(shape, layout, tile).packed_bytes * tile.blocks <= kMostResident;
  const Plan plan = MakePlan(shape, layout, tile);
  if (plan.halo_columns > limits.most_pixels || plan.halo_rows > limits.most_pixels) return false;
  const std::int64_t left = room - SharedBytes(plan, limits.barrier_bytes) + 2LL * plan.stage_bytes;
  tile.stages = static_cast<int>(std::min<std::int64_t>(left / plan.stage_bytes, limits.most_stages));
  return tile.stages >= 2;
}

// Adds the tiles of a block of `patches` patches, each of `split` warps.
inline void ConsiderPatches(const Shape& shape, assay_layout layout, const assay_device_info& device,
                            const LoaderLimits& limits, Tile tile, int patches, std::vector<Offer>& offers) {
  for (int images = 1; images <= patches && images <= shape.n; ++images) {
    for (int warps_q = 1; warps_q * images <= patches; ++warps_q) {
      const int warps_p = patches / images / warps_q;
      if (warps_p * warps_q * images != patches) continue;
      if ((warps_q - 1) * kColumns >= shape.q || (warps_p - 1) * 2 * tile.rows >= shape.p) continue;
      tile.images = images, tile.warps_p = warps_p, tile.warps_q = warps_q;
      if (!Fit(shape, layout, device, limits, tile)) continue;
      const Plan plan = MakePlan(shape, layout, tile);
      offers.push_back({CostOf(shape, plan, tile, device.num_sms, limits.bulk), tile});
    }
  }
}

// The narrowest last chunk for so many channels, a multiple of 16.
inline int LastOf(std::int32_t channels, int chunk) {
  const std::int32_t left = (channels - 1) % chunk + 1;
  return left <= 16 ? 16 : (left <= 32 ? 32 : 64);
}

// Adds the tiles of one size of block.
inline void ConsiderBlock(const Shape& shape, assay_layout layout, const assay_device_info& device,
                          const LoaderLimits& limits, int rows, int tiles, int most_warps,
                          std::vector<Offer>& offers) {
  const std::int32_t channels = RoundUp(shape.c, 16);
  for (const int chunk : {16, 32, 64}) {
    if (chunk / 2 >= channels) continue;
    for (const int split : {1, 2, 3, 4, 6}) {
      if (split * 16 > channels) continue;
      for (int blocks = 1; blocks <= limits.most_blocks; ++blocks) {
        for (const int last : {LastOf(channels, chunk), chunk}) {
          const Tile tile{rows, tiles, 0, 0, 0, split, chunk, last, 0, false, blocks};
          for (int patches = 1; patches * split * blocks <= most_warps; ++patches) {
            ConsiderPatches(shape, layout, device, limits, tile, patches, offers);
          }
          if (last == chunk) break;
        }
      }
    }
  }
}

// Whether a block of this size has a kernel for the filter.
inline bool TakesFilter(const Shape& shape, int rows, int tiles) {
  return !IsFixed(shape) || shape.r != 5 || FitsFive(rows, tiles);
}

// The tiles that fit, the one that ought to be fastest first; of those that differ in little but their shape,
// a few.
template <class... Blocks>
std::vector<Tile> ListTiles(const Shape& shape, assay_layout layout, const assay_device_info& device,
                            const LoaderLimits& limits, BlockList<Blocks...>) {
  constexpr std::size_t kMost = 40;
  constexpr int kMostAlike = 8;
  // Every block of output channels computes the depthwise half again, for about as much as 12 matrices.
  const auto columns = [&](int tiles) { return DivideUp(shape.k, tiles * 8) * (tiles + 12); };
  std::int32_t fewest = std::numeric_limits<std::int32_t>::max();
  ((fewest = TakesFilter(shape, Blocks::kRows, Blocks::kTiles) ? std::min(fewest, columns(Blocks::kTiles))
                                                               : fewest),
   ...);
  std::vector<Offer> offers;
  const auto consider = [&](int rows, int tiles, int most_warps, bool any) {
    if ((any || columns(tiles) == fewest) && TakesFilter(shape, rows, tiles)) {
      ConsiderBlock(shape, layout, device, limits, rows, tiles, most_warps, offers);
    }
  };
  (consider(Blocks::kRows, Blocks::kTiles, Blocks::kMostWarps, false), ...);
  if (offers.empty()) (consider(Blocks::kRows, Blocks::kTiles, Blocks::kMostWarps, true), ...);
  std::stable_sort(offers.begin(), offers.end(),
                   [](const Offer& a, const Offer& b) { return a.cost < b.cost; });
  std::vector<Tile> list;
  for (const Offer& offer : offers) {
    const auto alike = [&](const Tile& tile) {
      return tile.rows == offer.tile.rows && tile.split == offer.tile.split &&
             tile.chunk == offer.tile.chunk && tile.last_chunk == offer.tile.last_chunk &&
             tile.blocks == offer.tile.blocks;
    };
    if (list.size() < kMost && std::count_if(list.begin(), list.end(), alike) < kMostAlike) {
      list.push_back(offer.tile);
    }
  }
  // The first ones also without what is expected to pay.
  for (std::size_t i = 0, end = std::min<std::size_t>(list.size(), 3); i < end; ++i) {
    list.push_back(list[i]);
    list.back().rehearses = false;
    if (!limits.bulk) continue;
    list.push_back(list[i]);
    list.back().dynamic = false;
  }
  return list;
}

}  // namespace assay::dsconv::mma
