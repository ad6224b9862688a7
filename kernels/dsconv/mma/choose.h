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
};

// What the kernel is compiled for, and what is free at run time.
struct Tile {
  int rows, tiles;                // kRows and kTiles of the kernel
  int warps_p, warps_q, images;   // patches of a block
  int split;                      // warps that share the input channels of a patch
  int chunk, last_chunk, stages;  // the last of a tile may be narrower
  bool resident;
  int blocks;  // of a multiprocessor
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
  plan.halo_columns = RoundUp(plan.halo_columns, 2);
  plan.image_bytes = plan.halo_rows * plan.halo_columns * plan.chunk * 2;
  plan.last_image_bytes = plan.halo_rows * plan.halo_columns * plan.last_chunk * 2;
  plan.fixed = IsFixed(shape) ? shape.r : 0;
  plan.taps_padded = RoundUp(shape.r * shape.s, 4);
  plan.depthwise_bytes =
      2 *
      (kBiasBytes + 8 * 4 * (plan.fixed != 0 ? plan.fixed * WordsOfColumn(plan.fixed) : plan.taps_padded));
  plan.step_bytes = plan.depthwise_bytes + tile.tiles * 256;
  plan.packed_bytes = tile.tiles * 32 + plan.steps * plan.step_bytes;
  plan.stages = tile.stages;
  plan.resident = tile.resident;
  plan.resident_bytes = tile.resident ? RoundUp(plan.steps * plan.step_bytes, 1024) : 0;
  plan.exchange_bytes = RoundUp(plan.patches * 2 * (plan.split - 1) * GroupBytes(tile.tiles), 1024);
  plan.x_bytes = RoundUp(plan.images * plan.image_bytes, 1024);
  plan.stage_bytes = plan.x_bytes + (tile.resident ? 0 : RoundUp(plan.chunk / 16 * plan.step_bytes, 1024));
  plan.vectors = layout == ASSAY_NHWC && shape.c % 8 == 0;
  return plan;
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
inline UnitClocks ClocksOfUnit(const Shape& shape, const Plan& plan, int rows, int tiles) {
  const double taps = plan.fixed == 3 ? 61 : (plan.fixed == 5 ? 190 : 20.0 * shape.r * shape.s);
  return {taps + 6.1 * tiles + 43, 3 * taps + 6.1 * tiles + 11 + 163.0 / rows};
}

// What a launch takes in microseconds on an H100: the block with the most tiles, by what its warps compute or
// what its loads move, whichever is more. Fitted to 152 launches of `hopper` without split
// (docs/kernels/hopper.md), which it meets within 9 % (root mean square); what a split costs is estimated.
inline double CostOf(const Shape& shape, const Plan& plan, const Tile& tile, std::int32_t num_sms) {
  const std::int32_t blocks_out = DivideUp(shape.k, plan.channels_out);
  const double rounds = DivideUp(plan.tiles, std::max(1, num_sms * tile.blocks / blocks_out));
  // Of a scheduler, less those whose patch is beyond the image.
  const double inside = static_cast<double>(DivideUp(shape.p, 2 * tile.rows)) * DivideUp(shape.q, kColumns) /
                        (plan.tiles_p * tile.warps_p * plan.tiles_q * tile.warps_q);
  const double warps = plan.warps * tile.blocks / 4.0 * inside;
  const UnitClocks unit = ClocksOfUnit(shape, plan, tile.rows, tile.tiles);
  const double units = static_cast<double>(DivideUp(plan.steps, plan.split)) * tile.rows;
  const double sums = tile.rows * tile.tiles;
  const double alone = units * unit.alone + 306 * plan.chunks + 340 + sums * (plan.split > 1 ? 8 + 30 : 8);
  const double compute = std::max(alone * (1 + 0.3 * (warps - 1)), warps * units * unit.busy);

  const double pixels_in = static_cast<double>(shape.n) * shape.h * shape.w,
               pixels_out = static_cast<double>(shape.n) * shape.p * shape.q;
  const double bytes =
      2 * (pixels_in * shape.c + pixels_out * std::min(shape.k, plan.channels_out)) / plan.tiles;
  // A pixel of a chunk is one row of what the copy engine copies.
  const double row = plan.chunk == 64 ? 6.9 : (plan.chunk == 32 ? 4.2 : 2.8);
  const double copied = static_cast<double>(plan.images) * plan.halo_rows * plan.halo_columns * plan.chunks;
  const double load = tile.blocks * std::max(bytes / 12.8, copied * row);
  const double overlap = plan.stages > 2 ? 0.06 : 0.2;
  // Short rows are slower than that where memory is busy.
  const double slower = plan.chunk == 16 ? 1.05 : (plan.chunk == 32 && shape.c > 32 ? 1.02 : 1.0);
  const double doubtful = plan.split > 1 ? 1.05 : 1.0;
  const double tile_clocks =
      (std::max(compute, load) + overlap * std::min(compute, load)) * slower * doubtful;
  return (rounds * tile_clocks + 3600 + plan.x_bytes / 13.0) / 1750 + 3;
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
      offers.push_back({CostOf(shape, MakePlan(shape, layout, tile), tile, device.num_sms), tile});
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
        for (const int last : {chunk, LastOf(channels, chunk)}) {
          const Tile tile{rows, tiles, 0, 0, 0, split, chunk, last, 0, false, blocks};
          for (int patches = 1; patches * split * blocks <= most_warps; ++patches) {
            ConsiderPatches(shape, layout, device, limits, tile, patches, offers);
          }
          if (last < chunk || LastOf(channels, chunk) == chunk) break;
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
  return list;
}

}  // namespace assay::dsconv::mma
