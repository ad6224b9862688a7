#include "harness/profile/cuda_profiler.h"

#if ASSAY_HAVE_CUDA
#include <cuda_profiler_api.h>
#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>
#endif

namespace assay {

#if ASSAY_HAVE_CUDA
namespace {

bool Check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return true;
  throw std::runtime_error(std::string(call) + ": " + cudaGetErrorName(status) + ": " +
                           cudaGetErrorString(status));
}

}  // namespace

bool StartCudaProfiler() { return Check(cudaProfilerStart(), "cudaProfilerStart"); }
bool StopCudaProfiler() { return Check(cudaProfilerStop(), "cudaProfilerStop"); }

#else

bool StartCudaProfiler() { return false; }
bool StopCudaProfiler() { return false; }

#endif

}  // namespace assay
