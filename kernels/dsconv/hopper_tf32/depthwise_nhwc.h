// The depthwise half of NHWC tiles in fp32: a lane has a channel, a warp some of the tile's slots. It walks
// over the input columns of these, reads each once, and adds it to all outputs that it is part of. Where
// slots are not neighbours (the next band begins), it walks on over the columns of the next ones, and what it
// has begun and cannot end is dropped.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/dsconv/hopper_tf32/activate.h"
#include "kernels/dsconv/hopper_tf32/operand.h"
#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// The walk of a lane's slots, a step a column of outputs begun. Chunks of 16 channels leave room for two
// walks a warp, by a half of its lanes each.
template <int kChunk, int kLag>
struct Walk {
  static constexpr std::int32_t kLanes = kChunk == 32 ? 32 : 16;  // of one walk

  std::int32_t first_slot;
  // Of step lane % kLanes: twice the word offset of its pixels, plus 1 if it ends an output; without the rows
  // between images, with them; and the band that it belongs to.
  std::int32_t base, entry, band = 0;
  std::int32_t steps;  // of the longer one of the warp's walks

  // kLag steps end no output at the beginning of each run of neighbours.
  __device__ __forceinline__ Walk(const Shape& shape, const Plan& plan, int warp, int lane) {
    const std::int32_t begin = warp * kSlots / plan.depthwise_warps;
    const std::int32_t end = (warp + 1) * kSlots / plan.depthwise_warps;
    const std::int32_t middle = kLanes == 32 ? end : (begin + end + 1) / 2;
    first_slot = lane < kLanes ? begin : middle;
    const std::int32_t step = lane % kLanes;
    std::int32_t slot = first_slot, left = (lane < kLanes ? middle : end) - first_slot, done = 0;
    base = 0;
    while (left > 0) {
      const std::int32_t of = plan.by_columns.Quotient(slot), column = slot - of * plan.columns;
      const std::int32_t run = min(left, plan.columns - column);
      if (step >= done && step < done + run + kLag) {
        const std::int32_t ends = step >= done + kLag ? 1 : 0;
        base = ends;  // of slots that are not used, too
        if (of < plan.bands) {
          band = of;
          base += (of * plan.band_step * plan.row_step +
                   (column + step - done) * shape.stride_w * plan.pixel_step) *
                  2;
        }
      }
      done += run + kLag, slot += run, left -= run;
    }
    steps = max(done, __shfl_xor_sync(0xffffffffu, done, 16));
    entry = base;
  }

  __device__ __forceinline__ void MoveTo(const Plan& plan, std::int32_t image_band) {
    entry = base + plan.by_image_bands.Quotient(image_band + band) * (plan.break_rows * plan.row_step * 2);
  }

  __device__ __forceinline__ std::int32_t Entry(std::int32_t i, int lane) const {
    return __shfl_sync(0xffffffffu, entry, kLanes == 32 ? i : (lane & 16) + i);
  }
};

// Ends a column of outputs: the two rows of a slot.
template <int kChunk, int kParts, class Act>
__device__ __forceinline__ void EndColumn(const Act& middle, const float (&sums)[2], std::int32_t entry,
                                          char*& to) {
  const Operand<kParts> upper = Activated<kParts>(middle, sums[0]),
                        lower = Activated<kParts>(middle, sums[1]);
  if ((entry & 1) != 0) {
    StoreOperand<kChunk, kParts>(to, upper);
    StoreOperand<kChunk, kParts>(to + kSlots * SlotBytes(kParts), lower);
  }
  to += (entry & 1) * SlotBytes(kParts);
}

template <int kSize, int kStride, int kChunk, int kParts, class Act>
struct PixelWalker;

// 3x3, stride 2, in chunks of 16 channels: a step reads two input columns, the first of which ends the
// outputs begun before. The two halves of a warp read them in different order, which puts them into different
// banks.
template <int kParts, class Act>
struct PixelWalker<3, 2, 16, kParts, Act> {
  static constexpr int kLag = 1;

