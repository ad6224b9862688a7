// The depthwise half in fp32, by warps that take the items of all units in turn (place.h), 64 channels at a
// time: a lane has two neighbouring channels. It walks along a row of outputs, or along two at once; with 3x3
// filters whose columns are neighbours the pixels of three columns stay in registers, so that each is read
// once for the item.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include <type_traits>

#include "kernels/device/element.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/ptx/shared_word.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/dsconv/wide/block.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/two_channels.h"

namespace assay::dsconv::wide {

// Where a lane's results go: to rows of operands, 16 bytes at a time where the swizzle puts them (unit u of
// row r at u ^ r % 8), for one row of outputs or for two.
template <class T, int kRows>
struct OperandRows {
  const Plan& plan;
  std::uint32_t base, channels;  // of the operands; the lane's bytes of a row
  std::uint32_t row;             // 16 times its number

  __device__ __forceinline__ OperandRows(const Plan& of_plan, std::uint32_t operands,
                                         std::uint32_t lane_bytes, std::int32_t first)
      : plan(of_plan), base(operands), channels(lane_bytes), row(static_cast<std::uint32_t>(first) * 16) {}
  __device__ __forceinline__ void Put(int output, const float2 (&sums)[kRows]) const {
#pragma unroll
    for (int p = 0; p < kRows; ++p) {
      const std::uint32_t at =
          row + static_cast<std::uint32_t>(output * 16 + (p == 0 ? 0 : plan.tile.width * 16));
      device::StoreSharedWord(base + at * 8 + ((at & 0x70u) ^ channels),
                              PackClamped<T>(plan.middle, sums[p].x, sums[p].y));
    }
  }
  __device__ __forceinline__ void Advance(int outputs) { row += static_cast<std::uint32_t>(outputs) * 16; }
};

// A 3x3 filter: weights[3 r + s].
struct Filter3 {
  float2 weights[9], bias;

  __device__ __forceinline__ void Load(std::uint32_t from) {
#pragma unroll
    for (int i = 0; i < 9; ++i) weights[i] = device::LoadSharedFloat2(from + i * (kChunk * 4));
    bias = device::LoadSharedFloat2(from + 9 * (kChunk * 4));
  }
};

// The pixels of a column that kRows outputs need, one below the other.
template <int kRows>
struct Column {
  static constexpr int kPixelRows = kRows + 2;
  std::uint32_t pixels[kPixelRows];

