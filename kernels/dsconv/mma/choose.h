// Which block of pixels and channels the `mma` and `hopper` kernels take for a problem.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/device/activation.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

// What the kernel is compiled for, and what is free at run time.
struct Tile {
  int rows, tiles;  // kRows and kTiles of the kernel
  int warps_p, warps_q;
  int chunk, stages;
  bool resident;
  int blocks_per_sm;
  int images = 1;      // a block has `images` times warps_p x warps_q warps
  bool split = false;  // the halves in warps of their own (split.h)
  int parts = 1;       // blocks that share the input channels of a pixel (parts.h)
};

// One kRows, kTiles, kSplit that a kernel is compiled for, and a list of them.
template <int kRows_, int kTiles_, bool kSplit_ = false, bool kSmall_ = false>
struct Block {
  static constexpr int kRows = kRows_, kTiles = kTiles_;
  static constexpr bool kSplit = kSplit_;
  static constexpr bool kSmall = kSmall_;  // for too few outputs for all multiprocessors
};
template <class... Blocks>
struct BlockList {};

inline std::int32_t DivideUp(std::int32_t a, std::int32_t b) { return (a + b - 1) / b; }
inline std::int32_t RoundUp(std::int32_t a, std::int32_t to) { return DivideUp(a, to) * to; }

// A tile that fits, and what it costs by its class's own estimate.
struct Offer {
  double cost;
  Tile tile;
};
using Offers = std::vector<Offer>;

// From how many output channels on split.h is considered.
inline constexpr std::int32_t kLeastSplitChannels = 192;

// Whether a block of this size has registers left for 5 x 5 weights and their window.
constexpr bool FitsFive(int rows, int tiles) { return rows <= 2 && rows * tiles <= 16; }

// Filters with a kernel of their own, in blocks of this size.
inline bool IsFixed(const Shape& shape, const Tile& tile) {
  const bool plain = shape.r == shape.s && shape.dilation_h == 1 && shape.dilation_w == 1 &&
                     shape.stride_h == shape.stride_w;
  return plain && ((shape.r == 3 && shape.stride_h <= 2) ||
                   (shape.r == 5 && shape.stride_h == 1 && !tile.split && FitsFive(tile.rows, tile.tiles)));
}

inline Plan MakePlan(const Shape& shape, assay_layout layout, const Tile& tile) {
  Plan plan{};
  plan.images = tile.images, plan.warps_p = tile.warps_p, plan.warps_q = tile.warps_q;
  plan.warps = tile.images * tile.warps_p * tile.warps_q;
  plan.rows = tile.warps_p * 2 * tile.rows, plan.columns = tile.warps_q * kColumns;
  plan.tiles_p = DivideUp(shape.p, plan.rows), plan.tiles_q = DivideUp(shape.q, plan.columns);
  plan.tiles = DivideUp(shape.n, tile.images) * plan.tiles_p * plan.tiles_q;
  plan.channels_out = tile.tiles * 8;
  plan.chunk = tile.chunk, plan.chunks = DivideUp(shape.c, tile.chunk);
  plan.part_chunks = DivideUp(plan.chunks, tile.parts);
  plan.parts = DivideUp(plan.chunks, plan.part_chunks);
  plan.halo_rows = (plan.rows - 1) * shape.stride_h + (shape.r - 1) * shape.dilation_h + 1;
  plan.halo_columns = (plan.columns - 1) * shape.stride_w + (shape.s - 1) * shape.dilation_w + 1;
  if (shape.stride_w == 2) {
    plan.pitch = DivideUp(plan.halo_columns, 2);
    plan.odd = RoundUp(tile.images * plan.halo_rows * plan.pitch, 8);
  } else {
    plan.pitch = plan.halo_columns;
  }
  plan.split = tile.split;
  plan.taps_padded = RoundUp(shape.r * shape.s, 4);
  const std::int32_t pixels = tile.images * plan.halo_rows * plan.pitch;
  plan.x_copied = (plan.odd != 0 ? 2 : 1) * pixels * plan.chunk * 2;
  plan.x_bytes = RoundUp((plan.odd + pixels) * plan.chunk * 2, 1024);
  plan.depthwise_bytes = plan.chunk * (plan.taps_padded + 1) * 4;
  plan.weight_bytes = plan.depthwise_bytes + plan.chunk * tile.tiles * 16;
  plan.packed_bytes = tile.tiles * 32 + plan.chunks * plan.weight_bytes;
  plan.stages = tile.stages;
  plan.resident = tile.resident;
  plan.resident_bytes = tile.resident ? RoundUp(plan.chunks * plan.weight_bytes, 1024) : 0;
  plan.stage_bytes = plan.x_bytes + (tile.resident ? 0 : RoundUp(plan.weight_bytes, 1024));
  if (tile.split) plan.stage_bytes = plan.x_bytes + RoundUp(plan.depthwise_bytes, 1024);
  plan.vectors = layout == ASSAY_NHWC && shape.c % 8 == 0;
  return plan;
}

