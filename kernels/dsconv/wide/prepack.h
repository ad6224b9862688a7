// The weights as `hopper_wide` reads them:
// b_pw, the depthwise filters, items ([patterns], their number and they themselves, place.h), and the
// pointwise weights (weights.h says how).
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/vector.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/place.h"
#include "kernels/dsconv/wide/plan.h"
#include "kernels/dsconv/wide/weights.h"

namespace assay::dsconv::wide {

template <class T>
__global__ void PrepackKernel(const Shape shape, const Plan plan, const T* __restrict__ w_dw,
                              const T* __restrict__ b_dw, const T* __restrict__ w_pw,
                              const T* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int32_t blocks = plan.column_groups * plan.tile.column_blocks;

  PackBiases(first, step, std::int64_t{blocks} * plan.tile.columns, shape.k, b_pw,
             reinterpret_cast<float*>(packed));
  PackFilters(first, step, plan.chunks, shape, w_dw, b_dw,
              reinterpret_cast<float*>(packed + plan.filters_from));

  for (std::int64_t i = first; i < plan.patterns; i += step) {
    char* to = packed + plan.items_from + i * plan.item_bytes;
    std::int32_t items = 0;
    Item item;
    for (ItemsOfUnit all(shape, plan, static_cast<std::int32_t>(i) * plan.tile.unit); all.Next(item);) {
      device::StoreUint4(
          to + ++items * 16,
          make_uint4(static_cast<std::uint32_t>(item.row), static_cast<std::uint32_t>(item.column),
                     static_cast<std::uint32_t>(item.output),
                     static_cast<std::uint32_t>(item.length | item.rows << 16)));
    }
    device::StoreUint4(to, make_uint4(static_cast<std::uint32_t>(items), 0, 0, 0));
    while ((items + 1) * 16 < plan.item_bytes) device::StoreUint4(to + ++items * 16, make_uint4(0, 0, 0, 0));
  }

  PackWeights(first, step, blocks, plan.chunks, plan.tile.columns, shape.c, shape.k, ChannelOf, w_pw,
              packed + plan.weights_from);
}

}  // namespace assay::dsconv::wide
