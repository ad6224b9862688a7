// The weights as the kernel's warps read them, in the workspace:
//   b_pw: [blocks of output channels][columns]
//   depthwise, for every chunk: NHWC [taps][channels], then b_dw [channels];
//     NCHW [channels][taps, b_dw, padding]
//   pointwise, for every block of output channels and unit of input channels: [parts][4][columns][4],
//   eight
//     columns of four channels being a matrix as wgmma takes it; of two parts the first is the nearest TF32
//     number, the second the one nearest to the rest
//   of a kernel without matrix unit: [channels][columns] in fp32
//   the counters of tiles and blocks, which every launch leaves as it found them
// Zeros stand for channels beyond C and K.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/tf32_part.h"
#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

template <bool kChannelsLast>
__device__ __forceinline__ float DepthwiseWord(const Shape& shape, const Plan& plan,
                                               const float* __restrict__ w_dw, const float* __restrict__ b_dw,
                                               std::int32_t c0, std::int32_t chunk, std::int32_t word) {
  const std::int32_t taps = shape.r * shape.s;
  const std::int32_t channel = kChannelsLast ? word % chunk : word / plan.taps_padded;
  const std::int32_t tap = kChannelsLast ? word / chunk : word % plan.taps_padded;
  const std::int32_t c = c0 + channel;
  if (channel >= chunk || c >= shape.c || tap > taps) return 0.0f;
  if (tap == taps) return b_dw ? b_dw[c] : 0.0f;
  return w_dw[static_cast<std::int64_t>(c) * taps + tap];
}

// Word `word` of a unit of `channels` input channels for `columns` output channels.
template <bool kChannelsLast>
__device__ __forceinline__ std::uint32_t PointwiseWord(const Shape& shape, const float* __restrict__ w_pw,
                                                       std::int32_t k0, std::int32_t c0,
                                                       std::int32_t channels, std::int32_t columns,
                                                       std::int32_t word) {
  const std::int32_t of_part = channels * columns, part = word / of_part, in_part = word % of_part;
  const std::int32_t four = in_part / (columns * 4), column = in_part / 4 % columns;
  const std::int32_t c = c0 + four * 4 + in_part % 4, k = k0 + ChannelOf<kChannelsLast>(column);
  if (c >= shape.c || k >= shape.k) return 0;
  return device::Tf32Part(w_pw[static_cast<std::int64_t>(k) * shape.c + c], part);
}

// What the threads of the prepacking kernel need to know besides the plan.
struct PackSizes {
  std::int32_t chunk, unit, columns;  // channels
  bool plain;                         // fp32 as [channel][column], for FFMA
};

// A block of threads a unit (x) of a block of output channels (y).
template <bool kChannelsLast>
__global__ void PrepackKernel(Shape shape, Plan plan, PackSizes sizes, const float* __restrict__ w_dw,
                              const float* __restrict__ b_dw, const float* __restrict__ w_pw,
                              const float* __restrict__ b_pw, char* __restrict__ packed) {
  const auto unit = static_cast<std::int32_t>(blockIdx.x), c0 = unit * sizes.unit;
  const auto channel_block = static_cast<std::int32_t>(blockIdx.y), k0 = channel_block * sizes.columns;
  const auto thread = static_cast<std::int32_t>(threadIdx.x), threads = static_cast<std::int32_t>(blockDim.x);
  if (unit == 0 && channel_block == 0 && thread == 0) {
    auto* counters = reinterpret_cast<std::uint32_t*>(packed + plan.counters_at);
    counters[0] = 0, counters[1] = 0;
  }
  if (unit == 0) {
    for (std::int32_t i = thread; i < sizes.columns; i += threads) {
      const std::int32_t k = k0 + (sizes.plain ? i : ChannelOf<kChannelsLast>(i));
      reinterpret_cast<float*>(packed)[k0 + i] = b_pw && k < shape.k ? b_pw[k] : 0.0f;
    }
  }
  if (channel_block == 0 && c0 % sizes.chunk == 0) {
    auto* to = reinterpret_cast<float*>(packed + plan.depthwise_at +
                                        static_cast<std::int64_t>(c0 / sizes.chunk) * plan.depthwise_bytes);
    for (std::int32_t i = thread; i < plan.depthwise_bytes / 4; i += threads) {
      to[i] = DepthwiseWord<kChannelsLast>(shape, plan, w_dw, b_dw, c0, sizes.chunk, i);
    }
  }
  auto* to = reinterpret_cast<std::uint32_t*>(packed + plan.pointwise_at +
                                              (static_cast<std::int64_t>(channel_block) * plan.units + unit) *
                                                  plan.pointwise_bytes);
  for (std::int32_t i = thread; i < plan.pointwise_bytes / 4; i += threads) {
    if (sizes.plain) {
      const std::int32_t c = c0 + i / sizes.columns, k = k0 + i % sizes.columns;
      to[i] =
          c < shape.c && k < shape.k ? __float_as_uint(w_pw[static_cast<std::int64_t>(k) * shape.c + c]) : 0u;
      continue;
    }
    to[i] = PointwiseWord<kChannelsLast>(shape, w_pw, k0, c0, sizes.unit, sizes.columns, i);
  }
}

}  // namespace assay::dsconv::hopper_tf32
