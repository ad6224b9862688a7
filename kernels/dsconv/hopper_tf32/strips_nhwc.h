// The depthwise half of NHWC tiles with 3x3 filters, by strips: a half of a warp makes four
// neighbouring slots (four columns, two rows) of all 32 channels of a chunk, a lane two channels. All that a
// strip takes is straight code with 16 sums a lane under way, and no step of it waits for the one before.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/dsconv/hopper_tf32/activate.h"
#include "kernels/dsconv/hopper_tf32/operand.h"
#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// The strips of a tile, at most 24: lane i knows strip i. A pass makes a pair of them; warps take passes in
// turn, on from one chunk to the next, so that each has as many.
struct StripList {
  std::int32_t next;  // the warp's next pass, counted from the chunk's first
  // The word offset of the strip's pixels, its first slot, and how many slots it has.
  std::uint32_t entry = 0;

  __device__ __forceinline__ explicit StripList(int warp) : next(warp) {}

  template <int kStride>
  __device__ __forceinline__ void MoveTo(const Plan& plan, std::int32_t image_band, int lane) {
    entry = 0;
    const std::int32_t band = plan.by_band_strips.Quotient(lane);
    if (band >= plan.bands) return;
    const std::int32_t column = (lane - band * plan.band_strips) * kStripSlots;
    const std::int32_t row =
        band * plan.band_step + plan.by_image_bands.Quotient(image_band + band) * plan.break_rows;
    entry = static_cast<std::uint32_t>((row * plan.row_step + column * kStride * plan.pixel_step) * 1024 +
                                       (band * plan.columns + column) * 16 +
                                       min(kStripSlots, plan.columns - column));
  }
};

// A warp's part of every tile.
template <int kStride, int kParts, int kTileSlots, class Act>
struct StripDepthwise {
  // MoveTo() is for a tile's first chunk alone, and room is waited for when weights are in registers.
  static constexpr bool kStays = true;
  static constexpr int kChunk = 32;
  static constexpr int kColumns = (kStripSlots - 1) * kStride + 3, kRows = kStride + 3;  // of input

  const Shape& shape;
  const Plan& plan;
  Act middle;
  StripList list;
  int lane;

  __device__ __forceinline__ StripDepthwise(const Shape& of_shape, const Plan& of_plan, int warp, int of_lane)
      : shape(of_shape), plan(of_plan), middle(of_shape.act_mid), list(warp), lane(of_lane) {}

  __device__ __forceinline__ void MoveTo(const TileAt& at) {
    list.template MoveTo<kStride>(plan, at.image_band, lane);
  }

  // A chunk of the tile that it was moved to.
  // wait() returns when there is room for operands.
  template <class Wait>
  __device__ __forceinline__ void operator()(const float* tile, const float* weights, char* operand,
                                             Wait&& wait) {
    const int half = lane / 16, channel = lane % 16 * 2;
    const std::int32_t passes = plan.strip_passes;
    tile += channel, weights += channel;
    operand += OperandAt<kParts, kTileSlots>(channel);
    float2 w[9];
#pragma unroll
    for (int i = 0; i < 9; ++i) w[i] = *reinterpret_cast<const float2*>(weights + i * kChunk);
    const float2 bias = *reinterpret_cast<const float2*>(weights + 9 * kChunk);
    wait();
    std::int32_t pass = list.next;
#pragma unroll 1
    for (; pass < passes; pass += plan.depthwise_warps) {
      const std::uint32_t entry = __shfl_sync(0xffffffffu, list.entry, 2 * pass + half);
      MakeStrip(tile + entry / 1024, w, bias, entry % 16, operand + entry % 1024 / 16 * SlotBytes(kParts));
    }
    list.next = pass - passes;
  }

 private:
  __device__ __forceinline__ void MakeStrip(const float* from, const float2 (&w)[9], float2 bias,
                                            std::uint32_t slots, char* to) const {
    const float* row[kRows];
#pragma unroll
    for (int r = 0; r < kRows; ++r) row[r] = from + r * plan.row_step;
    float2 sums[kStripSlots][2], next[kRows];
    const auto load = [&](int column) {
#pragma unroll
      for (int r = 0; r < kRows; ++r) next[r] = *reinterpret_cast<const float2*>(row[r] + column * kChunk);
    };
    load(0);
#pragma unroll
    for (int i = 0; i < kColumns; ++i) {
      float2 x[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) x[r] = next[r];
      if (i + 1 < kColumns) load(i + 1);
      if (i % kStride == 0 && i / kStride < kStripSlots) sums[i / kStride][0] = sums[i / kStride][1] = bias;
#pragma unroll
      for (int s = 0; s < 3; ++s) {
        const int slot = (i - s) / kStride;
        if (i < s || (i - s) % kStride != 0 || slot >= kStripSlots) continue;
#pragma unroll
        for (int p = 0; p < 2; ++p) {
          float2& sum = sums[slot][p];
#pragma unroll
          for (int r = 0; r < 3; ++r) {
            sum.x = fmaf(x[p * kStride + r].x, w[r * 3 + s].x, sum.x);
            sum.y = fmaf(x[p * kStride + r].y, w[r * 3 + s].y, sum.y);
          }
        }
      }
      const int ends = (i - 2) / kStride;
      if (kParts != 0 && i >= 2 && (i - 2) % kStride == 0) {
        EndSlot(sums[ends], ends < static_cast<int>(slots), to + ends * 16);
      }
    }
    if constexpr (kParts == 0) StoreFours(sums, slots, to);
  }

  // Without parts a tile's columns are a multiple of four: there are four slots or, of a pair of strips,
  // none.
  __device__ __forceinline__ void StoreFours(const float2 (&sums)[kStripSlots][2], std::uint32_t slots,
                                             char* to) const {
#pragma unroll
    for (int p = 0; p < 2; ++p) {
      float low[4], high[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        low[i] = device::Opaque(middle(sums[i][p].x)), high[i] = device::Opaque(middle(sums[i][p].y));
      }
      if (slots == 0) continue;
      char* row = to + p * (kSlots * 4);
      *reinterpret_cast<float4*>(row) = make_float4(low[0], low[1], low[2], low[3]);
      *reinterpret_cast<float4*>(row + kMidPitch * 4) = make_float4(high[0], high[1], high[2], high[3]);
    }
  }

  __device__ __forceinline__ void EndSlot(const float2 (&sums)[2], bool there, char* to) const {
    const Operand<kParts> upper[2] = {Activated<kParts>(middle, sums[0].x),
                                      Activated<kParts>(middle, sums[0].y)};
    const Operand<kParts> lower[2] = {Activated<kParts>(middle, sums[1].x),
                                      Activated<kParts>(middle, sums[1].y)};
    if (there) {
      StoreOperands<kChunk>(to, upper[0], upper[1]);
      StoreOperands<kChunk>(to + kTileSlots * 16, lower[0], lower[1]);
    }
  }
};

}  // namespace assay::dsconv::hopper_tf32

#endif
