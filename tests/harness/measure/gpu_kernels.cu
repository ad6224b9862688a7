#include "tests/harness/measure/gpu_kernels.h"

namespace assay {
namespace {

__global__ void Spin(std::uint64_t nanoseconds) {
  std::uint64_t start, now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
  do {
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  } while (now - start < nanoseconds);
}

__global__ void Read(const uint4* buffer, std::size_t count, std::uint32_t* sink) {
  std::uint32_t sum = 0;
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const uint4 word = buffer[i];
    sum += word.x ^ word.y ^ word.z ^ word.w;
  }
  if (sum == 0x12345678u) *sink = sum;
}

template <class... Params, class... Args>
cudaError_t Launch(void (*kernel)(Params...), unsigned blocks, unsigned threads, std::size_t shared,
                   cudaStream_t stream, Args... args) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, args...);
}

}  // namespace

// The errors are left for the harness to find.
void EnqueueSpin(std::uint64_t nanoseconds, cudaStream_t stream) {
  static_cast<void>(Launch(Spin, 1, 1, 0, stream, nanoseconds));
}

void EnqueueRead(const void* buffer, std::size_t bytes, std::uint32_t* sink, cudaStream_t stream) {
  static_cast<void>(
      Launch(Read, 1056, 256, 0, stream, static_cast<const uint4*>(buffer), bytes / sizeof(uint4), sink));
}

void EnqueueImpossible(cudaStream_t stream) {
  static_cast<void>(Launch(Spin, 1, 1, std::size_t{1} << 20, stream, std::uint64_t{1}));
}

}  // namespace assay
