// How `hopper_group` cuts a problem, and how that lies in shared memory and in the workspace.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/device/divide.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::group {

// Input channels of a stage, bytes of a pixel's or an output channel's row of them, and pixels of a product.
inline constexpr std::int32_t kChunk = 64, kRowBytes = 128, kPixels = 64;

// All warps make the depthwise half; then the first of them multiply, four for each 64 pixels, and the next
// one copies what they multiply.
inline constexpr std::int32_t kWarps = 12, kThreads = 32 * kWarps;

// What may be chosen.
struct Tile {
  std::int32_t pixels;   // of a block, at most: 64, 128 or 192
  std::int32_t columns;  // output channels of a block
  std::int32_t span;     // outputs of a row that a thread makes at once: 1, 2 or 4
};

template <class Number>
constexpr Number DivideUp(Number a, Number b) {
  return (a + b - 1) / b;
}

// One launch. Output pixels are numbered as they lie in y, and pixels of x as if each image had rows of
// `virtual_w`, `virtual_h` of them, padding and all: so what a run of outputs needs is, nearly, a run of
// these.
//  A group of blocks has `block_pixels` of them, and
// each block of it some output channels. The depthwise half of a group's pixels is made by its blocks, each
// with block_units() units of eight channels, in strips of `span` outputs of a row; a group of one block
// keeps it in shared memory. Constants come in lines of 64 bytes, each of which takes time in every launch,
// so those that are needed first stand together.
struct Plan {
  // What is copied of the input, and where it lies in shared memory, filters behind it.
  const void* x;
  char* workspace;
  std::int32_t h, w, c, units;
  std::int32_t pad_h, pad_w;
  device::Divisor by_group, by_units;  // blocks of a group; units of a block
  device::Divisor by_q, by_p, by_virtual_w, by_virtual_h;
  std::int32_t pixels, block_pixels;       // of all images; of a group
  std::int32_t stride_h, stride_w, reach;  // reach: from an output's first tap to its last, in pixels of x
  std::int32_t x_at, filters_at;
  std::int32_t filter_bytes;  // of a unit: taps and a bias
  std::int64_t filters_from;
  // The depthwise half.
  std::int32_t chunks, group;
  std::int32_t span, tasks;              // outputs of a strip; strips of a block times units, at most
  device::Divisor by_strips;             // strips of a row
  std::int32_t row_bytes, column_bytes;  // from a tap to the next one of its column, of its row
  device::Activation act_mid, act_out;
  bool alone;                  // groups are of one block
  std::int32_t operand_bytes;  // of a chunk of a group's pixels
  std::int64_t operands_from;
  // What follows.
  std::int32_t multiply_warps;
  std::int32_t weight_bytes;  // of a chunk of a block's output channels
  // Chunks of a copy of weights; how many such copies there are, and how many are begun at once.
  std::int32_t weight_batch, weight_copies, early_copies;
  std::int32_t batch, stages;                               // chunks of a copy and stage of operands; stages
  std::int64_t weights_from, counters_from, launches_from;  // of each group; of each block
  void* y;
  std::int32_t k;
  std::int32_t taps_h, taps_w;

  // Of eight channels, that a block makes.
  __host__ __device__ std::int32_t block_units() const { return by_units.divisor; }
};

// Words from a group's counter to the next one's: a sector each.
inline constexpr std::int32_t kCounterStep = 8;

struct Layout {
  Tile tile;
  std::int32_t groups, shared_bytes;
  bool fits;
  std::int64_t operands_bytes, counters, workspace_bytes;
};

inline constexpr std::int32_t kAlignment = 1024;

// Barriers take a hundred cycles each to begin, so there are few. Copies of weights, stages of operands.
inline constexpr std::int32_t kMostWeightCopies = 4;
inline constexpr std::int32_t kMostStages = 6;

// The least shared memory of a launch: a cooperative one with less takes longer.
inline constexpr std::int32_t kLeastSharedBytes = 200 * 1024;

