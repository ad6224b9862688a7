// Outputs of a warp, a pair of rows of 8 pixels of each block: through boxes in shared memory, by TMA.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/mma_sparse.h"
#include "kernels/device/ptx/tma_store.h"
#include "kernels/dsconv/sparse/multiply.h"
#include "kernels/dsconv/strips/block.h"

namespace assay::dsconv::strips {

struct PairAt {
  std::int32_t n, p, q;
};

// kBoxes at once of those of kBlocks pairs of rows.
template <class T, int kTiles, int kBlocks, int kBoxes>
struct BoxStore {
  static constexpr int kOfBlock = kTiles / 8, kAll = kOfBlock * kBlocks;
  static_assert(kAll % kBoxes == 0);
  const Block& block;
  const CUtensorMap* map;
  char* boxes;
  std::uint32_t row;  // where the lane's row of the first matrices is in the first box

  __device__ __forceinline__ BoxStore(const Block& of_block, const CUtensorMap* of_map, int warp, int lane)
      : block(of_block), map(of_map), boxes(of_block.outputs + warp * kBoxes * kBoxBytes) {
    // Lane 8i + j names pixel j of the upper or lower row, 8 channels or the next 8.
    row = device::SharedAddress(boxes) +
          static_cast<std::uint32_t>(lane / 8 % 2 * 1024 + lane % 8 * kPixelBytes +
                                     ((lane / 16) ^ lane % 8) * 16);
  }
  __device__ __forceinline__ void Store(const PairAt (&at)[kBlocks], std::int32_t k0, int lane,
                                        const float (&sums)[kBlocks][kTiles][4]) const {
#pragma unroll
    for (int first = 0; first < kAll; first += kBoxes) {
      if (lane == 0) device::WaitBoxesRead<0>();
      __syncwarp();
#pragma unroll
      for (int i = 0; i < kBoxes; ++i) Write(i, sums[(first + i) / kOfBlock] + (first + i) % kOfBlock * 8);
      device::FenceAsyncProxy();
      __syncwarp();
      if (lane != 0) continue;
#pragma unroll
      for (int i = 0; i < kBoxes; ++i) {
        const PairAt& pair = at[(first + i) / kOfBlock];
        const std::int32_t k = k0 + (first + i) % kOfBlock * 64;
        if (k < block.shape.k) device::StoreBox4(map, boxes + i * kBoxBytes, k, pair.q, pair.p, pair.n);
      }
      device::CommitBoxes();
    }
  }

 private:
  // 64 channels of 16 pixels.
  __device__ __forceinline__ void Write(int box, const float (*sums)[4]) const {
    const std::uint32_t to = row + static_cast<std::uint32_t>(box * kBoxBytes);
#pragma unroll
    for (int unit = 0; unit < 8; unit += 2) {
      std::uint32_t packed[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float* two = sums[unit + i / 2] + i % 2 * 2;
        packed[i] = wide::PackClamped<T>(block.plan.output, two[0], two[1]);
      }
      device::StoreMatrix4(to ^ static_cast<std::uint32_t>(unit * 16), packed);
    }
  }
};

// Which of the lane's pixels, in the upper and in the lower row, have outputs that are NaN.
template <int kTiles>
__device__ __forceinline__ std::uint32_t NansOf(const Shape& shape, const PairAt& at, int lane,
                                                const float (&sums)[kTiles][4]) {
  std::uint32_t nan = 0;
#pragma unroll
  for (int lower = 0; lower < 2; ++lower) {
    const bool there = at.n < shape.n && at.q + lane / 4 < shape.q && at.p + lower < shape.p;
    if (there && sums[0][2 * lower] != sums[0][2 * lower]) nan |= 1u << lower;
  }
  return nan;
}

}  // namespace assay::dsconv::strips

#endif
