// The weights as the kernel's warps read them. For every block of output channels b_pw, [kMatrices][16 rows],
// and for every group of 16 input channels
//   b_dw: [4 t + j], of the channel that lane t takes as its j-th (plan.h)
//   depthwise: [16 channels][taps_padded] in NCHW, [taps_padded][16 channels] in NHWC
//   pointwise: [2 products][kMatrices][kParts][32 lanes][4], A fragments of TF32 numbers; of two parts the
//     first is the nearest TF32 number, the second the one nearest to the rest
// Zeros stand for channels beyond C and K.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/tf32_part.h"
#include "kernels/dsconv/tf32/plan.h"

namespace assay::dsconv::tf32 {

template <bool kChannelsLast>
__device__ __forceinline__ float DepthwiseWord(const Shape& shape, const Plan& plan,
                                               const float* __restrict__ w_dw, const float* __restrict__ b_dw,
                                               std::int32_t c0, std::int32_t word) {
  if (word < kGroup) {
    const std::int32_t c = c0 + ChannelIn<kChannelsLast>(word / 4, word % 4);
    return b_dw && c < shape.c ? b_dw[c] : 0.0f;
  }
  word -= kGroup;
  const std::int32_t channel = c0 + (kChannelsLast ? word % kGroup : word / plan.taps_padded);
  const std::int32_t tap = kChannelsLast ? word / kGroup : word % plan.taps_padded;
  const std::int32_t taps = shape.r * shape.s;
  if (channel >= shape.c || tap >= taps) return 0.0f;
  return w_dw[static_cast<std::int64_t>(channel) * taps + tap];
}

template <bool kChannelsLast, int kMatrices, int kParts>
__device__ __forceinline__ std::uint32_t PointwiseWord(const Shape& shape, const float* __restrict__ w_pw,
                                                       std::int32_t k0, std::int32_t c0, std::int32_t word) {
  const std::int32_t entry = word % 4, lane = word / 4 % 32, fragment = word / 128;
  const std::int32_t part = fragment % kParts, matrix = fragment / kParts % kMatrices;
  const std::int32_t product = fragment / (kParts * kMatrices);
  const std::int32_t k = k0 + ChannelOut<kChannelsLast>(matrix, lane / 4 + entry % 2 * 8);
  const std::int32_t c = c0 + ChannelIn<kChannelsLast>(lane % 4, 2 * product + entry / 2);
  if (k >= shape.k || c >= shape.c) return 0;
  return device::Tf32Part(w_pw[static_cast<std::int64_t>(k) * shape.c + c], part);
}

// A block of threads a group (x) of a block of output channels (y).
template <bool kChannelsLast, int kMatrices, int kParts>
__global__ void PrepackKernel(Shape shape, Plan plan, const float* __restrict__ w_dw,
                              const float* __restrict__ b_dw, const float* __restrict__ w_pw,
                              const float* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int32_t group = static_cast<std::int32_t>(blockIdx.x), c0 = group * kGroup;
  const std::int32_t k0 = static_cast<std::int32_t>(blockIdx.y) * plan.channels_out;
  packed += blockIdx.y * plan.packed_bytes;
  if (group == 0 && threadIdx.x < kMatrices * 16) {
    const std::int32_t k = k0 + ChannelOut<kChannelsLast>(threadIdx.x / 16, threadIdx.x % 16);
    reinterpret_cast<float*>(packed)[threadIdx.x] = b_pw && k < shape.k ? b_pw[k] : 0.0f;
  }
  auto* to = reinterpret_cast<std::uint32_t*>(packed + HeadBytes(kMatrices) +
                                              static_cast<std::int64_t>(group) * plan.group_bytes);
  const std::int32_t depthwise = DepthwiseWords(plan.taps_padded);
  for (std::int32_t i = static_cast<std::int32_t>(threadIdx.x); i < plan.group_bytes / 4;
       i += static_cast<std::int32_t>(blockDim.x)) {
    to[i] = i < depthwise
                ? __float_as_uint(DepthwiseWord<kChannelsLast>(shape, plan, w_dw, b_dw, c0, i))
                : PointwiseWord<kChannelsLast, kMatrices, kParts>(shape, w_pw, k0, c0, i - depthwise);
  }
}

}  // namespace assay::dsconv::tf32