// Where the window of an output pixel begins, among pixels of x.
__host__ __device__ inline std::int32_t WindowOf(const Plan& plan, std::int32_t row, std::int32_t q) {
  const std::int32_t image = plan.by_p.Quotient(row), p = row - image * plan.by_p.divisor;
  return (image * plan.by_virtual_h.divisor + p * plan.stride_h) * plan.by_virtual_w.divisor +
         q * plan.stride_w;
}

// Pixels of x that a group needs, at most.
inline std::int32_t MostInput(const Plan& plan, std::int32_t groups) {
  std::int32_t most = 0;
  for (std::int32_t i = 0; i < groups; ++i) {
    const std::int32_t first = i * plan.block_pixels,
                       last = std::min(first + plan.block_pixels, plan.pixels) - 1;
    const auto window = [&](std::int32_t pixel) {
      return WindowOf(plan, plan.by_q.Quotient(pixel), plan.by_q.Remainder(pixel));
    };
    most = std::max(most, window(last) + plan.reach + 1 - window(first));
  }
  return most;
}

// Threads' tasks of a block, at most: strips times units.
inline std::int32_t MostTasks(const Plan& plan) {
  std::int32_t strips = plan.block_pixels;
  // Two rows of outputs may be in part of the group.
  if (plan.span > 1)
    strips = DivideUp(plan.block_pixels, plan.span) + plan.block_pixels / plan.by_q.divisor + 2;
  return strips * plan.block_units();
}

// Input and filters of a block; a strip's last outputs may not exist, and reads behind the end then.
inline std::int64_t InputBytes(const Plan& plan, std::int32_t groups) {
  return (static_cast<std::int64_t>(MostInput(plan, groups)) + plan.span) * plan.block_units() * 16 +
         static_cast<std::int64_t>(plan.block_units()) * plan.filter_bytes;
}

// Places what shared memory holds. The input goes behind the operands, and where there is no room for that
// before them, into what is copied when it has been read.
inline void PlaceShared(Plan& plan, Layout& layout, std::int64_t limit) {
  plan.weight_batch = DivideUp(plan.chunks, kMostWeightCopies);
  plan.weight_copies = DivideUp(plan.chunks, plan.weight_batch);
  const std::int64_t weights = static_cast<std::int64_t>(plan.chunks) * plan.weight_bytes;
  // A product reads 64 pixels, whatever the block has.
  const std::int64_t over = plan.multiply_warps / 4 * (kPixels * kRowBytes) - plan.operand_bytes;
  const std::int64_t input = DivideUp<std::int64_t>(InputBytes(plan, layout.groups), 128) * 128;
  const std::int64_t besides = 2 * kAlignment + weights + over + (plan.alone ? input : 0);
  const auto room = static_cast<std::int32_t>(
      std::clamp<std::int64_t>((limit - besides) / plan.operand_bytes, 0, plan.chunks));  // chunks
  plan.batch =
      room == plan.chunks ? DivideUp(plan.chunks, kMostStages) : std::max(1, DivideUp(room, kMostStages));
  plan.stages =
      room == plan.chunks ? DivideUp(plan.chunks, plan.batch) : std::min(kMostStages, room / plan.batch);
  const std::int64_t operands =
      static_cast<std::int64_t>(std::min(plan.stages * plan.batch, plan.chunks)) * plan.operand_bytes;
  const std::int64_t ends = 2 * kAlignment + weights + over + operands;
  const std::int64_t shared =
      std::clamp<std::int64_t>(ends + input, std::min<std::int64_t>(kLeastSharedBytes, limit), limit);
  layout.shared_bytes = static_cast<std::int32_t>(shared);
  // Counted from where the alignment begins.
  plan.x_at = static_cast<std::int32_t>(std::min(ends, shared - input) - kAlignment) / 128 * 128;
  plan.filters_at = plan.x_at + static_cast<std::int32_t>(input) - plan.block_units() * plan.filter_bytes;
  const std::int32_t copy_bytes = plan.weight_batch * plan.weight_bytes;
  plan.early_copies = plan.weight_copies;
  if (plan.x_at < kAlignment + weights) plan.early_copies = (plan.x_at - kAlignment) / copy_bytes;
  layout.fits = plan.x_at >= kAlignment && (!plan.alone || plan.x_at >= ends - kAlignment);
}

