// Which block of pixels and channels the `tf32` and `tf32x3` kernels take for a problem.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/dsconv/tf32/plan.h"

namespace assay::dsconv::tf32 {

struct Tile {
  int matrices;  // kMatrices of the kernel: 16 output channels each
  int images, warps_p, warps_q;
  int groups, stages;
  bool resident, direct;
  int blocks_per_sm;
};

inline std::int32_t DivideUp(std::int64_t a, std::int64_t b) {
  return static_cast<std::int32_t>((a + b - 1) / b);
}
inline std::int32_t RoundUp(std::int32_t a, std::int32_t to) { return DivideUp(a, to) * to; }

// Filters with a kernel of their own.
inline bool IsFixed(const Shape& shape) {
  const bool plain = shape.r == shape.s && shape.dilation_h == 1 && shape.dilation_w == 1 &&
                     shape.stride_h == shape.stride_w;
  return plain && ((shape.r == 3 && shape.stride_h <= 2) || (shape.r == 5 && shape.stride_h == 1));
}

// The input tile in NCHW: a plane a channel. Lanes of four channels and eight columns read at once; with
// planes 8 words apart, modulo 32, they find 32 banks (at stride 2, 16 words: two lanes a bank).
inline void PlanPlanes(const Shape& shape, Plan& plan) {
  const std::int32_t unit = plan.vectors ? 4 : 1, rows = plan.images * plan.halo_rows;
  if (plan.vectors) plan.skew = (4 - shape.pad_w % 4) % 4;
  plan.pitch = RoundUp(plan.skew + plan.halo_columns, unit);
  plan.plane = RoundUp(rows * plan.pitch, 32) + (shape.stride_w == 1 ? 8 : 16);
  plan.group_x_words = kGroup * plan.plane;
  plan.positions = rows * (plan.pitch / unit);
  plan.at_once = std::max(1, 32 * plan.warps / plan.positions);
  plan.by_positions = DivisorOf(plan.positions);
  plan.by_row = DivisorOf(plan.pitch / unit);
}

// In 64 bits, so that a filter or dilation that is too large is seen to be.
inline std::int64_t HaloWords(const Shape& shape, const Tile& tile) {
  const std::int64_t rows = (tile.warps_p * kRows - 1) * static_cast<std::int64_t>(shape.stride_h) +
                            (shape.r - 1) * static_cast<std::int64_t>(shape.dilation_h) + 1;
  const std::int64_t columns = (tile.warps_q * kColumns - 1) * static_cast<std::int64_t>(shape.stride_w) +
                               (shape.s - 1) * static_cast<std::int64_t>(shape.dilation_w) + 1;
  constexpr std::int64_t kTooMany = 1 << 20;
  return rows > kTooMany || columns > kTooMany ? kTooMany : std::min(kTooMany, tile.images * rows * columns);
}

// Blocks of pixels; may be more than an int32 holds.
inline std::int64_t CountTiles(const Shape& shape, const Tile& tile) {
  return static_cast<std::int64_t>(DivideUp(shape.n, tile.images)) * DivideUp(shape.p, tile.warps_p * kRows) *
         DivideUp(shape.q, tile.warps_q * kColumns);
}

inline Plan MakePlan(const Shape& shape, const Tile& tile, int parts) {
  Plan plan{};
  plan.images = tile.images, plan.warps_p = tile.warps_p, plan.warps_q = tile.warps_q;
  plan.warps = tile.images * tile.warps_p * tile.warps_q;
  plan.rows = tile.warps_p * kRows, plan.columns = tile.warps_q * kColumns;
  plan.tiles_p = DivideUp(shape.p, plan.rows), plan.tiles_q = DivideUp(shape.q, plan.columns);
  plan.tiles = static_cast<std::int32_t>(CountTiles(shape, tile));
  plan.channels_out = tile.matrices * 16;
  plan.groups = tile.groups, plan.all_groups = DivideUp(shape.c, kGroup);
  plan.chunks = DivideUp(plan.all_groups, tile.groups);
  plan.direct = tile.direct;
  plan.vectors = shape.channels_last ? shape.c % 4 == 0 : shape.w % 4 == 0;
  plan.store_vectors = shape.channels_last ? shape.k % 4 == 0 : shape.q % 2 == 0;
  if (!tile.direct) {
    plan.halo_rows = (plan.rows - 1) * shape.stride_h + (shape.r - 1) * shape.dilation_h + 1;
    plan.halo_columns = (plan.columns - 1) * shape.stride_w + (shape.s - 1) * shape.dilation_w + 1;
    plan.by_halo_rows = DivisorOf(plan.halo_rows);
    if (shape.channels_last) {
      plan.pitch = plan.halo_columns;
      plan.group_x_words = kGroup * plan.images * plan.halo_rows * plan.pitch;
      plan.positions = plan.group_x_words / (plan.vectors ? 4 : 1);
      plan.by_row = DivisorOf(plan.pitch);
    } else {
      PlanPlanes(shape, plan);
    }
  }
  plan.taps_padded = RoundUp(shape.r * shape.s, 4);
  plan.group_bytes = 4 * (DepthwiseWords(plan.taps_padded) + PointwiseWords(tile.matrices, parts));
  plan.x_bytes = 4 * plan.groups * plan.group_x_words;
  plan.weight_bytes = plan.groups * plan.group_bytes;
  plan.packed_bytes = HeadBytes(tile.matrices) + static_cast<std::int64_t>(plan.chunks) * plan.weight_bytes;
  plan.resident = tile.resident;
  plan.resident_bytes = tile.resident ? plan.packed_bytes - HeadBytes(tile.matrices) : 0;
  plan.stage_bytes = plan.x_bytes + (tile.resident ? 0 : plan.weight_bytes);
  plan.stages = tile.stages;
  return plan;
}

inline std::int64_t SharedBytes(const Plan& plan) {
  return HeadBytes(plan.channels_out / 16) + plan.resident_bytes +
         static_cast<std::int64_t>(plan.stages) * plan.stage_bytes;
}

// Multiprocessor cycles that a launch takes for each 16 input channels, about. 16 channels of a warp's pixels
// are 144 FFMA and half as many loads, and 8 products a matrix and part of 6.4 cycles each; an SM has four of
// the units that do it. An element of the input tile costs the memory 1.5 cycles for 16 channels, and a row
// of it as much as 8 more.
inline double CostOf(const Shape& shape, const Tile& tile, const Plan& plan, int parts, int sms) {
  const double products = parts == 1 ? 51 : 154;
  const double tile_cost = plan.warps / 4.0 * (270 + products * tile.matrices) +
                           1.5 * plan.images * plan.halo_rows * (plan.pitch + 8);
  const std::int64_t blocks = static_cast<std::int64_t>(plan.tiles) * DivideUp(shape.k, plan.channels_out);
  const int warps = plan.warps * tile.blocks_per_sm;
  return static_cast<double>(DivideUp(blocks, static_cast<std::int64_t>(sms) * tile.blocks_per_sm)) *
         tile.blocks_per_sm * tile_cost * (warps < 8 ? 1.3 : 1.0);
}

// How many groups are loaded at once, and how often.
struct Chunk {
  int groups, stages;
};

// Fills in what follows from the warps of a block; false where it does not fit.
inline bool Complete(const Shape& shape, const assay_device_info& device, int parts, Tile& tile) {
  constexpr std::int64_t kMostResident = 72 * 1024;
  if (HaloWords(shape, tile) * kGroup * 4 > device.shared_bytes_per_block ||
      CountTiles(shape, tile) > 0x7fffffff) {
    return false;
  }
  const std::int64_t room = device.shared_bytes_per_block + 1024;
  const int warps = tile.images * tile.warps_p * tile.warps_q;
  for (int blocks = WarpsPerSm(tile.matrices) / warps; blocks >= 1; --blocks) {
    tile.blocks_per_sm = blocks;
    // Fewer rounds are worth more than a third stage.
    for (const Chunk chunk : {Chunk{2, 2}, Chunk{1, 3}, Chunk{1, 2}}) {
      if (chunk.groups > 1 && shape.c <= kGroup) continue;
      tile.groups = chunk.groups, tile.stages = chunk.stages;
      tile.resident = true;
      tile.resident = MakePlan(shape, tile, parts).packed_bytes <= kMostResident;
      if ((SharedBytes(MakePlan(shape, tile, parts)) + 1024) * blocks <= room) return true;
    }
  }
  return false;
}

// The arrangements that fit, the cheapest first, and at most a few dozen of them; `parts` are those of an
// operand (product.h).
inline std::vector<Tile> ListTiles(const Shape& shape, const assay_device_info& device, int parts) {
  constexpr std::size_t kMost = 24;
  std::vector<std::pair<double, Tile>> offers;
  for (const int matrices : {8, 4, 2}) {
    for (const int warps : {4, 8}) {
      for (int warps_p = 1; warps_p <= warps; warps_p *= 2) {
        for (int warps_q = 1; warps_p * warps_q <= warps; warps_q *= 2) {
          Tile tile{matrices, warps / (warps_p * warps_q), warps_p, warps_q, 1, 3, false, false, 1};
          if (!Complete(shape, device, parts, tile) || shape.k > 65535 * 16 * matrices) continue;
          offers.emplace_back(
              CostOf(shape, tile, MakePlan(shape, tile, parts), parts, std::max(1, device.num_sms)), tile);
        }
      }
    }
  }
  std::stable_sort(offers.begin(), offers.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Tile> tiles;
  for (std::size_t i = 0; i < std::min(offers.size(), kMost); ++i) tiles.push_back(offers[i].second);
  const int matrices = shape.k > 64 ? 8 : (shape.k > 32 ? 4 : 2);
  if (tiles.empty()) tiles.push_back({matrices, 1, 4, 2, 1, 2, false, true, 1});
  return tiles;
}

inline Tile ChooseTile(const Shape& shape, const assay_device_info& device, int parts) {
  return ListTiles(shape, device, parts).front();
}

}  // namespace assay::dsconv::tf32
