// Matrices of elements of 16 or 32 bits, transposed one by one: planes of channels into pixels of channels
// and back. Bits are moved as they are.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/divide.h"
#include "kernels/device/launch.h"
#include "kernels/device/shared_memory.h"

namespace assay::dsconv::via {

inline constexpr std::int32_t kSide = 64, kWarps = 8, kRowsAWarp = kSide / kWarps;

// [count][rows][columns], and the blocks of kSide x kSide that a thread block each moves.
struct Matrices {
  std::int32_t rows, columns, down, across, count;
  device::Divisor by_across, by_down;

  Matrices(std::int32_t of_count, std::int32_t of_rows, std::int32_t of_columns)
      : rows(of_rows),
        columns(of_columns),
        down((of_rows - 1) / kSide + 1),
        across((of_columns - 1) / kSide + 1),
        count(of_count),
        by_across(across),
        by_down(down) {}

  std::int64_t Blocks() const { return static_cast<std::int64_t>(count) * down * across; }
};

// Two elements that are loaded or stored at once.
template <class Element>
struct PairOf;
template <>
struct PairOf<std::uint16_t> {
  using Type = std::uint32_t;
  __device__ __forceinline__ static Type Of(std::uint16_t low, std::uint16_t high) {
    return low | static_cast<std::uint32_t>(high) << 16;
  }
  __device__ __forceinline__ static std::uint16_t Low(Type pair) { return static_cast<std::uint16_t>(pair); }
  __device__ __forceinline__ static std::uint16_t High(Type pair) {
    return static_cast<std::uint16_t>(pair >> 16);
  }
};
template <>
struct PairOf<std::uint32_t> {
  using Type = uint2;
  __device__ __forceinline__ static Type Of(std::uint32_t low, std::uint32_t high) {
    return make_uint2(low, high);
  }
  __device__ __forceinline__ static std::uint32_t Low(const Type& pair) { return pair.x; }
  __device__ __forceinline__ static std::uint32_t High(const Type& pair) { return pair.y; }
};

template <class Element>
struct Storage {
  // Of 16 bits two more: lanes that read a column meet two and not 32 at a time in a bank.
  Element tile[kSide][kSide + 4 / sizeof(Element)];
};

// kReadPairs: columns are even, so that two elements of a row are read at once; kWritePairs: rows are.
template <class Element, bool kReadPairs, bool kWritePairs>
__global__ void __launch_bounds__(32 * kWarps)
    TransposeKernel(const Element* __restrict__ from, Element* __restrict__ to, const Matrices matrices) {
  using Pair = PairOf<Element>;
  auto& storage = dynamic_shared<Storage<Element>>();
  const auto block = static_cast<std::int32_t>(blockIdx.x);
  const std::int32_t strip = matrices.by_across.Quotient(block);
  const std::int32_t column0 = (block - strip * matrices.across) * kSide;
  const std::int32_t matrix = matrices.by_down.Quotient(strip);
  const std::int32_t row0 = (strip - matrix * matrices.down) * kSide;
  const std::int64_t first =
      static_cast<std::int64_t>(matrix) * matrices.rows * static_cast<std::int64_t>(matrices.columns);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;

  typename Pair::Type pairs[kRowsAWarp];
  const std::int32_t low = kReadPairs ? 2 * lane : lane, high = kReadPairs ? 2 * lane + 1 : lane + 32;
#pragma unroll
  for (int i = 0; i < kRowsAWarp; ++i) {
    const std::int32_t row = row0 + warp + i * kWarps;
    const Element* line = from + first + static_cast<std::int64_t>(row) * matrices.columns + column0;
    const bool has_low = row < matrices.rows && column0 + low < matrices.columns;
    const bool has_high = row < matrices.rows && column0 + high < matrices.columns;
    pairs[i] = Pair::Of(0, 0);
    if constexpr (kReadPairs) {
      if (has_low) pairs[i] = *reinterpret_cast<const typename Pair::Type*>(line + low);
    } else {
      pairs[i] = Pair::Of(has_low ? line[low] : Element{0}, has_high ? line[high] : Element{0});
    }
  }
#pragma unroll
  for (int i = 0; i < kRowsAWarp; ++i) {
    Element* line = storage.tile[warp + i * kWarps];
    if constexpr (kReadPairs && sizeof(Element) == 2) {
      *reinterpret_cast<typename Pair::Type*>(line + low) = pairs[i];
    } else {  // of 32 bits rows are an odd number of elements, and pairs are not aligned
      line[low] = Pair::Low(pairs[i]);
      line[high] = Pair::High(pairs[i]);
    }
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kRowsAWarp; ++i) {
    const std::int32_t j = warp + i * kWarps, column = column0 + j;
    if (column >= matrices.columns) continue;
    const std::int32_t upper = kWritePairs ? 2 * lane : lane, lower = kWritePairs ? 2 * lane + 1 : lane + 32;
    Element* line = to + first + static_cast<std::int64_t>(column) * matrices.rows + row0;
    if constexpr (kWritePairs) {
      if (row0 + upper < matrices.rows) {
        *reinterpret_cast<typename Pair::Type*>(line + upper) =
            Pair::Of(storage.tile[upper][j], storage.tile[lower][j]);
      }
    } else {
      if (row0 + upper < matrices.rows) line[upper] = storage.tile[upper][j];
      if (row0 + lower < matrices.rows) line[lower] = storage.tile[lower][j];
    }
  }
}

// There are at most 2^31 - 1 blocks, and both pointers are aligned to two elements.
template <class Element>
cudaError_t Transpose(const void* from, void* to, const Matrices& matrices, void* stream) {
  const auto launch = [&](auto kernel) {
    return device::LaunchKernel(kernel, dim3(static_cast<unsigned>(matrices.Blocks())), dim3(32 * kWarps),
                                sizeof(Storage<Element>), stream, static_cast<const Element*>(from),
                                static_cast<Element*>(to), matrices);
  };
  if (matrices.columns % 2 == 0) {
    return matrices.rows % 2 == 0 ? launch(TransposeKernel<Element, true, true>)
                                  : launch(TransposeKernel<Element, true, false>);
  }
  return matrices.rows % 2 == 0 ? launch(TransposeKernel<Element, false, true>)
                                : launch(TransposeKernel<Element, false, false>);
}

}  // namespace assay::dsconv::via
