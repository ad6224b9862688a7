// x as (c, w, h, n) for bulk copies of input tiles (TMA), of a tile's chunks and of its last one.
#pragma once

#ifndef ASSAY_SIMT

#include <cuda.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

// Boxes of `channels` of an input tile.
template <class T>
cudaError_t DescribeChunk(const Shape& shape, const Plan& plan, std::int32_t channels, const T* x,
                          CUtensorMap& map) {
  return device::DescribeNhwc(
      x, {shape.c, shape.w, shape.h, shape.n}, {channels, plan.halo_columns, plan.halo_rows, plan.images},
      channels == 64 ? CU_TENSOR_MAP_SWIZZLE_128B
                     : (channels == 32 ? CU_TENSOR_MAP_SWIZZLE_64B : CU_TENSOR_MAP_SWIZZLE_32B),
      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, map);
}

// Source: of a loader, with the maps `map` and `last`.
template <class T, class Source>
cudaError_t DescribeInput(const Shape& shape, const Plan& plan, const T* x, Source& source) {
  const cudaError_t status = DescribeChunk(shape, plan, plan.chunk, x, source.map);
  source.last = source.map;
  if (status != cudaSuccess || plan.last_chunk == plan.chunk) return status;
  return DescribeChunk(shape, plan, plan.last_chunk, x, source.last);
}

}  // namespace assay::dsconv::mma

#endif
