#include <cuda_runtime.h>

#include "fault_kernels.h"
#include "harness/device/cuda/cuda_check.h"

namespace assay {
namespace {

__global__ void StoreTo(volatile int* at) { *at = 1; }

__global__ void Stop() { __trap(); }

__global__ void FillByte(std::byte* at, std::size_t count, unsigned char value) {
  for (std::size_t i = threadIdx.x; i < count; i += blockDim.x) at[i] = static_cast<std::byte>(value);
}

cudaLaunchConfig_t OneBlock(void* stream) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(1);
  config.blockDim = dim3(32);
  config.stream = static_cast<cudaStream_t>(stream);
  return config;
}

}  // namespace

void LaunchStoreToNull(void* stream) {
  const cudaLaunchConfig_t config = OneBlock(stream);
  volatile int* nowhere = nullptr;
  ASSAY_CUDA_CHECK(cudaLaunchKernelEx(&config, StoreTo, nowhere));
}

void LaunchAssertion(void* stream) {
  const cudaLaunchConfig_t config = OneBlock(stream);
  ASSAY_CUDA_CHECK(cudaLaunchKernelEx(&config, Stop));
}

void LaunchFillByte(std::byte* at, std::size_t count, unsigned char value, void* stream) {
  const cudaLaunchConfig_t config = OneBlock(stream);
  ASSAY_CUDA_CHECK(cudaLaunchKernelEx(&config, FillByte, at, count, value));
}

int LaunchWithTooMuchSharedMemory(void* stream) {
  cudaLaunchConfig_t config = OneBlock(stream);
  config.dynamicSmemBytes = std::size_t{1} << 24;
  const cudaError_t error = cudaLaunchKernelEx(&config, Stop);
  static_cast<void>(cudaGetLastError());  // takes the error back, so that later checks do not meet it
  return static_cast<int>(error);
}

}  // namespace assay