  __device__ __forceinline__ static void Run(const Shape&, const Plan& plan, const Walk<16, kLag>& walk,
                                             const Act& middle, const float* tile, const float* weights,
                                             char* to, int lane) {
    const bool swapped = lane >= 16;
    const std::int32_t down = plan.row_step, at_first = swapped ? 16 : 0, at_second = 16 - at_first;
    const auto load = [&](std::int32_t entry, float(&x)[5][2]) {
      const float* from = tile + (entry >> 1);
#pragma unroll
      for (int i = 0; i < 5; ++i) {
        x[i][0] = from[i * down + at_first];
        x[i][1] = from[i * down + at_second];
      }
    };
    std::int32_t entry = walk.Entry(0, lane), next_entry = walk.Entry(1, lane);
    float x[5][2], w[3][3], sums[2][2] = {};
    load(entry, x);
#pragma unroll
    for (int r = 0; r < 3; ++r) {
      const float first = weights[r * 48], second = weights[r * 48 + 16];
      w[r][0] = swapped ? second : first, w[r][1] = swapped ? first : second, w[r][2] = weights[r * 48 + 32];
    }
    const float bias = weights[9 * 16];
    for (std::int32_t step = 0; step < walk.steps; step += 2) {
#pragma unroll
      for (int phase = 0; phase < 2; ++phase) {
        float next[5][2];
        load(next_entry, next);
        float(&begun)[2] = sums[phase], (&ended)[2] = sums[1 - phase];
#pragma unroll
        for (int p = 0; p < 2; ++p) {
          begun[p] = bias;
#pragma unroll
          for (int r = 0; r < 3; ++r) {
            const float even = swapped ? x[2 * p + r][1] : x[2 * p + r][0];
            ended[p] = fmaf(even, w[r][2], ended[p]);
            begun[p] = fmaf(x[2 * p + r][0], w[r][0], begun[p]);
            begun[p] = fmaf(x[2 * p + r][1], w[r][1], begun[p]);
          }
        }
        EndColumn<16, kParts>(middle, ended, entry, to);
        entry = next_entry, next_entry = walk.Entry(step + phase + 2, lane);
#pragma unroll
        for (int i = 0; i < 5; ++i) x[i][0] = next[i][0], x[i][1] = next[i][1];
      }
    }
  }
};

// Any filter, stride and dilation: every tap of every pixel is read for itself.
template <int kChunk, int kParts, class Act>
struct PixelWalker<0, 0, kChunk, kParts, Act> {
  static constexpr int kLag = 0;

  __device__ __forceinline__ static void Run(const Shape& shape, const Plan& plan,
                                             const Walk<kChunk, kLag>& walk, const Act& middle,
                                             const float* tile, const float* weights, char* to, int lane) {
    const float bias = weights[shape.r * shape.s * kChunk];
    const std::int32_t right = shape.dilation_w * plan.pixel_step, down = shape.dilation_h * plan.row_step;
    const std::int32_t next_row = shape.stride_h * plan.row_step;
    for (std::int32_t step = 0; step < walk.steps; ++step) {
      const std::int32_t entry = walk.Entry(step, lane);
      const float *row = tile + (entry >> 1), *w = weights;
      float sums[2] = {bias, bias};
      for (std::int32_t r = 0; r < shape.r; ++r, row += down) {
        const float* from = row;
        for (std::int32_t s = 0; s < shape.s; ++s, from += right, w += kChunk) {
          sums[0] = fmaf(from[0], *w, sums[0]);
          sums[1] = fmaf(from[next_row], *w, sums[1]);
        }
      }
      EndColumn<kChunk, kParts>(middle, sums, entry, to);
    }
  }
};

// A warp's part of every tile.
template <int kSize, int kStride, int kChunk, int kParts, class Act>
struct PixelDepthwise {
  static constexpr bool kStays = false;
  using Walker = PixelWalker<kSize, kStride, kChunk, kParts, Act>;

  const Shape& shape;
  const Plan& plan;
  Act middle;
  Walk<kChunk, Walker::kLag> walk;
  int lane;

  __device__ __forceinline__ PixelDepthwise(const Shape& of_shape, const Plan& of_plan, int warp, int of_lane)
      : shape(of_shape),
        plan(of_plan),
        middle(of_shape.act_mid),
        walk(of_shape, of_plan, warp, of_lane),
        lane(of_lane) {}

  __device__ __forceinline__ void MoveTo(const TileAt& at) { walk.MoveTo(plan, at.image_band); }

  // A chunk of the tile that it was moved to.
  __device__ __forceinline__ void operator()(const float* tile, const float* weights, char* operand) const {
    const std::int32_t channel = lane % kChunk;
    Walker::Run(shape, plan, walk, middle, tile + channel, weights + channel,
                operand + OperandAt<kParts>(channel) + walk.first_slot * SlotBytes(kParts), lane);
  }
};

}  // namespace assay::dsconv::hopper_tf32

#endif
