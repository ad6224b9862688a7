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

__device__ __forceinline__ void StoreFloat4(float* to, float4 value) {
#ifdef ASSAY_SIMT
  std::memcpy(to, &value, sizeof value);
#else
  *reinterpret_cast<float4*>(to) = value;
#endif
}

// Two; 8-byte aligned.
__device__ __forceinline__ float2 LoadFloat2(const float* from) {
#ifdef ASSAY_SIMT
  float2 value;
  std::memcpy(&value, from, sizeof value);
  return value;
#else
  return *reinterpret_cast<const float2*>(from);
#endif
}

// 16 bytes of whatever type; `from` and `to` are 16-byte aligned.
__device__ __forceinline__ uint4 LoadUint4(const void* from) {
#ifdef ASSAY_SIMT
  uint4 value;
  std::memcpy(&value, from, sizeof value);
  return value;
#else
  return *static_cast<const uint4*>(from);
#endif
}

__device__ __forceinline__ void StoreUint4(void* to, uint4 value) {
#ifdef ASSAY_SIMT
  std::memcpy(to, &value, sizeof value);
#else
  *static_cast<uint4*>(to) = value;
#endif
}

// 8 bytes, 8-byte aligned.
__device__ __forceinline__ uint2 LoadUint2(const void* from) {
#ifdef ASSAY_SIMT
  uint2 value;
  std::memcpy(&value, from, sizeof value);
  return value;
#else
  return *static_cast<const uint2*>(from);
#endif
}

__device__ __forceinline__ void StoreUint2(void* to, uint2 value) {
#ifdef ASSAY_SIMT
  std::memcpy(to, &value, sizeof value);
#else
  *static_cast<uint2*>(to) = value;
#endif
}

}  // namespace assay::device
