// A host pack for pack_test.cpp: what it computes shows whether it shares the scheduler and the indices with
// the program.
#include <cuda_runtime.h>

#include "kernels/device/shared_memory.h"

namespace {

struct Storage {
  int values[64];
};

__global__ void __launch_bounds__(64) ReverseKernel(const int* in, int* out) {
  auto& storage = assay::dynamic_shared<Storage>();
#pragma unroll
  for (int i = 0; i < 1; ++i) storage.values[threadIdx.x] = in[blockIdx.x * 64 + threadIdx.x];
  __syncthreads();
  out[blockIdx.x * 64 + threadIdx.x] = storage.values[63 - threadIdx.x];
}

__global__ void DivergeKernel() {
  if (threadIdx.x == 0) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

cudaLaunchConfig_t Config(unsigned blocks) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(64);
  config.dynamicSmemBytes = sizeof(Storage);
  return config;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int probe_reverse(const int* in, int* out,
                                                                    unsigned blocks) {
  const cudaLaunchConfig_t config = Config(blocks);
  return cudaLaunchKernelEx(&config, ReverseKernel, in, out);
}

extern "C" __attribute__((visibility("default"))) int probe_diverge() {
  const cudaLaunchConfig_t config = Config(1);
  return cudaLaunchKernelEx(&config, DivergeKernel);
}