// Of a block of split.h: rings of input tiles, of weights and of operands.
inline std::int64_t SplitBytes(const Plan& plan) {
  return 1024 + HeadBytes(plan.channels_out / 8, kSplitBarrierBytes) + kOperandStages * kOperandBytes +
         kWeightStages * (plan.weight_bytes - plan.depthwise_bytes) +
         static_cast<std::int64_t>(plan.stages) * plan.stage_bytes;
}

// Of a block; the dynamic shared memory begins anywhere, the layout at a multiple of 1024 bytes.
inline std::int64_t SharedBytes(const Plan& plan, std::int32_t barrier_bytes) {
  return 1024 + HeadBytes(plan.channels_out / 8, barrier_bytes) + plan.resident_bytes +
         static_cast<std::int64_t>(plan.stages) * plan.stage_bytes;
}

// The arrangements of warps and chunk for a block of `rows` and `tiles`.
inline void ConsiderBlock(const Shape& shape, assay_layout layout, const assay_device_info& device, int rows,
                          int tiles, bool warpgroups, Offers& offers) {
  for (const int chunk : {32, 64, 16}) {
    if (chunk > 16 && chunk / 2 >= shape.c && !(warpgroups && chunk == 32)) continue;
    if (warpgroups && chunk == 16) continue;
    for (int warps_p = 1; warps_p <= 8; ++warps_p) {
      for (int warps_q = 1; warps_p * warps_q <= 8; ++warps_q) {
        const int warps = warps_p * warps_q;
        if (warpgroups ? warps % 4 != 0 : warps < 4) continue;
        Tile tile{rows, tiles, warps_p, warps_q, chunk, 2, false, 2};
        tile.resident = MakePlan(shape, layout, tile).packed_bytes <= 48 * 1024;
        const Plan plan = MakePlan(shape, layout, tile);
        const std::int64_t bytes = SharedBytes(plan, 128);
        if (bytes > device.shared_bytes_per_block) continue;
        if (bytes > device.shared_bytes_per_block / 2 - 1024 || warps > 4) tile.blocks_per_sm = 1;
        // With more than one chunk a tile, three small blocks hide each other's waits best.
        if (warpgroups && tiles == 16 && tile.resident && warps == 4 && plan.chunks > 1 &&
            3 * (bytes + 1024) <= device.shared_bytes_per_block) {
          tile.blocks_per_sm = 3;
        }
        const double blocks_out = DivideUp(shape.k, tiles * 8);
        const double alone = tile.blocks_per_sm > 1 ? 1.0 : (warps < 7 || tiles == 4 ? 1.3 : 1.0);
        const double cost =
            static_cast<double>(plan.tiles_p) * plan.tiles_q * blocks_out *
            (plan.halo_rows * plan.halo_columns + (1.0 + tiles / 8.0) * plan.rows * plan.columns) * alone *
            (chunk == 64 ? 1 : 1.1);
        offers.push_back({cost, tile});
      }
    }
  }
}

inline bool IsClamp(device::Activation activation) {
  return activation == device::Activation::kNone || activation == device::Activation::kRelu ||
         activation == device::Activation::kRelu6;
}

