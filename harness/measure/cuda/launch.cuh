// One way to launch a kernel, checked.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

#include "harness/device/cuda/cuda_check.h"

namespace assay::cuda {

// `what` is for the error's text, as "launching the L2 write-over".
template <class... Params, class... Args>
void Launch(const char* what, void (*kernel)(Params...), unsigned blocks, unsigned threads,
            std::size_t shared_bytes, cudaStream_t stream, Args&&... args) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  const cudaError_t error = cudaLaunchKernelEx(&config, kernel, std::forward<Args>(args)...);
  if (error != cudaSuccess) ThrowCudaError(error, what, __FILE__, __LINE__);
}

}  // namespace assay::cuda
