// The weights as warps read them, in the workspace: for every block of output channels and every slice
//   depthwise: words of two taps (TapOf); 3 x 3: [32 channels][4 words], [32 channels] of the last word,
//   whose
//     upper half is b_dw; any other filter: [words][32 channels], then b_dw of the 32
//   pointwise: [kTiles][32 lanes][4][2 channels]: of output channel ChannelOf(tile, lane / 4) the input
//     channels 8i + 2t and 8i + 2t + 1, t = lane % 4
// and behind all of them b_pw: floats. Zeros stand for channels beyond C and K.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/element.h"
#include "kernels/dsconv/small/plan.h"

namespace assay::dsconv::small {

// Element `i` of a slice's depthwise weights.
template <class T, Filter kFilter>
__device__ __forceinline__ T DepthwiseElement(const Plan& plan, const T* __restrict__ w_dw,
                                              const T* __restrict__ b_dw, std::int32_t slice,
                                              std::int32_t i) {
  const std::int32_t taps = plan.taps_h * plan.taps_w, words = DivideUp(taps, 2), upper = i % 2;
  const T zero = device::FromFloat<T>(0.0f);
  std::int32_t channel, tap;
  if (kFilter != Filter::kAny) {
    const bool last = i >= 4 * 2 * kSlice;
    channel = last ? i / 2 % kSlice : i / 8;
    tap = TapOf<kFilter>(last ? 4 : i / 2 % 4, upper);
  } else {
    const bool bias = i >= words * 2 * kSlice;
    channel = bias ? i - words * 2 * kSlice : i / 2 % kSlice;
    tap = bias ? taps : TapOf<kFilter>(i / (2 * kSlice), upper);
    if (!bias && tap == taps) return zero;  // of an odd number of taps
  }
  const std::int32_t c = slice * kSlice + channel;
  if (c >= plan.c) return zero;
  if (tap == taps) return b_dw != nullptr ? b_dw[c] : zero;
  return w_dw[static_cast<std::int64_t>(c) * taps + tap];
}

// Element `i` of a slice's pointwise weights for a block of output channels.
template <class T, int kTiles>
__device__ __forceinline__ T PointwiseElement(const Plan& plan, const T* __restrict__ w_pw,
                                              std::int32_t block_k, std::int32_t slice, std::int32_t i) {
  const std::int32_t lane = i / 8 % 32, tile = i / 256;
  const std::int32_t k = block_k * kTiles * 8 + ChannelOf<kTiles>(tile, lane / 4);
  const std::int32_t c = slice * kSlice + i / 2 % 4 * 8 + lane % 4 * 2 + i % 2;
  return k < plan.k && c < plan.c ? w_pw[static_cast<std::int64_t>(k) * plan.c + c]
                                  : device::FromFloat<T>(0.0f);
}

template <class T, Filter kFilter, int kTiles>
__global__ void PrepackKernel(const __grid_constant__ Plan plan, const T* __restrict__ w_dw,
                              const T* __restrict__ b_dw, const T* __restrict__ w_pw,
                              const T* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int32_t first = static_cast<std::int32_t>(blockIdx.x * blockDim.x + threadIdx.x);
  const std::int32_t step = static_cast<std::int32_t>(gridDim.x * blockDim.x);
  const std::int32_t per_slice = plan.slice_bytes / 2, depthwise = plan.depthwise_bytes / 2;
  T* weights = reinterpret_cast<T*>(packed);
  for (std::int32_t i = first; i < plan.biases_at / 2; i += step) {
    const std::int32_t in_slice = i % per_slice, slice = i / per_slice % plan.slices;
    weights[i] = in_slice < depthwise ? DepthwiseElement<T, kFilter>(plan, w_dw, b_dw, slice, in_slice)
                                      : PointwiseElement<T, kTiles>(plan, w_pw, i / per_slice / plan.slices,
                                                                    slice, in_slice - depthwise);
  }
  float* biases = reinterpret_cast<float*>(packed + plan.biases_at);
  for (std::int32_t i = first; i < plan.blocks_k * kTiles * 8; i += step) {
    biases[i] = b_pw != nullptr && i < plan.k ? device::ToFloat(b_pw[i]) : 0.0f;
  }
}

}  // namespace assay::dsconv::small
