// Weights as `hopper_dilated` reads them:
//   b_pw: [output channels of all blocks] floats
//   depthwise: [chunks][9 taps and b_dw][64 channels] elements
//   pointwise: [blocks of 256 output channels][chunks][256 rows][64 channels], swizzled as wgmma wants them:
//     unit u of 8 channels of row n at u ^ n % 8. Rows stand in the order of OutputOf.
// Zeros stand for channels beyond C and K.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/element.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/dilated/plan.h"
#include "kernels/dsconv/wide/weights.h"

namespace assay::dsconv::dilated {

// The output channel, within a block's, of row n. Of each 64 rows a lane of a warp has rows j and j + 8 of
// 16; those of four times 64 are 8 channels in a row.
__device__ __forceinline__ std::int32_t OutputOf(std::int32_t n) {
  return n % 64 / 16 * 64 + n % 8 * 8 + n / 64 * 2 + n % 16 / 8;
}

template <class T>
__global__ void PrepackKernel(const Shape shape, const Plan plan, const T* __restrict__ w_dw,
                              const T* __restrict__ b_dw, const T* __restrict__ w_pw,
                              const T* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  wide::PackBiases(first, step, std::int64_t{plan.column_tiles} * kOutputs, shape.k, b_pw,
                   reinterpret_cast<float*>(packed));
  auto* filters = reinterpret_cast<T*>(packed + plan.filters_from);
  for (std::int64_t i = first; i < static_cast<std::int64_t>(plan.chunks) * 10 * kChunk; i += step) {
    const auto row = static_cast<std::int32_t>(i / kChunk), tap = row % 10;
    const std::int32_t c = row / 10 * kChunk + static_cast<std::int32_t>(i % kChunk);
    T value = device::FromFloat<T>(0.0f);
    if (c < shape.c && tap < 9) value = w_dw[static_cast<std::int64_t>(c) * 9 + tap];
    if (c < shape.c && tap == 9 && b_dw) value = b_dw[c];
    filters[i] = value;
  }
  char* weights = packed + plan.weights_from;
  const std::int64_t rows = static_cast<std::int64_t>(plan.column_tiles) * plan.chunks * kOutputs;
  for (std::int64_t i = first; i < rows * 8; i += step) {
    const std::int64_t row = i / 8;
    const auto unit = static_cast<std::int32_t>(i % 8), n = static_cast<std::int32_t>(row % kOutputs);
    const auto chunk = static_cast<std::int32_t>(row / kOutputs);  // of all blocks
    const std::int32_t k = chunk / plan.chunks * kOutputs + OutputOf(n);
    const std::int32_t c = chunk % plan.chunks * kChunk + unit * 8;
    const uint4 value = k < shape.k && c < shape.c
                            ? device::LoadUint4(w_pw + static_cast<std::int64_t>(k) * shape.c + c)
                            : make_uint4(0, 0, 0, 0);
    device::StoreUint4(weights + row * kPixelBytes + (unit ^ n % 8) * 16, value);
  }
}

}  // namespace assay::dsconv::dilated
