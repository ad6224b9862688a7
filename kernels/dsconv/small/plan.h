// What a block of `hopper_small` works on, and how that lies in shared memory and in the workspace.
#pragma once

#include <cstdint>

#include "kernels/dsconv/shape.h"

namespace assay::dsconv::small {

// A slice is what a warp takes of the input channels at once: four units of eight channels.
inline constexpr std::int32_t kSlice = 32, kUnits = kSlice / 8;

// A matrix is a warp's 16 output pixels of one product: 8 strips of two pixels, one below the other.
inline constexpr std::int32_t kStrips = 8;

// What is compiled, and what is free at run time.
struct Tile {
  int matrices;       // a warp's
  int tiles;          // of 8 output channels, a block's
  int warps_m;        // side by side along the pixels
  int warps_c;        // that share the slices of the input channels
  int rows, columns;  // of output pixels, a block's; rows are even
  int stages;         // slices of a warp in shared memory at a time
};

// Filters with a kernel of their own, for activations that are clamps; kAny takes the rest.
enum class Filter : int { kAny, k3x3, k3x3Stride2 };

// The kernel's parameters. Constants come in lines of 64 bytes, each of which takes some 130 cycles in every
// launch, so those that are needed first stand together, and there are few. Offsets of tensors are in
// elements, all others in bytes.
struct Plan {
  // Where the copies come from (the first line begins 48 bytes before its end).
  const void* x;
  const char* packed;
  std::int32_t h, w, c, x_row;
  std::int32_t tile_h, tile_w, pad_h, pad_w;  // of the input, between blocks

  // Where they go, and how many.
  std::int32_t halo_pixels, halo_columns;  // of a block's input tile
  std::uint32_t halo_magic;                // i / halo_columns = i * halo_magic >> 32
  std::int32_t odd;                        // stride 2: where a row's odd columns begin, in pixels; else 0
  std::int32_t slices, slice_bytes;        // of weights in the workspace
  std::int32_t steps, stages;              // slices of a warp; of them in shared memory at a time
  std::int32_t x_bytes, stage_bytes;       // in shared memory: an input tile; and its weights
  std::int32_t group_bytes;                // the stages of a group of warps, or its sums
  std::int32_t depthwise_bytes;            // of slice_bytes
  std::int32_t n;
  std::int32_t columns, columns_magic;  // output pixels; i / columns = i * columns_magic >> 16
  std::int32_t strips;                  // of a block's output pixels

  // The way out.
  void* y;
  std::int32_t p, q, k, y_row;
  std::int32_t rows;
  std::int32_t biases_at;  // in the workspace
  device::Activation act_mid, act_out;
  bool direct;  // a warp has all input channels, and k is a multiple of 8

