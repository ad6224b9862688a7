// Weights as `hopper_dilated` reads them:
//   b_pw: [output channels of all blocks] floats
//   depthwise: [chunks][9 taps and b_dw][128 bytes of channels] elements
//   pointwise: [blocks of 256 output channels][chunks][parts][256 rows][128 bytes of channels], swizzled as
//     wgmma wants them: unit u of 16 bytes of row n at u ^ n % 8. Rows stand in the order of OutputOf.
// Zeros stand for channels beyond C and K.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/dsconv/dilated/plan.h"
#include "kernels/dsconv/wide/weights.h"

namespace assay::dsconv::dilated {

// The output channel, within a block's, of row n. Of each 64 rows a lane of a warp has rows j and j + 8 of
// 16; those of four times 64 are 8 channels in a row.
__device__ __forceinline__ std::int32_t OutputOf(std::int32_t n) {
  return n % 64 / 16 * 64 + n % 8 * 8 + n / 64 * 2 + n % 16 / 8;
}

template <class T, int kParts>
__global__ void PrepackKernel(const Shape shape, const Plan plan, const T* __restrict__ w_dw,
                              const T* __restrict__ b_dw, const T* __restrict__ w_pw,
                              const T* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  wide::PackBiases(first, step, std::int64_t{plan.column_tiles} * kOutputs, shape.k, b_pw,
                   reinterpret_cast<float*>(packed));
  wide::PackFilters<kPixelBytes / sizeof(T)>(first, step, plan.chunks, shape, w_dw, b_dw,
                                             reinterpret_cast<T*>(packed + plan.filters_from));
  wide::PackWeights<kParts>(first, step, plan.column_tiles, plan.chunks, kOutputs, shape.c, shape.k, OutputOf,
                            w_pw, packed + plan.weights_from);
}

}  // namespace assay::dsconv::dilated
