// Matrices of 16-bit elements, transposed one by one: planes of channels into pixels of channels and back.
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

struct Storage {
  // Two more: lanes that read a column meet two and not 32 at a time in a bank.
  std::uint16_t tile[kSide][kSide + 2];
};

// kReadPairs: columns are even, so that two elements of a row are read at once; kWritePairs: rows are.
template <bool kReadPairs, bool kWritePairs>
__global__ void __launch_bounds__(32 * kWarps)
    TransposeKernel(const std::uint16_t* __restrict__ from, std::uint16_t* __restrict__ to,
                    const Matrices matrices) {
  Storage& storage = dynamic_shared<Storage>();
  const auto block = static_cast<std::int32_t>(blockIdx.x);
  const std::int32_t strip = matrices.by_across.Quotient(block);
  const std::int32_t column0 = (block - strip * matrices.across) * kSide;
  const std::int32_t matrix = matrices.by_down.Quotient(strip);
  const std::int32_t row0 = (strip - matrix * matrices.down) * kSide;
  const std::int64_t first =
      static_cast<std::int64_t>(matrix) * matrices.rows * static_cast<std::int64_t>(matrices.columns);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;

  std::uint32_t pairs[kRowsAWarp];
  const std::int32_t low = kReadPairs ? 2 * lane : lane, high = kReadPairs ? 2 * lane + 1 : lane + 32;
#pragma unroll
  for (int i = 0; i < kRowsAWarp; ++i) {
    const std::int32_t row = row0 + warp + i * kWarps;
    const std::uint16_t* line = from + first + static_cast<std::int64_t>(row) * matrices.columns + column0;
    const bool exists = row < matrices.rows;
    pairs[i] = 0;
    if constexpr (kReadPairs) {
      if (exists && column0 + low < matrices.columns)
        pairs[i] = *reinterpret_cast<const std::uint32_t*>(line + low);
    } else {
      if (exists && column0 + low < matrices.columns) pairs[i] = line[low];
      if (exists && column0 + high < matrices.columns)
        pairs[i] |= static_cast<std::uint32_t>(line[high]) << 16;
    }
  }
#pragma unroll
  for (int i = 0; i < kRowsAWarp; ++i) {
    std::uint16_t* line = storage.tile[warp + i * kWarps];
    if constexpr (kReadPairs) {
      *reinterpret_cast<std::uint32_t*>(line + low) = pairs[i];
    } else {
      line[low] = static_cast<std::uint16_t>(pairs[i]);
      line[high] = static_cast<std::uint16_t>(pairs[i] >> 16);
    }
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kRowsAWarp; ++i) {
    const std::int32_t j = warp + i * kWarps, column = column0 + j;
    if (column >= matrices.columns) continue;
    const std::int32_t upper = kWritePairs ? 2 * lane : lane, lower = kWritePairs ? 2 * lane + 1 : lane + 32;
    std::uint16_t* line = to + first + static_cast<std::int64_t>(column) * matrices.rows + row0;
    if constexpr (kWritePairs) {
      if (row0 + upper < matrices.rows) {
        *reinterpret_cast<std::uint32_t*>(line + upper) =
            storage.tile[upper][j] | static_cast<std::uint32_t>(storage.tile[lower][j]) << 16;
      }
    } else {
      if (row0 + upper < matrices.rows) line[upper] = storage.tile[upper][j];
      if (row0 + lower < matrices.rows) line[lower] = storage.tile[lower][j];
    }
  }
}

// There are at most 2^31 - 1 blocks, and both pointers are aligned to 4 bytes.
inline cudaError_t Transpose(const void* from, void* to, const Matrices& matrices, void* stream) {
  const auto launch = [&](auto kernel) {
    return device::LaunchKernel(kernel, dim3(static_cast<unsigned>(matrices.Blocks())), dim3(32 * kWarps),
                                sizeof(Storage), stream, static_cast<const std::uint16_t*>(from),
                                static_cast<std::uint16_t*>(to), matrices);
  };
  if (matrices.columns % 2 == 0) {
    return matrices.rows % 2 == 0 ? launch(TransposeKernel<true, true>)
                                  : launch(TransposeKernel<true, false>);
  }
  return matrices.rows % 2 == 0 ? launch(TransposeKernel<false, true>)
                                : launch(TransposeKernel<false, false>);
}

}  // namespace assay::dsconv::via