// All but the pointers.
inline Plan MakePlan(const Shape& shape, const Tile& tile, std::int64_t shared_limit, Layout& layout) {
  Plan plan{};
  plan.h = shape.h, plan.w = shape.w, plan.c = shape.c, plan.units = shape.c / 8;
  plan.k = shape.k;
  plan.pixels = shape.n * shape.p * shape.q;
  layout.tile = tile;
  // Whole units of the swizzle, so that copies hold no rows that nobody wrote, but for the last group's.
  plan.block_pixels = DivideUp(DivideUp(plan.pixels, DivideUp(plan.pixels, tile.pixels)), 8) * 8;
  layout.groups = DivideUp(plan.pixels, plan.block_pixels);
  plan.group = DivideUp(shape.k, tile.columns);
  plan.by_group = device::Divisor(plan.group);
  plan.chunks = DivideUp(shape.c, kChunk);
  plan.alone = plan.group == 1;
  plan.multiply_warps = DivideUp(plan.block_pixels, kPixels) * 4;
  plan.by_units = device::Divisor(plan.alone ? plan.chunks * 8 : DivideUp(plan.units, plan.group));
  plan.span = tile.span;
  plan.by_q = device::Divisor(shape.q), plan.by_p = device::Divisor(shape.p);
  plan.by_strips = device::Divisor(DivideUp(shape.q, tile.span));
  plan.tasks = MostTasks(plan);
  plan.stride_h = shape.stride_h, plan.stride_w = shape.stride_w;
  plan.pad_h = shape.pad_h, plan.pad_w = shape.pad_w;
  plan.taps_h = shape.r, plan.taps_w = shape.s;
  const std::int32_t virtual_w = (shape.q - 1) * shape.stride_w + (shape.s - 1) * shape.dilation_w + 1;
  plan.by_virtual_w = device::Divisor(virtual_w);
  plan.by_virtual_h = device::Divisor((shape.p - 1) * shape.stride_h + (shape.r - 1) * shape.dilation_h + 1);
  plan.reach = (shape.r - 1) * shape.dilation_h * virtual_w + (shape.s - 1) * shape.dilation_w;
  plan.column_bytes = shape.dilation_w * plan.block_units() * 16;
  plan.row_bytes = shape.dilation_h * virtual_w * plan.block_units() * 16;
  plan.filter_bytes = (shape.r * shape.s + 1) * 16;
  plan.act_mid = shape.act_mid, plan.act_out = shape.act_out;
  plan.operand_bytes = plan.block_pixels * kRowBytes;
  plan.weight_bytes = tile.columns * kRowBytes;
  PlaceShared(plan, layout, shared_limit);

  const auto up = [](std::int64_t bytes) { return DivideUp<std::int64_t>(bytes, 1024) * 1024; };
  const std::int64_t columns = static_cast<std::int64_t>(plan.group) * tile.columns;
  plan.filters_from = up(columns * 4);
  plan.weights_from = plan.filters_from + up(static_cast<std::int64_t>(plan.units) * plan.filter_bytes);
  plan.operands_from =
      plan.weights_from + static_cast<std::int64_t>(plan.group) * plan.chunks * plan.weight_bytes;
  layout.operands_bytes =
      plan.alone ? 0 : static_cast<std::int64_t>(layout.groups) * plan.chunks * plan.operand_bytes;
  plan.counters_from = plan.operands_from + layout.operands_bytes;
  plan.launches_from = plan.counters_from + layout.groups * kCounterStep * 4;
  layout.counters = layout.groups * (kCounterStep + static_cast<std::int64_t>(plan.group));
  layout.workspace_bytes = plan.counters_from + up(layout.counters * 4);
  return plan;
}

}  // namespace assay::dsconv::group