  __device__ __forceinline__ void Load(const std::uint32_t (&rows)[kPixelRows], std::uint32_t at) {
#pragma unroll
    for (int r = 0; r < kPixelRows; ++r) pixels[r] = device::LoadSharedWord(rows[r] + at);
  }
};
template <int kRows>
using Floats = float2[kRows + 2];

template <class T, int kRows>
__device__ __forceinline__ void Convert(const Column<kRows>& from, Floats<kRows>& to) {
#pragma unroll
  for (int r = 0; r < kRows + 2; ++r) to[r] = ToFloats<T>(from.pixels[r]);
}

// An output of each row, from the three columns of their windows.
template <class T, int kRows>
__device__ __forceinline__ void PutColumn(const Filter3& filter, const Floats<kRows>& left,
                                          const Floats<kRows>& middle, const Floats<kRows>& right,
                                          const OperandRows<T, kRows>& out, int output) {
  float2 sums[kRows];
#pragma unroll
  for (int p = 0; p < kRows; ++p) sums[p] = filter.bias;
#pragma unroll
  for (int r = 0; r < 3; ++r) {
#pragma unroll
    for (int p = 0; p < kRows; ++p) AddProduct(sums[p], left[p + r], filter.weights[3 * r]);
#pragma unroll
    for (int p = 0; p < kRows; ++p) AddProduct(sums[p], middle[p + r], filter.weights[3 * r + 1]);
#pragma unroll
    for (int p = 0; p < kRows; ++p) AddProduct(sums[p], right[p + r], filter.weights[3 * r + 2]);
  }
  out.Put(output, sums);
}

// `length` outputs of each row; `rows` are those of the windows, at the first one's left tap. A column is
// read while the one before is worked on; what is read behind the last one is not used.
template <class T, int kRows>
__device__ __forceinline__ void WalkStride1(const Filter3& filter, std::uint32_t (&rows)[kRows + 2],
                                            std::int32_t length, OperandRows<T, kRows>& out) {
  Floats<kRows> a, b, c;
  Column<kRows> first, next;
  first.Load(rows, 0);
  next.Load(rows, kPixelBytes);
  Convert<T, kRows>(first, a);
  Convert<T, kRows>(next, b);
  next.Load(rows, 2 * kPixelBytes);
  for (; length >= 3; length -= 3) {
    Convert<T, kRows>(next, c);
    next.Load(rows, 3 * kPixelBytes);
    PutColumn<T, kRows>(filter, a, b, c, out, 0);
    Convert<T, kRows>(next, a);
    next.Load(rows, 4 * kPixelBytes);
    PutColumn<T, kRows>(filter, b, c, a, out, 1);
    Convert<T, kRows>(next, b);
    next.Load(rows, 5 * kPixelBytes);
    PutColumn<T, kRows>(filter, c, a, b, out, 2);
    out.Advance(3);
#pragma unroll
    for (int r = 0; r < kRows + 2; ++r) rows[r] += 3 * kPixelBytes;
  }
  if (length > 0) {
    Convert<T, kRows>(next, c);
    next.Load(rows, 3 * kPixelBytes);
    PutColumn<T, kRows>(filter, a, b, c, out, 0);
  }
  if (length > 1) {
    Convert<T, kRows>(next, a);
    PutColumn<T, kRows>(filter, b, c, a, out, 1);
  }
}

template <class T>
__device__ __forceinline__ void WalkStride2(const Filter3& filter, std::uint32_t (&rows)[3],
                                            std::int32_t length, OperandRows<T, 1>& out) {
  Floats<1> a, b, c;
  Column<1> next[2];
  next[0].Load(rows, 0);
  Convert<T, 1>(next[0], a);
  next[0].Load(rows, kPixelBytes);
  next[1].Load(rows, 2 * kPixelBytes);
  for (; length > 0; length -= 2) {
    Convert<T, 1>(next[0], b);
    Convert<T, 1>(next[1], c);
    next[0].Load(rows, 3 * kPixelBytes);
    next[1].Load(rows, 4 * kPixelBytes);
    PutColumn<T, 1>(filter, a, b, c, out, 0);
    if (length == 1) break;
    Convert<T, 1>(next[0], b);
    Convert<T, 1>(next[1], a);
#pragma unroll
    for (int r = 0; r < 3; ++r) rows[r] += 4 * kPixelBytes;
    next[0].Load(rows, kPixelBytes);
    next[1].Load(rows, 2 * kPixelBytes);
    PutColumn<T, 1>(filter, c, b, a, out, 1);
    out.Advance(2);
  }
}

// 3x3 filters whose columns lie apart: `column` is that of the first window's left tap among the `columns`
// loaded, and may lie outside, where x counts as zero. `rows` begin at column 0.
template <class T, int kRows>
__device__ __forceinline__ void WalkSpread(const Filter3& filter, const std::uint32_t (&rows)[kRows + 2],
                                           std::int32_t column, std::int32_t columns, std::int32_t dilation,
                                           std::int32_t stride, std::int32_t length,
                                           OperandRows<T, kRows>& out) {
  const auto is_in = [&](std::int32_t at, int tap) {
    return static_cast<std::uint32_t>(at + tap * dilation) < static_cast<std::uint32_t>(columns);
  };
  Column<kRows> taps[3];
  const auto load = [&](std::int32_t at, int tap) {
    if (is_in(at, tap)) taps[tap].Load(rows, static_cast<std::uint32_t>(at + tap * dilation) * kPixelBytes);
  };
#pragma unroll
  for (int s = 0; s < 3; ++s) load(column, s);
  for (; length > 0; --length, column += stride) {
    float2 sums[kRows];
#pragma unroll
    for (int p = 0; p < kRows; ++p) sums[p] = filter.bias;
#pragma unroll
    for (int s = 0; s < 3; ++s) {
      Floats<kRows> x;
      Convert<T, kRows>(taps[s], x);
      load(column + stride, s);
      if (!is_in(column, s)) continue;
#pragma unroll
      for (int r = 0; r < 3; ++r) {
#pragma unroll
        for (int p = 0; p < kRows; ++p) AddProduct(sums[p], x[p + r], filter.weights[3 * r + s]);
      }
    }
    out.Put(0, sums);
    out.Advance(1);
  }
}

// Any filter: four outputs at a time share the weights that are read for each tap.
template <class T>
__device__ __forceinline__ void WalkAny(const Shape& shape, std::uint32_t filter, std::uint32_t row,
                                        std::uint32_t next_row, std::int32_t column, std::int32_t columns,
                                        std::int32_t length, OperandRows<T, 1>& out) {
  const float2 bias =
      device::LoadSharedFloat2(filter + static_cast<std::uint32_t>(shape.r * shape.s) * (kChunk * 4));
  for (; length > 0; length -= 4, column += 4 * shape.stride_w) {
    float2 sums[4] = {bias, bias, bias, bias};
    std::uint32_t weights = filter, tap_row = row;
    for (std::int32_t r = 0; r < shape.r; ++r, tap_row += next_row) {
      std::int32_t at = column;
      for (std::int32_t s = 0; s < shape.s; ++s, at += shape.dilation_w, weights += kChunk * 4) {
        const float2 w = device::LoadSharedFloat2(weights);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const std::int32_t of_output = at + i * shape.stride_w;
          if (i >= length || static_cast<std::uint32_t>(of_output) >= static_cast<std::uint32_t>(columns))
            continue;
          AddProduct(sums[i],
                     ToFloats<T>(device::LoadSharedWord(tap_row +
                                                        static_cast<std::uint32_t>(of_output) * kPixelBytes)),
                     w);
        }
      }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i < length) out.Put(i, {sums[i]});
    }
    out.Advance(4);
  }
}

