// The tensor-core ceiling: on sm_90a warpgroup MMA from shared memory, the only way to this GPU's full rate;
// elsewhere (sm_80 and later) warp-wide MMA from registers. Operands are random in [-1, 1); sums are fp32.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "harness/measure/cuda/ceiling_kernels.h"
#include "harness/measure/cuda/ceiling_random.cuh"
#include "harness/measure/cuda/mma_ptx.cuh"

namespace assay::cuda {

inline constexpr unsigned kTensorThreads = 256;
inline constexpr int kWarpgroups = kTensorThreads / 128;
// A row of operands is 128 bytes (64 halves or 32 TF32 numbers): what one line of the 128-byte swizzle holds.
inline constexpr int kRowBytes = 128;
inline constexpr int kTileRowsA = 64;   // per warpgroup
inline constexpr int kTileRowsB = 256;  // shared by all
inline constexpr int kTensorTileBytes = (kWarpgroups * kTileRowsA + kTileRowsB) * kRowBytes;
inline constexpr int kSwizzleAlignment = 1024;
inline constexpr int kTensorSharedBytes = kTensorTileBytes + kSwizzleAlignment;
static_assert(kTensorSharedBytes <= 99 * 1024, "must fit every GPU from sm_80 on");

// Two halves, or one TF32 number, in one register.
template <TensorType kType>
__device__ inline std::uint32_t RandomOperand(std::uint32_t i) {
  if constexpr (kType == TensorType::kFp16) {
    const __half2 pair = __floats2half2_rn(RandomReal(2 * i), RandomReal(2 * i + 1));
    return static_cast<std::uint32_t>(__half_as_ushort(__high2half(pair))) << 16 |
           __half_as_ushort(__low2half(pair));
  } else if constexpr (kType == TensorType::kBf16) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(RandomReal(2 * i), RandomReal(2 * i + 1));
    return static_cast<std::uint32_t>(__bfloat16_as_ushort(__high2bfloat16(pair))) << 16 |
           __bfloat16_as_ushort(__low2bfloat16(pair));
  } else {
    return __float_as_uint(RandomReal(i));
  }
}

#if defined(ASSAY_TENSOR_WGMMA)

template <TensorType kType>
__device__ inline float TensorWork(int iterations, double* flops_per_iteration) {
  constexpr int kSteps = kRowBytes / kMmaStepBytes;  // along k, in one row
  constexpr int kRounds = 4;                         // over the tile, in one iteration
  extern __shared__ unsigned char shared_raw[];
  const std::uint32_t raw = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared_raw));
  const std::uint32_t base = (raw + kSwizzleAlignment - 1) / kSwizzleAlignment * kSwizzleAlignment;
  auto* words = reinterpret_cast<std::uint32_t*>(shared_raw + (base - raw));
  for (int i = threadIdx.x; i < kTensorTileBytes / 4; i += kTensorThreads) words[i] = RandomOperand<kType>(i);
  FenceSharedForMma();
  __syncthreads();

  const std::uint32_t tile_a = base + threadIdx.x / 128 * (kTileRowsA * kRowBytes);
  const std::uint64_t a = MmaDescriptor(tile_a);
  const std::uint64_t b = MmaDescriptor(base + kWarpgroups * kTileRowsA * kRowBytes);
  float sums[kWgmmaSums] = {};
  for (int i = 0; i < iterations; ++i) {
    WgmmaFence();
#pragma unroll
    for (int step = 0; step < kSteps * kRounds; ++step) {
      const std::uint64_t offset = MmaDescriptorOffset(step % kSteps * kMmaStepBytes);
      Wgmma<kType>(sums, a + offset, b + offset);
    }
    WgmmaCommit();
    WgmmaWait<1>();
  }
  WgmmaWait<0>();
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    constexpr int kDepth = kMmaStepBytes / (kType == TensorType::kTf32 ? 4 : 2);
    *flops_per_iteration = 2.0 * kTileRowsA * kTileRowsB * kDepth * kSteps * kRounds * kWarpgroups;
  }
  float sum = 0;
#pragma unroll
  for (int j = 0; j < kWgmmaSums; ++j) sum += sums[j];
  return sum;
}

#elif defined(ASSAY_TENSOR_MMA)

template <TensorType kType>
__device__ inline float TensorWork(int iterations, double* flops_per_iteration) {
  constexpr int kTilesM = 2, kTilesN = 4;
  constexpr int kRounds = 4;
  const std::uint32_t thread = blockIdx.x * kTensorThreads + threadIdx.x;
  std::uint32_t a[kTilesM][4], b[kTilesN][2];
  float sums[kTilesM][kTilesN][4] = {};
#pragma unroll
  for (int m = 0; m < kTilesM; ++m) {
#pragma unroll
    for (int j = 0; j < 4; ++j) a[m][j] = RandomOperand<kType>(thread * 16 + m * 4 + j);
  }
#pragma unroll
  for (int n = 0; n < kTilesN; ++n) {
#pragma unroll
    for (int j = 0; j < 2; ++j) b[n][j] = RandomOperand<kType>(thread * 16 + 8 + n * 2 + j);
  }
  for (int i = 0; i < iterations; ++i) {
#pragma unroll
    for (int round = 0; round < kRounds; ++round) {
#pragma unroll
      for (int m = 0; m < kTilesM; ++m) {
#pragma unroll
        for (int n = 0; n < kTilesN; ++n) WarpMma<kType>(sums[m][n], a[m], b[n]);
      }
    }
  }
  if (thread == 0) {
    constexpr int kDepth = kType == TensorType::kTf32 ? 8 : 16;
    constexpr int kWarps = kTensorThreads / 32;
    *flops_per_iteration = 2.0 * 16 * 8 * kDepth * kTilesM * kTilesN * kRounds * kWarps;
  }
  float sum = 0;
#pragma unroll
  for (int m = 0; m < kTilesM; ++m) {
#pragma unroll
    for (int n = 0; n < kTilesN; ++n) sum += sums[m][n][0] + sums[m][n][1] + sums[m][n][2] + sums[m][n][3];
  }
  return sum;
}

#else

template <TensorType kType>
__device__ inline float TensorWork(int, double* flops_per_iteration) {
  if (blockIdx.x == 0 && threadIdx.x == 0) *flops_per_iteration = 0;
  return 0;
}

#endif

template <TensorType kType>
__global__ void __launch_bounds__(kTensorThreads, 1)
    TensorLoop(int iterations, float* sink, double* flops_per_iteration) {
  const float sum = TensorWork<kType>(iterations, flops_per_iteration);
  const std::size_t thread = static_cast<std::size_t>(blockIdx.x) * kTensorThreads + threadIdx.x;
  sink[thread % (kArithmeticSinkBytes / sizeof(float))] = sum;
}

}  // namespace assay::cuda
