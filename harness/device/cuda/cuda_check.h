// Every CUDA call of the harness goes through this check.
#pragma once

#include <cuda_runtime_api.h>

namespace assay {

// True if the process can no longer use the GPU after this error.
bool IsSticky(cudaError_t error);

// Throws DeviceError with the call, its place, and CUDA's name and words for the error. Clears the thread's
// last error.
[[noreturn]] void ThrowCudaError(cudaError_t error, const char* call, const char* file, int line);

}  // namespace assay

#define ASSAY_CUDA_CHECK(call)                                              \
  do {                                                                      \
    const cudaError_t assay_cuda_error = (call);                            \
    if (assay_cuda_error != cudaSuccess) {                                  \
      ::assay::ThrowCudaError(assay_cuda_error, #call, __FILE__, __LINE__); \
    }                                                                       \
  } while (false)