// `channels` are the lane's bytes of a pixel.
template <class T, Walk kWalk, int kRows>
__device__ __forceinline__ void MakeItem(const Block& block, std::uint32_t stage, std::uint32_t operands,
                                         std::uint32_t channels, const int4& item) {
  const Shape& shape = block.shape;
  const Plan& plan = block.plan;
  const std::int32_t length = item.w & 0xffff;
  OperandRows<T, kRows> out(plan, operands, channels, item.z);
  const std::uint32_t next_row = static_cast<std::uint32_t>(plan.slot_tap * plan.row_bytes);
  const std::uint32_t row = stage + channels + static_cast<std::uint32_t>(item.x);
  const std::uint32_t filter_at = stage + static_cast<std::uint32_t>(plan.filter_at) + 2 * channels;
  if constexpr (kWalk == Walk::kAny) {
    WalkAny<T>(shape, filter_at, row, next_row, item.y, plan.box_columns, length, out);
  } else {
    Filter3 filter;
    filter.Load(filter_at);
    std::uint32_t rows[kRows + 2];
#pragma unroll
    for (int r = 0; r < kRows + 2; ++r) rows[r] = row + r * next_row;
    if constexpr (kWalk == Walk::kSpread) {
      WalkSpread<T, kRows>(filter, rows, item.y, plan.box_columns, shape.dilation_w, shape.stride_w, length,
                           out);
    } else {
#pragma unroll
      for (int r = 0; r < kRows + 2; ++r) rows[r] += static_cast<std::uint32_t>(item.y) * kPixelBytes;
      if constexpr (kWalk == Walk::kStride1) WalkStride1<T, kRows>(filter, rows, length, out);
      if constexpr (kWalk == Walk::kStride2) WalkStride2<T>(filter, rows, length, out);
    }
  }
}

