// The pointwise half: sums of a warp's pixels += A fragments x weights in shared memory.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/mma.h"
#include "kernels/device/ptx/shared_load.h"

namespace assay::dsconv::mma {

// Which weight stands at a word of the packed weights of 16 input channels: columns of matrix `tile`, and
// channels k, k + 1 of 16. They lie as B fragments: [kTiles / 2][32 lanes][4] words, two matrices in each
// four.
struct WordAt {
  std::int32_t tile, column, k;
};
__device__ __forceinline__ WordAt PackedWord(std::int32_t word) {
  const std::int32_t lane = word / 4 % 32, pair = word / 128;
  return {2 * pair + word % 4 / 2, lane / 4, word % 2 * 8 + lane % 4 * 2};
}

template <class T, int kRows, int kTiles>
__device__ __forceinline__ void AddProducts(const std::uint32_t (&a)[kRows][4], device::SharedPlace weights,
                                            int lane, float (&sums)[kRows][kTiles][4]) {
#pragma unroll
  for (int i = 0; i < kTiles / 2; ++i) {
    const uint4 two = device::LoadFour(weights + (i * 32 + lane) * 16);
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      device::Mma16816(sums[j][2 * i], a[j], two.x, two.y, device::ElementTag<T>{});
    }
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      device::Mma16816(sums[j][2 * i + 1], a[j], two.z, two.w, device::ElementTag<T>{});
    }
  }
}

}  // namespace assay::dsconv::mma
