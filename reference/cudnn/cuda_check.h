// CUDA statuses become exceptions that say what was tried.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace assay::cudnn {

// Throws Error "<what>: <CUDA's text> (<name>)" and clears the runtime's last error, unless status is
// cudaSuccess.
void CheckCuda(cudaError_t status, const std::string& what);

// Throws Error if an earlier fault has made the CUDA context unusable.
void CheckContext(const std::string& after_what);

}  // namespace assay::cudnn
