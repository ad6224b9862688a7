// The error that cudaGetLastError() returns, one for each operating-system thread.
#pragma once

#include "harness/simt/include/cuda_runtime_api.h"

namespace assay::simt {

// Keeps `error` as this thread's last one unless it is cudaSuccess, and returns it.
cudaError_t Remember(cudaError_t error);

}  // namespace assay::simt