// split.h, where it is the faster one: many output channels and enough pixels for all multiprocessors. Its
// cost is that of tiles, each with a part that is the same for all and one that grows with its halo.
inline void ConsiderSplit(const Shape& shape, assay_layout layout, const assay_device_info& device,
                          Offers& offers) {
  constexpr int kTiles = 32, kMostStages = 3;
  if (shape.k <= kLeastSplitChannels || !IsClamp(shape.act_mid) || !IsClamp(shape.act_out)) return;
  for (const int warps_p : {8, 4, 2}) {
    for (const int warps_q : {1, 2, 4}) {
      if (8 % (warps_p * warps_q) != 0) continue;
      Tile tile{1, kTiles, warps_p, warps_q, 64, kMostStages, false, 1, 8 / (warps_p * warps_q), true};
      const Plan plan = MakePlan(shape, layout, tile);
      if (SplitBytes(plan) > device.shared_bytes_per_block) continue;
      const std::int32_t blocks_out = DivideUp(shape.k, kTiles * 8);
      if (static_cast<std::int64_t>(plan.tiles) * blocks_out < device.num_sms / 2) continue;
      const std::int32_t rounds = DivideUp(plan.tiles, std::max(1, device.num_sms / blocks_out));
      const double cost =
          static_cast<double>(rounds) * (plan.images * plan.halo_rows * plan.halo_columns + 3 * 128);
      offers.push_back({cost, tile});
    }
  }
}

// What a small block takes for its chunks, and its cluster for adding up, in microseconds on an H100; `load`
// is blocks a multiprocessor.
inline double CostOfSmall(const Plan& plan, const Tile& tile, double load) {
  constexpr double kChunk = 1.0, kMatrix = 0.01, kAddUp = 2.0;
  return plan.part_chunks * (kChunk + tile.tiles * kMatrix) * (0.7 + 0.4 * std::max(load, 0.75)) +
         (plan.parts > 1 ? kAddUp : 0);
}

// Where small blocks are too few for the multiprocessors: those, and clusters of them that share the input
// channels of a tile.
inline void ConsiderSmall(const Shape& shape, assay_layout layout, const assay_device_info& device, int tiles,
                          Offers& offers) {
  for (const int warps_q : {1, 2}) {
    for (int parts = 1; parts <= kMostParts; ++parts) {
      Tile tile{1, tiles, 4 / warps_q, warps_q, 64, 2, false, 2, 1, false, parts};
      const Plan two = MakePlan(shape, layout, tile);
      if (two.parts != parts) continue;
      const std::int64_t alone = static_cast<std::int64_t>(two.tiles) * DivideUp(shape.k, tiles * 8);
      const std::int64_t blocks = alone * parts;
      // Large clusters wait for room.
      if (alone > 2 * device.num_sms || blocks > (parts > 4 ? 1 : 4) * device.num_sms) continue;
      // More stages than two pay only while every block has a multiprocessor to itself.
      if (blocks <= device.num_sms) tile.stages = std::clamp(two.part_chunks, 2, 4);
      while (tile.stages > 2 &&
             2 * (SharedBytes(MakePlan(shape, layout, tile), 128) + 1024) > device.shared_bytes_per_block) {
        --tile.stages;
      }
      const Plan plan = MakePlan(shape, layout, tile);
      if (SharedBytes(plan, 128) > device.shared_bytes_per_block) continue;
      if (2 * (SharedBytes(plan, 128) + 1024) > device.shared_bytes_per_block) tile.blocks_per_sm = 1;
      const double cost = CostOfSmall(plan, tile, static_cast<double>(blocks) / device.num_sms);
      offers.push_back({cost, tile});
    }
  }
}

// The tiles that fit, the one that ought to be fastest first: small ones where there are any, then split
// ones, then the others, each class in the order of its cost, and of each the cheapest few.
template <class... Blocks>
std::vector<Tile> ListTiles(const Shape& shape, assay_layout layout, const assay_device_info& device,
                            bool warpgroups, BlockList<Blocks...>) {
  constexpr std::size_t kMostOfAClass = 16;
  Offers small, split, plain;
  const auto consider = [&](auto block) {
    using Candidate = decltype(block);
    if constexpr (Candidate::kSmall) {
      ConsiderSmall(shape, layout, device, Candidate::kTiles, small);
    } else if constexpr (Candidate::kSplit) {
      ConsiderSplit(shape, layout, device, split);
    } else {
      ConsiderBlock(shape, layout, device, Candidate::kRows, Candidate::kTiles, warpgroups, plain);
    }
  };
  (consider(Blocks{}), ...);
  std::vector<Tile> tiles;
  for (Offers* offers : {&small, &split, &plain}) {
    std::stable_sort(offers->begin(), offers->end(),
                     [](const Offer& a, const Offer& b) { return a.cost < b.cost; });
    for (std::size_t i = 0; i < std::min(offers->size(), kMostOfAClass); ++i)
      tiles.push_back((*offers)[i].tile);
  }
  return tiles;
}

}  // namespace assay::dsconv::mma
