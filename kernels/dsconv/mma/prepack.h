// The weights as the `mma` kernel's warps read them: for every block of output channels and every chunk of
// input channels
//   depthwise: [chunk / 8][8 channels][taps_padded] words, each one entry of a diagonal matrix as the lane
//   that
//     holds it wants it: the weight in the lower half for even channels, in the upper half for odd ones
//   b_dw: [chunk] floats
//   pointwise: [chunk / 16], in the order of the product (product.h)
// Before its chunks each block of output channels has b_pw: [kTiles][8 columns] floats.
// Zeros stand for channels beyond C and K.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/element.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/mma/product.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

template <class T>
__device__ __forceinline__ std::uint32_t DepthwiseWord(const Shape& shape, const Plan& plan,
                                                       const T* __restrict__ w_dw, std::int32_t c0,
                                                       std::int32_t word) {
  const std::int32_t channel = plan.split ? word % plan.chunk : word / plan.taps_padded;
  const std::int32_t tap = plan.split ? word / plan.chunk : word % plan.taps_padded;
  const std::int32_t taps = shape.r * shape.s;
  if (c0 + channel >= shape.c || tap >= taps) return 0;
  const T weight = w_dw[static_cast<std::int64_t>(c0 + channel) * taps + tap];
  if (plan.split) return __float_as_uint(device::ToFloat(weight));
  return device::BitsOf(weight) << (channel % 2 * 16);
}

template <class T, int kTiles, class Product>
__device__ __forceinline__ std::uint32_t PointwiseWord(const Shape& shape, const T* __restrict__ w_pw,
                                                       std::int32_t k0, std::int32_t c0, std::int32_t word) {
  constexpr std::int32_t kStepWords = kTiles * 64;
  const WordAt at = Product::PackedWord(word % kStepWords);
  const std::int32_t k = k0 + ChannelOf<kTiles>(at.tile, at.column), c = c0 + 16 * (word / kStepWords) + at.k;
  if (k >= shape.k) return 0;
  const T* row = w_pw + static_cast<std::int64_t>(k) * shape.c;
  const std::uint32_t first = c < shape.c ? device::BitsOf(row[c]) : 0;
  const std::uint32_t second = c + 1 < shape.c ? device::BitsOf(row[c + 1]) : 0;
  return first | second << 16;
}

// A block of threads a chunk (x) of a block of output channels (y).
template <class T, int kTiles, class Product>
__global__ void PrepackKernel(Shape shape, Plan plan, const T* __restrict__ w_dw, const T* __restrict__ b_dw,
                              const T* __restrict__ w_pw, const T* __restrict__ b_pw,
                              std::uint32_t* __restrict__ packed) {
  const std::int32_t chunk = static_cast<std::int32_t>(blockIdx.x), c0 = chunk * plan.chunk;
  const std::int32_t k0 = static_cast<std::int32_t>(blockIdx.y) * plan.channels_out;
  const std::int32_t depthwise = plan.chunk * plan.taps_padded, biases = plan.chunk;
  std::uint32_t* head = packed + static_cast<std::int64_t>(blockIdx.y) * (plan.packed_bytes / 4);
  if (chunk == 0 && threadIdx.x < kTiles * 8) {
    const std::int32_t k = k0 + ChannelOf<kTiles>(threadIdx.x / 8, threadIdx.x % 8);
    head[threadIdx.x] = b_pw && k < shape.k ? __float_as_uint(device::ToFloat(b_pw[k])) : 0;
  }
  std::uint32_t* to = head + kTiles * 8 + static_cast<std::int64_t>(chunk) * (plan.weight_bytes / 4);
  for (std::int32_t i = static_cast<std::int32_t>(threadIdx.x); i < plan.weight_bytes / 4;
       i += static_cast<std::int32_t>(blockDim.x)) {
    if (i < depthwise) {
      to[i] = DepthwiseWord(shape, plan, w_dw, c0, i);
    } else if (i < depthwise + biases) {
      const std::int32_t c = c0 + i - depthwise;
      to[i] = b_dw && c < shape.c ? __float_as_uint(device::ToFloat(b_dw[c])) : 0;
    } else {
      to[i] = PointwiseWord<T, kTiles, Product>(shape, w_pw, k0, c0, i - depthwise - biases);
    }
  }
}

}  // namespace assay::dsconv::mma
