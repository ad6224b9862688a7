// Weights as kernels of 64 input channels at once and blocks of output channels read them:
//   b_pw: [columns of all blocks] floats
//   depthwise: [chunks][r s taps and b_dw][64 channels] floats
//   pointwise: [blocks of columns][chunks][columns][128 bytes: 64 channels, or 32 of TF32], swizzled as wgmma
//     wants them: unit u of 16 bytes of column n at u ^ n % 8. Columns stand in the order of ChannelOf.
// Zeros stand for channels beyond C and K. Each is packed by threads `first`, `first + step`, ...
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "kernels/device/element.h"
#include "kernels/device/tf32_part.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::wide {

// The output channel, within a block's, of column n. A lane has columns 2t and 2t + 1 of every 8 columns; so
// those of 32 are 8 channels in a row.
__device__ __forceinline__ std::int32_t ChannelOf(std::int32_t n) {
  return n / 32 * 32 + n % 8 / 2 * 8 + n % 32 / 8 * 2 + n % 2;
}
// In fp32, of which 16 bytes hold four: those of 16 columns are 4 channels in a row.
__device__ __forceinline__ std::int32_t ChannelOfFloats(std::int32_t n) {
  return n / 16 * 16 + n % 8 / 2 * 4 + n % 16 / 8 * 2 + n % 2;
}

// 16 bytes of weights as products take them: of fp32 a TF32 part.
template <int kPart = 0, class T>
__device__ __forceinline__ uint4 OperandsOf(const T* from) {
  uint4 unit = device::LoadUint4(from);
  if constexpr (sizeof(T) == 4) {
    for (std::uint32_t* word : {&unit.x, &unit.y, &unit.z, &unit.w})
      *word = device::Tf32Part(__uint_as_float(*word), kPart);
  }
  return unit;
}

template <class T>
__device__ __forceinline__ void PackBiases(std::int64_t first, std::int64_t step, std::int64_t columns,
                                           std::int32_t channels, const T* b_pw, float* to) {
  for (std::int64_t k = first; k < columns; k += step) {
    to[k] = b_pw && k < channels ? device::ToFloat(b_pw[k]) : 0.0f;
  }
}

// As floats, or as they are.
template <std::int32_t kOfChunk = kChunk, class T, class To>
__device__ __forceinline__ void PackFilters(std::int64_t first, std::int64_t step, std::int32_t chunks,
                                            const Shape& shape, const T* w_dw, const T* b_dw, To* to) {
  const auto converted = [](T value) {
    if constexpr (std::is_same_v<T, To>) {
      return value;
    } else {
      return device::ToFloat(value);
    }
  };
  const std::int32_t taps = shape.r * shape.s;
  for (std::int64_t i = first; i < static_cast<std::int64_t>(chunks) * (taps + 1) * kOfChunk; i += step) {
    const auto row = static_cast<std::int32_t>(i / kOfChunk), tap = row % (taps + 1);
    const std::int32_t c = row / (taps + 1) * kOfChunk + static_cast<std::int32_t>(i % kOfChunk);
    To value = device::FromFloat<To>(0.0f);
    if (c < shape.c && tap < taps) value = converted(w_dw[static_cast<std::int64_t>(c) * taps + tap]);
    if (c < shape.c && tap == taps && b_dw) value = converted(b_dw[c]);
    to[i] = value;
  }
}

// `columns` of each of `blocks`, from `inputs` to `outputs` channels, in chunks of 128 bytes of input
// channels. channel_of(n): the output channel, within a block's, of column n.
template <int kParts = 1, class T, class ChannelOfColumn>
__device__ __forceinline__ void PackWeights(std::int64_t first, std::int64_t step, std::int32_t blocks,
                                            std::int32_t chunks, std::int32_t columns, std::int32_t inputs,
                                            std::int32_t outputs, ChannelOfColumn channel_of, const T* w_pw,
                                            char* to) {
  constexpr std::int32_t kOfUnit = 16 / sizeof(T);
  for (std::int64_t i = first; i < static_cast<std::int64_t>(blocks) * chunks * columns * 8; i += step) {
    const auto unit = static_cast<std::int32_t>(i % 8);
    const std::int64_t row = i / 8;
    const auto n = static_cast<std::int32_t>(row % columns);
    const auto of_block = static_cast<std::int32_t>(row / columns);
    const std::int32_t k = of_block / chunks * columns + channel_of(n);
    const std::int32_t c = of_block % chunks * (8 * kOfUnit) + unit * kOfUnit;
    const bool is = k < outputs && c < inputs;
    const T* const from = w_pw + (is ? static_cast<std::int64_t>(k) * inputs + c : 0);
    char* const parts = to + ((row - n) * kParts + n) * kPixelBytes + (unit ^ n % 8) * 16;
    const uint4 zeros = make_uint4(0, 0, 0, 0);
    device::StoreUint4(parts, is ? OperandsOf(from) : zeros);
    if constexpr (kParts == 2)
      device::StoreUint4(parts + std::int64_t{columns} * kPixelBytes, is ? OperandsOf<1>(from) : zeros);
  }
}

}  // namespace assay::dsconv::wide