  // For several images, and for any filter.
  std::int32_t blocks_k, x_image, y_image;
  std::int32_t taps_h, taps_w, dilation_h, dilation_w, stride_h, stride_w;
};

__host__ __device__ constexpr std::int32_t DivideUp(std::int32_t a, std::int32_t b) {
  return (a + b - 1) / b;
}

// Floats between the sums of one pixel and the next: 16 bytes more than a multiple of 128 keep a quarter of
// a warp's 16-byte accesses, of two pixels and four groups of channels, in different banks.
__host__ __device__ constexpr std::int32_t SumPitch(std::int32_t tiles) { return tiles * 8 + 4; }

inline bool IsClamp(device::Activation activation) {
  return activation == device::Activation::kNone || activation == device::Activation::kRelu ||
         activation == device::Activation::kRelu6;
}

inline Filter FilterOf(const Shape& shape) {
  const bool plain = shape.r == 3 && shape.s == 3 && shape.dilation_h == 1 && shape.dilation_w == 1 &&
                     IsClamp(shape.act_mid) && IsClamp(shape.act_out);
  if (plain && shape.stride_h == 1 && shape.stride_w == 1) return Filter::k3x3;
  if (plain && shape.stride_h == 2 && shape.stride_w == 2) return Filter::k3x3Stride2;
  return Filter::kAny;
}

// Words of two taps a channel; of 3 x 3 filters the last half is the bias, a tap of an input that is one.
// Those of other filters have biases behind their words.
inline std::int32_t DepthwiseBytes(const Shape& shape) {
  const std::int32_t words = DivideUp(shape.r * shape.s, 2);
  return words * kSlice * 4 + (FilterOf(shape) == Filter::kAny ? kSlice * 2 : 0);
}

// All but the pointers.
inline Plan MakePlan(const Shape& shape, const Tile& tile) {
  Plan plan{};
  plan.h = shape.h, plan.w = shape.w, plan.c = shape.c, plan.x_row = shape.x.h;
  plan.tile_h = tile.rows * shape.stride_h, plan.tile_w = tile.columns * shape.stride_w;
  plan.pad_h = shape.pad_h, plan.pad_w = shape.pad_w;
  const std::int32_t halo_rows = (tile.rows - 1) * shape.stride_h + (shape.r - 1) * shape.dilation_h + 1;
  plan.halo_columns = (tile.columns - 1) * shape.stride_w + (shape.s - 1) * shape.dilation_w + 1;
  if (plan.halo_columns == 1) plan.halo_columns = 2;  // halo_magic knows no division by one
  plan.halo_pixels = halo_rows * plan.halo_columns;
  plan.halo_magic =
      static_cast<std::uint32_t>((1ull << 32) / static_cast<std::uint32_t>(plan.halo_columns)) + 1;
  if (shape.stride_w == 2) plan.odd = DivideUp(plan.halo_columns, 2);
  plan.depthwise_bytes = DepthwiseBytes(shape);
  plan.slices = DivideUp(shape.c, kSlice), plan.slice_bytes = plan.depthwise_bytes + tile.tiles * 512;
  plan.x_bytes = plan.halo_pixels * kSlice * 2;
  plan.stage_bytes = DivideUp(plan.x_bytes + plan.slice_bytes, 128) * 128;
  plan.steps = DivideUp(plan.slices, tile.warps_c), plan.stages = tile.stages;
  plan.direct = tile.warps_c == 1 && shape.k % 8 == 0;
  const std::int32_t sums = tile.warps_m * tile.matrices * 2 * kStrips * SumPitch(tile.tiles) * 4;
  plan.group_bytes = plan.stages * plan.stage_bytes;
  if (!plan.direct && plan.group_bytes < sums) plan.group_bytes = DivideUp(sums, 128) * 128;
  plan.rows = tile.rows, plan.columns = tile.columns, plan.strips = tile.rows / 2 * tile.columns;
  plan.columns_magic = DivideUp(1 << 16, tile.columns);
  plan.p = shape.p, plan.q = shape.q, plan.k = shape.k, plan.y_row = shape.y.h;
  plan.n = shape.n, plan.blocks_k = DivideUp(shape.k, tile.tiles * 8);
  plan.biases_at = plan.blocks_k * plan.slices * plan.slice_bytes;
  plan.x_image = static_cast<std::int32_t>(shape.x.n), plan.y_image = static_cast<std::int32_t>(shape.y.n);
  plan.taps_h = shape.r, plan.taps_w = shape.s;
  plan.dilation_h = shape.dilation_h, plan.dilation_w = shape.dilation_w;
  plan.stride_h = shape.stride_h, plan.stride_w = shape.stride_w;
  plan.act_mid = shape.act_mid, plan.act_out = shape.act_out;
  return plan;
}

inline constexpr std::int32_t kAlignment = 128;  // of stages, so that swizzling may work on addresses

inline std::int64_t SharedBytes(const Plan& plan, const Tile& tile) {
  return kAlignment + static_cast<std::int64_t>(tile.warps_c) * plan.group_bytes;
}

inline std::int64_t PackedBytes(const Plan& plan, const Tile& tile) {
  return plan.biases_at + static_cast<std::int64_t>(plan.blocks_k) * tile.tiles * 32;
}

// Where the pixel at `row` and `column` of an input tile stands among all of its pixels. At stride 2 a row's
// even columns stand before its odd ones, so that what a tap needs for neighbouring outputs are neighbours.
template <Filter kFilter>
__device__ __forceinline__ std::int32_t PlaceOf(const Plan& plan, std::int32_t row, std::int32_t column) {
  const std::int32_t first = row * plan.halo_columns;
  if (kFilter == Filter::k3x3 || (kFilter == Filter::kAny && plan.odd == 0)) return first + column;
  return first + (column & 1) * plan.odd + (column >> 1);
}

// Byte offset of the first unit of the pixel at `place`; unit u is at UnitOffset ^ (u << 4). Eight
// neighbouring pixels then put a unit into eight different groups of banks.
__device__ __forceinline__ std::int32_t UnitOffset(std::int32_t place) {
  return place * kSlice * 2 + ((place >> 1 & 3) << 4);
}

// The output channel, within a block's, of column `n` of matrix `tile`. A lane holds columns 2t and 2t + 1 of
// every matrix; in this order those of four matrices are 8 channels in a row, those of two are 4.
template <int kTiles>
__host__ __device__ __forceinline__ constexpr std::int32_t ChannelOf(std::int32_t tile, std::int32_t n) {
  constexpr std::int32_t kGroup = kTiles < 4 ? kTiles : 4;
  return tile / kGroup * kGroup * 8 + n / 2 * 2 * kGroup + tile % kGroup * 2 + n % 2;
}

// Which tap is the lower (`upper` is 0) or upper half of word `word` of a channel's depthwise weights. 3 x 3:
// two rows of each column, then what is left of the third row and the bias, as tap 9; see Window.
template <Filter kFilter>
__host__ __device__ __forceinline__ constexpr std::int32_t TapOf(std::int32_t word, std::int32_t upper) {
  if (kFilter == Filter::kAny) return 2 * word + upper;
  constexpr std::int32_t kSecond = kFilter == Filter::k3x3 ? 2 : 1, kLast = 3 - kSecond;
  if (word < 3) return (upper == 0 ? 0 : kSecond) * 3 + word;
  return word == 4 && upper == 1 ? 9 : kLast * 3 + 2 * (word - 3) + upper;
}

}  // namespace assay::dsconv::small
