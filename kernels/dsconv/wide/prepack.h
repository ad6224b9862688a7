// The weights as `hopper_wide` reads them:
//   b_pw: [columns of all blocks] floats
//   depthwise: [chunks][r s taps and b_dw][64 channels] floats
//   items: [patterns], their number and they themselves (place.h)
//   pointwise: [blocks of columns][chunks][columns][64 channels], swizzled as wgmma wants them: unit u of 8
//   channels
//     of column n at u ^ n % 8. Columns stand in the order of ColumnOf.
// Zeros stand for channels beyond C and K.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/element.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/place.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::wide {

// The output channel, within a block's, of column n. A lane has columns 2t and 2t + 1 of every 8 columns; so
// those of 32 are 8 channels in a row.
__device__ __forceinline__ std::int32_t ChannelOf(std::int32_t n) {
  return n / 32 * 32 + n % 8 / 2 * 8 + n % 32 / 8 * 2 + n % 2;
}

template <class T>
__global__ void PrepackKernel(const Shape shape, const Plan plan, const T* __restrict__ w_dw,
                              const T* __restrict__ b_dw, const T* __restrict__ w_pw,
                              const T* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int32_t blocks = plan.column_groups * plan.tile.column_blocks, taps = shape.r * shape.s;

  auto* biases = reinterpret_cast<float*>(packed);
  for (std::int64_t k = first; k < static_cast<std::int64_t>(blocks) * plan.tile.columns; k += step) {
    biases[k] = b_pw && k < shape.k ? device::ToFloat(b_pw[k]) : 0.0f;
  }

  auto* filters = reinterpret_cast<float*>(packed + plan.filters_from);
  for (std::int64_t i = first; i < static_cast<std::int64_t>(plan.chunks) * (taps + 1) * kChunk; i += step) {
    const auto row = static_cast<std::int32_t>(i / kChunk), tap = row % (taps + 1);
    const std::int32_t c = row / (taps + 1) * kChunk + static_cast<std::int32_t>(i % kChunk);
    float value = 0.0f;
    if (c < shape.c && tap < taps) value = device::ToFloat(w_dw[static_cast<std::int64_t>(c) * taps + tap]);
    if (c < shape.c && tap == taps && b_dw) value = device::ToFloat(b_dw[c]);
    filters[i] = value;
  }

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

  for (std::int64_t i = first; i < static_cast<std::int64_t>(blocks) * plan.chunks * plan.tile.columns * 8;
       i += step) {
    const auto unit = static_cast<std::int32_t>(i % 8);
    const std::int64_t row = i / 8;
    const auto n = static_cast<std::int32_t>(row % plan.tile.columns);
    const auto of_block = static_cast<std::int32_t>(row / plan.tile.columns);
    const std::int32_t k = of_block / plan.chunks * plan.tile.columns + ChannelOf(n);
    const std::int32_t c = of_block % plan.chunks * kChunk + unit * 8;
    const uint4 value = k < shape.k && c < shape.c
                            ? device::LoadUint4(w_pw + static_cast<std::int64_t>(k) * shape.c + c)
                            : make_uint4(0, 0, 0, 0);
    device::StoreUint4(packed + plan.weights_from + row * kPixelBytes + (unit ^ n % 8) * 16, value);
  }
}

}  // namespace assay::dsconv::wide
