// The depthwise half of NHWC tiles with 3x3 filters of stride 1, by strips: a half of a warp makes four
// neighbouring slots (four columns, two rows) of all 32 channels of a chunk, a lane two channels. All that a
// strip takes is straight code with 16 sums a lane under way, and no step of it waits for the one before.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/dsconv/hopper_tf32/activate.h"
#include "kernels/dsconv/hopper_tf32/operand.h"
#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// Which strips a warp makes: a pair of them a pass, pass `i` of the warp's being lane 2i's and 2i + 1's.
struct StripList {
  std::int32_t mine, passes;
  // Of strip `mine`: the word offset of its pixels, the first slot, and how many slots it has.
  std::uint32_t entry = 0;

  __device__ __forceinline__ StripList(const Plan& plan, int warp, int lane) {
    const std::int32_t strips = plan.bands * plan.band_strips, warps = plan.depthwise_warps;
    passes = 0, mine = strips;
    // Two warps further at each turn: the warps that make one pass more are not those that share a scheduler.
    for (std::int32_t turn = 0; turn * warps * 2 < strips; ++turn) {
      const std::int32_t pass = turn * warps + (warp + (warps - 2) * turn) % warps;
      if (pass * 2 >= strips) continue;
      if (lane / 2 == passes) mine = pass * 2 + lane % 2;
      ++passes;
    }
  }

  __device__ __forceinline__ void MoveTo(const Plan& plan, std::int32_t image_band) {
    entry = 0;
    const std::int32_t band = plan.by_band_strips.Quotient(mine);
    if (band >= plan.bands) return;
    const std::int32_t column = (mine - band * plan.band_strips) * kStripSlots;
    const std::int32_t row =
        band * plan.band_step + plan.by_image_bands.Quotient(image_band + band) * plan.break_rows;
    entry = static_cast<std::uint32_t>((row * plan.row_step + column * plan.pixel_step) * 1024 +
                                       (band * plan.columns + column) * 16 +
                                       min(kStripSlots, plan.columns - column));
  }
};

// A warp's part of every tile.
template <int kParts, class Act>
struct StripDepthwise {
  static constexpr int kChunk = 32, kColumns = kStripSlots + 2;

  const Shape& shape;
  const Plan& plan;
  Act middle;
  StripList list;
  int lane;

  __device__ __forceinline__ StripDepthwise(const Shape& of_shape, const Plan& of_plan, int warp, int of_lane)
      : shape(of_shape),
        plan(of_plan),
        middle(of_shape.act_mid),
        list(of_plan, warp, of_lane),
        lane(of_lane) {}

  __device__ __forceinline__ void MoveTo(const TileAt& at) { list.MoveTo(plan, at.image_band); }

  // A chunk of the tile that it was moved to.
  __device__ __forceinline__ void operator()(const float* tile, const float* weights, char* operand) const {
    const int half = lane / 16, channel = lane % 16 * 2;
    std::uint32_t next = __shfl_sync(0xffffffffu, list.entry, half);
    tile += channel, weights += channel;
    operand += OperandAt<kParts>(channel);
    float2 w[9];
#pragma unroll
    for (int i = 0; i < 9; ++i) w[i] = *reinterpret_cast<const float2*>(weights + i * kChunk);
    const float2 bias = *reinterpret_cast<const float2*>(weights + 9 * kChunk);
#pragma unroll 1
    for (std::int32_t pass = 0; pass < list.passes; ++pass) {
      const std::uint32_t entry = next;
      next = __shfl_sync(0xffffffffu, list.entry, (2 * pass + 2 + half) & 31);
      MakeStrip(tile + entry / 1024, w, bias, entry % 16, operand + entry % 1024 / 16 * SlotBytes(kParts));
    }
  }

 private:
  __device__ __forceinline__ void MakeStrip(const float* from, const float2 (&w)[9], float2 bias,
                                            std::uint32_t slots, char* to) const {
    const float* row[4] = {from, from + plan.row_step, from + 2 * plan.row_step, from + 3 * plan.row_step};
    float2 sums[kStripSlots][2], next[4];
    const auto load = [&](int column) {
#pragma unroll
      for (int r = 0; r < 4; ++r) next[r] = *reinterpret_cast<const float2*>(row[r] + column * kChunk);
    };
    load(0);
#pragma unroll
    for (int i = 0; i < kColumns; ++i) {
      const float2 x[4] = {next[0], next[1], next[2], next[3]};
      if (i + 1 < kColumns) load(i + 1);
      if (i < kStripSlots) sums[i][0] = sums[i][1] = bias;
#pragma unroll
      for (int s = 0; s < 3; ++s) {
        const int slot = i - s;
        if (slot < 0 || slot >= kStripSlots) continue;
#pragma unroll
        for (int p = 0; p < 2; ++p) {
          float2& sum = sums[slot][p];
#pragma unroll
          for (int r = 0; r < 3; ++r) {
            sum.x = fmaf(x[p + r].x, w[r * 3 + s].x, sum.x);
            sum.y = fmaf(x[p + r].y, w[r * 3 + s].y, sum.y);
          }
        }
      }
      if (kParts != 0 && i >= 2) EndSlot(sums[i - 2], i - 2 < static_cast<int>(slots), to + (i - 2) * 16);
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
    const Operand<kParts> upper[2] = {Operand<kParts>(middle(sums[0].x)), Operand<kParts>(middle(sums[0].y))};
    const Operand<kParts> lower[2] = {Operand<kParts>(middle(sums[1].x)), Operand<kParts>(middle(sums[1].y))};
    if (there) {
      StoreOperands<kChunk>(to, upper[0], upper[1]);
      StoreOperands<kChunk>(to + kSlots * 16, lower[0], lower[1]);
    }
  }
};

}  // namespace assay::dsconv::hopper_tf32

#endif
