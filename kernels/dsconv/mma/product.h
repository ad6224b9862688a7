// The pointwise half: sums of a warp's pixels += A fragments x weights in shared memory. A product has
//   static constexpr bool kAvailable   // on the architecture that is compiled for
//   static constexpr bool kOddSteps    // takes a chunk of 16 channels
//   static WordAt PackedWord(word)     // of the prepacked weights of 16 channels
//   static void Add(a, weights, lane, sums), Finish(sums)
//   static void BeforeRelease(bool resident)  // if it reads weights later than Add
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/mma.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/device/vector.h"

namespace assay::dsconv::mma {

// Which weight stands at a word of the packed weights: columns of matrix `tile`, and channels k, k + 1 of 16.
struct WordAt {
  std::int32_t tile, column, k;
};

// By each warp for itself. Weights lie as B fragments: [kTiles / 2][32 lanes][4] words, two matrices in each
// four.
template <class T, int kRows, int kTiles>
struct WarpProduct {
  static constexpr bool kAvailable = true, kOddSteps = true;

  __host__ __device__ static WordAt PackedWord(std::int32_t word) {
    const std::int32_t lane = word / 4 % 32, pair = word / 128;
    return {2 * pair + word % 4 / 2, lane / 4, word % 2 * 8 + lane % 4 * 2};
  }

  __device__ __forceinline__ static void Add(const std::uint32_t (&a)[kRows][4], const char* weights,
                                             int lane, float (&sums)[kRows][kTiles][4]) {
#pragma unroll
    for (int i = 0; i < kTiles / 2; ++i) {
      const uint4 two = device::LoadUint4(weights + (i * 32 + lane) * 16);
#pragma unroll
      for (int j = 0; j < kRows; ++j) {
        device::Mma16816(sums[j][2 * i], a[j], two.x, two.y, device::ElementTag<T>{});
        device::Mma16816(sums[j][2 * i + 1], a[j], two.z, two.w, device::ElementTag<T>{});
      }
    }
  }

  __device__ __forceinline__ static void Finish(float (&)[kRows][kTiles][4]) {}
};

#ifndef ASSAY_SIMT
// By four warps together, while they go on with the next depthwise half. Weights lie as 8 x 8 matrices,
// [2 halves of k][kTiles][8 columns][4] words.
template <class T, int kRows, int kTiles>
struct WarpgroupProduct {
#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
  static constexpr bool kAvailable = false;
#else
  static constexpr bool kAvailable = true;
#endif
  static constexpr bool kOddSteps = false;

  __host__ __device__ static WordAt PackedWord(std::int32_t word) {
    return {word / 32 % kTiles, word / 4 % 8, word / (32 * kTiles) * 8 + word % 4 * 2};
  }

  // Weights that do not stay are free to be overwritten only when the products that read them are done.
  __device__ __forceinline__ static void BeforeRelease(bool resident) {
    if (!resident) device::WaitProducts<0>();
  }

  __device__ __forceinline__ static void Add(const std::uint32_t (&a)[kRows][4], const char* weights, int,
                                             float (&sums)[kRows][kTiles][4]) {
    const std::uint64_t b = device::MatrixDescriptor(weights, 128, kTiles * 128);
    device::WaitProducts<0>();
    device::FenceProducts();
#pragma unroll
    for (int j = 0; j < kRows; ++j) device::MultiplyAsync(sums[j], a[j], b, device::ElementTag<T>{});
    device::CommitProducts();
  }

  __device__ __forceinline__ static void Finish(float (&sums)[kRows][kTiles][4]) {
    device::WaitProducts<0>();
    // Nothing that reads the sums may move up across the wait.
#pragma unroll
    for (int i = 0; i < kRows * kTiles * 4; ++i) {
      asm volatile("" : "+f"(sums[i / (kTiles * 4)][i / 4 % kTiles][i % 4])::"memory");
    }
  }
};
#endif

}  // namespace assay::dsconv::mma