template <class T, Walk kWalk>
__device__ __forceinline__ void MakeRows(const Block& block, std::uint32_t stage, std::uint32_t operands,
                                         std::uint32_t channels, const int4& item) {
  if constexpr (kWalk == Walk::kStride1 || kWalk == Walk::kSpread) {
    if (item.w >> 16 == 2) return MakeItem<T, kWalk, 2>(block, stage, operands, channels, item);
  }
  MakeItem<T, kWalk, 1>(block, stage, operands, channels, item);
}

// An item's operands, to the blocks that share them: a copy a lane, of a row of outputs to a block. All of
// them together fill the slot there, whose barrier this block has told so.
__device__ __forceinline__ void ShareItem(const Block& block, std::uint32_t operands, std::int32_t slot,
                                          const int4& item, int lane) {
  const Plan& plan = block.plan;
  const std::int32_t sharing = plan.tile.column_blocks;
  device::FenceAsyncProxy();
  __syncwarp();
  const std::int32_t row = lane < sharing ? 0 : 1, column = lane - row * sharing;
  if (lane < sharing * (item.w >> 16) && column != block.column) {
    const std::uint32_t rank = block.RankOf(block.row, column);
    const std::uint32_t from =
        operands + static_cast<std::uint32_t>(item.z + row * plan.tile.width) * kPixelBytes;
    device::CopyBulkIn(device::AddressIn(from, rank), from,
                       static_cast<std::uint32_t>(item.w & 0xffff) * kPixelBytes,
                       device::SharedAddressIn(block.a_filled + slot, rank));
  }
  __syncwarp();
}

// Lets the barriers of those blocks wait for all of a slot.
__device__ __forceinline__ void AnnounceOperands(const Block& block, std::int32_t slot, int lane) {
  if (lane < block.plan.tile.column_blocks && lane != block.column) {
    device::ArriveAndExpectIn(device::SharedAddressIn(block.a_filled + slot, block.RankOf(block.row, lane)),
                              kOperandBytes);
  }
  __syncwarp();
}

template <class T, Walk kWalk, int kWarps>
__device__ __forceinline__ void MakeOperands(const Block& block, int warp, int lane) {
  const Plan& plan = block.plan;
  const Tile& tile = plan.tile;
  const auto channels = static_cast<std::uint32_t>(lane) * 4;
  RingAt x, a;
  a.slot = block.column;
  std::int32_t next = warp;  // of the items
  for (std::int32_t left = block.OwnChunks(); left > 0; --left) {
    if (a.round != 0) device::WaitBarrier(block.a_free + a.slot, a.freed());
    if (warp == 0 && tile.column_blocks > 1) AnnounceOperands(block, a.slot, lane);
    for (std::int32_t unit = 0; unit < kPixels; unit += tile.unit) {
      device::WaitBarrier(block.x_filled + x.slot, x.filled());
      const std::uint32_t stage = device::SharedAddress(block.x_ring + x.slot * plan.input_bytes);
      const std::uint32_t operands =
          device::SharedAddress(block.a_ring + a.slot * kOperandBytes + unit * kPixelBytes);
      const auto items = static_cast<std::int32_t>(
          device::LoadSharedWord(stage + static_cast<std::uint32_t>(plan.items_at)));
      for (; next < items; next += kWarps) {
        const std::uint32_t item_at = stage + static_cast<std::uint32_t>(plan.items_at + 16 + next * 16);
        MakeRows<T, kWalk>(block, stage, operands, channels, device::LoadSharedInt4(item_at));
        if (tile.column_blocks > 1) {
          ShareItem(block, operands, a.slot, device::LoadSharedInt4(item_at), lane);
        }
      }
      next -= items;
      device::FenceAsyncProxy();
      // Each lane for itself: racecheck takes no lane's word for what others of its warp read and stored.
      device::ArriveBarrier(block.x_free + x.slot);
      if (unit + tile.unit == kPixels) device::ArriveBarrier(block.a_filled + a.slot);
      x.Next(tile.inputs);
    }
    a.Next(tile.operands, tile.column_blocks);
  }
}

}  // namespace assay::dsconv::wide

#endif
