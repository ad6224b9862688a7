// 16-byte accesses to shared and global memory.
#pragma once

#include <cuda_runtime.h>

#ifdef ASSAY_SIMT
#include <cstring>
#endif

namespace assay::device {

// Four consecutive floats; `from` is 16-byte aligned.
__device__ __forceinline__ float4 LoadFloat4(const float* from) {
#ifdef ASSAY_SIMT
  float4 value;
  std::memcpy(&value, from, sizeof value);  // reading floats through a float4 lvalue is not legal C++
  return value;
#else
  return *reinterpret_cast<const float4*>(from);
#endif
}

}  // namespace assay::device
