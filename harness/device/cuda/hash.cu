// A grid-stride loop adds each thread's terms, a block reduces them by shuffles, and one 64-bit atomicAdd a
// block adds them up. Integer addition modulo 2^64 is associative and commutative, so the order of blocks
// does not matter and the result equals HashBytes() exactly. Every byte is read once: device-memory bandwidth
// bounds it.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "harness/device/cuda/cuda_check.h"
#include "harness/device/cuda/hash.h"
#include "harness/device/hash_mix.h"

namespace assay {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocksPerSm = 8;
constexpr unsigned kFullWarp = 0xFFFFFFFFu;
static_assert(kThreads % 32 == 0 && kThreads / 32 <= 32, "one warp reduces the sums of all warps");

// Little-endian, as memcpy into a word is on the CPU; bytes past the end count as zero.
__device__ std::uint64_t AssembleWord(const unsigned char* at, std::size_t bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8 && i < bytes; ++i) word |= static_cast<std::uint64_t>(at[i]) << (8 * i);
  return word;
}

__device__ std::uint64_t SumOverWarp(std::uint64_t sum) {
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_down_sync(kFullWarp, sum, distance);
  return sum;
}

template <bool kAligned>
__global__ void __launch_bounds__(kThreads)
    HashKernel(const unsigned char* from, std::size_t bytes, unsigned long long* result) {
  const std::size_t whole_words = bytes / 8;
  const std::size_t words = (bytes + 7) / 8;
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * kThreads;
  std::uint64_t sum = 0;
#pragma unroll 4
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x; i < words; i += step) {
    const bool direct = kAligned && i < whole_words;
    const std::uint64_t word =
        direct ? reinterpret_cast<const std::uint64_t*>(from)[i] : AssembleWord(from + 8 * i, bytes - 8 * i);
    sum += HashTerm(word, i);
  }

  __shared__ std::uint64_t warp_sums[kThreads / 32];
  sum = SumOverWarp(sum);
  if (threadIdx.x % 32 == 0) warp_sums[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    sum = SumOverWarp(threadIdx.x < kThreads / 32 ? warp_sums[threadIdx.x] : 0);
    if (threadIdx.x == 0) atomicAdd(result, static_cast<unsigned long long>(sum));
  }
}

}  // namespace

void CheckHashKernelLoads() {
  cudaFuncAttributes attributes;
  ASSAY_CUDA_CHECK(cudaFuncGetAttributes(&attributes, HashKernel<true>));
}

void EnqueueHash(const std::byte* from, std::size_t bytes, std::uint64_t* sum, int num_sms,
                 cudaStream_t stream) {
  ASSAY_CUDA_CHECK(cudaMemsetAsync(sum, 0, sizeof(*sum), stream));
  if (bytes == 0) return;
  const std::size_t words = (bytes + 7) / 8;
  const std::size_t wanted = (words + kThreads - 1) / kThreads;
  cudaLaunchConfig_t config = {};
  config.gridDim.x =
      static_cast<unsigned>(std::min<std::size_t>(wanted, std::max(1, num_sms) * kBlocksPerSm));
  config.blockDim.x = kThreads;
  config.stream = stream;
  const auto* data = reinterpret_cast<const unsigned char*>(from);
  auto* result = reinterpret_cast<unsigned long long*>(sum);
  const bool aligned = reinterpret_cast<std::uintptr_t>(from) % 8 == 0;
  ASSAY_CUDA_CHECK(
      cudaLaunchKernelEx(&config, aligned ? HashKernel<true> : HashKernel<false>, data, bytes, result));
}

}  // namespace assay
