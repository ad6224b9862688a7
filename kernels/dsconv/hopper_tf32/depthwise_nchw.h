// The depthwise half of NCHW tiles in fp32: a lane has two neighbouring slots (2 x 2 pixels), a warp all of
// the tile's, and a part of the chunk's channels, two at a time.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/vector.h"
#include "kernels/dsconv/hopper_tf32/activate.h"
#include "kernels/dsconv/hopper_tf32/operand.h"
#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// Sums of a channel at 2 x 2 pixels: `from` is the first input pixel of the first, `weights` the channel's
// taps.
template <int kSize, int kStride>
struct PlaneWindow;

// The taps and the bias of a 3x3 filter.
struct Weights9 {
  float w[3][3], bias;

  __device__ __forceinline__ explicit Weights9(const float* from) {
    const float4 low = device::LoadFloat4(from), high = device::LoadFloat4(from + 4);
    const float2 last = *reinterpret_cast<const float2*>(from + 8);
    w[0][0] = low.x, w[0][1] = low.y, w[0][2] = low.z, w[1][0] = low.w;
    w[1][1] = high.x, w[1][2] = high.y, w[2][0] = high.z, w[2][1] = high.w;
    w[2][2] = last.x, bias = last.y;
  }
};

// The column after the first tap's is a multiple of four: kPlaneSkew.
template <>
struct PlaneWindow<3, 1> {
  __device__ __forceinline__ static void Add(const Shape&, const Plan& plan, const float* from,
                                             const float* weights, float (&sums)[2][2]) {
    const Weights9 filter(weights);
    sums[0][0] = sums[0][1] = sums[1][0] = sums[1][1] = filter.bias;
#pragma unroll
    for (int h = 0; h < 4; ++h) {
      const float* row = from + h * plan.row_step;
      const float2 middle = *reinterpret_cast<const float2*>(row + 1);
      const float x[4] = {row[0], middle.x, middle.y, row[3]};
#pragma unroll
      for (int p = 0; p < 2; ++p) {
        if (h < p || h - p >= 3) continue;
#pragma unroll
        for (int s = 0; s < 3; ++s) {
          sums[p][0] = fmaf(x[s], filter.w[h - p][s], sums[p][0]);
          sums[p][1] = fmaf(x[s + 1], filter.w[h - p][s], sums[p][1]);
        }
      }
    }
  }
};

template <>
struct PlaneWindow<3, 2> {
  __device__ __forceinline__ static void Add(const Shape&, const Plan& plan, const float* from,
                                             const float* weights, float (&sums)[2][2]) {
    const Weights9 filter(weights);
    sums[0][0] = sums[0][1] = sums[1][0] = sums[1][1] = filter.bias;
#pragma unroll
    for (int h = 0; h < 5; ++h) {
      const float* row = from + h * plan.row_step;
      const float4 four = device::LoadFloat4(row + 1);
      const float x[5] = {row[0], four.x, four.y, four.z, four.w};
#pragma unroll
      for (int p = 0; p < 2; ++p) {
        if (h < 2 * p || h - 2 * p >= 3) continue;
#pragma unroll
        for (int s = 0; s < 3; ++s) {
          sums[p][0] = fmaf(x[s], filter.w[h - 2 * p][s], sums[p][0]);
          sums[p][1] = fmaf(x[s + 2], filter.w[h - 2 * p][s], sums[p][1]);
        }
      }
    }
  }
};

// Any filter, stride and dilation.
template <>
struct PlaneWindow<0, 0> {
  __device__ __forceinline__ static void Add(const Shape& shape, const Plan& plan, const float* from,
                                             const float* weights, float (&sums)[2][2]) {
    const std::int32_t taps = shape.r * shape.s, next_row = shape.stride_h * plan.row_step;
    sums[0][0] = sums[0][1] = sums[1][0] = sums[1][1] = weights[taps];
    for (std::int32_t r = 0; r < shape.r; ++r, from += shape.dilation_h * plan.row_step) {
      const float* at = from;
      for (std::int32_t s = 0; s < shape.s; ++s, at += shape.dilation_w, ++weights) {
        const float w = *weights;
        sums[0][0] = fmaf(at[0], w, sums[0][0]);
        sums[0][1] = fmaf(at[shape.stride_w], w, sums[0][1]);
        sums[1][0] = fmaf(at[next_row], w, sums[1][0]);
        sums[1][1] = fmaf(at[next_row + shape.stride_w], w, sums[1][1]);
      }
    }
  }
};

