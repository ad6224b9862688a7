// The driver's encoder of tensor maps, found at run time, so that nothing links with libcuda.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include <cuda.h>
#include <cudaTypedefs.h>

namespace assay::device {

// NULL where the driver has none.
inline PFN_cuTensorMapEncodeTiled_v12000 TensorMapEncoder() {
  void* entry = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  const cudaError_t status =
      cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found);
  if (status != cudaSuccess || found != cudaDriverEntryPointSuccess) return nullptr;
  return reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(entry);
}

}  // namespace assay::device

#endif