// A warp's part of every tile.
template <int kSize, int kStride, int kChunk, int kParts, class Act>
struct PlaneDepthwise {
  static constexpr bool kStays = false;
  // Channels at once: those of 16 bytes of operand A, or two where it is not for the matrix unit.
  static constexpr int kChannels = kParts == 0 ? 2 : 4;

  const Shape& shape;
  const Plan& plan;
  Act middle;
  std::int32_t next;                   // channels that are the warp's, counted from the next chunk's first
  std::int32_t band, base;             // of the lane's slots; their first tap's word in a channel's plane,
  std::int32_t first_word;             // without the rows between images, and with them
  std::int32_t first_row, second_row;  // bytes: where the slots' upper pixels stand in operand A

  __device__ __forceinline__ PlaneDepthwise(const Shape& of_shape, const Plan& of_plan, int of_warp, int lane)
      : shape(of_shape), plan(of_plan), middle(of_shape.act_mid), next(of_warp) {
    // Eight lanes have every second pair of slots, which are neighbours in operand A: see PlaneRow().
    const std::int32_t slot = 2 * (kParts == 0 ? lane : lane / 16 * 16 + lane % 8 * 2 + lane / 8 % 2);
    band = plan.by_columns.Quotient(slot);
    std::int32_t column = slot - band * plan.columns;
    if (band >= plan.bands) band = 0, column = 0;  // a slot that is not used
    base = band * plan.band_step * plan.row_step + column * shape.stride_w + plan.skew;
    first_word = base;
    first_row = kParts == 0 ? slot * 4 : PlaneRow(slot, 0) * 16;
    second_row = PlaneRow(slot + 1, 0) * 16;
  }

  __device__ __forceinline__ void MoveTo(const TileAt& at) {
    first_word =
        base + plan.by_image_bands.Quotient(at.image_band + band) * (plan.break_rows * plan.row_step);
  }

  // A chunk of the tile that it was moved to.
  __device__ __forceinline__ void operator()(const float* tile, const float* weights, char* operand) {
    std::int32_t part = next;
#pragma unroll 1
    for (; part < kChunk / kChannels; part += plan.depthwise_warps) {
      float values[2][2][kChannels];
#pragma unroll
      for (int j = 0; j < kChannels; ++j) {
        const std::int32_t channel = part * kChannels + j;
        float sums[2][2];
        PlaneWindow<kSize, kStride>::Add(shape, plan, tile + first_word + channel * plan.channel_step,
                                         weights + channel * plan.taps_padded, sums);
#pragma unroll
        for (int i = 0; i < 4; ++i) values[i / 2][i % 2][j] = middle(sums[i / 2][i % 2]);
      }
      if constexpr (kParts == 0) {
#pragma unroll
        for (int j = 0; j < 2; ++j) {
#pragma unroll
          for (int p = 0; p < 2; ++p) {
            *reinterpret_cast<float2*>(operand + OperandAt<0>(part * 2 + j) + p * (kSlots * 4) + first_row) =
                make_float2(values[p][0][j], values[p][1][j]);
          }
        }
      } else {
        StoreRows(values, operand + part * OperandStep(kSlots));
      }
    }
    next = part - kChunk / kChannels;  // so that in the end all warps have had as much to do
  }

 private:
  __device__ __forceinline__ void StoreRows(const float (&values)[2][2][kChannels], char* to) const {
    constexpr std::int32_t kLowerRow = 32 * 16;  // from a slot's upper pixel to its lower one, see PlaneRow()
#pragma unroll
    for (int p = 0; p < 2; ++p) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        StoreOperands<kChunk, kParts>(to + p * kLowerRow + (i == 0 ? first_row : second_row), values[p][i]);
      }
    }
  }
};

}  // namespace assay::dsconv::hopper_tf32

#endif
