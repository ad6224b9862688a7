// Tensor element types and their conversion to the fp32 that all kernels compute in.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "kernels/pack.h"

namespace assay::device {

__device__ __forceinline__ float ToFloat(float value) { return value; }
__device__ __forceinline__ float ToFloat(__half value) { return __half2float(value); }
__device__ __forceinline__ float ToFloat(__nv_bfloat16 value) { return __bfloat162float(value); }

// Round to nearest, ties to even.
template <class T>
__device__ __forceinline__ T FromFloat(float value);
template <>
__device__ __forceinline__ float FromFloat<float>(float value) {
  return value;
}
template <>
__device__ __forceinline__ __half FromFloat<__half>(float value) {
  return __float2half_rn(value);
}
template <>
__device__ __forceinline__ __nv_bfloat16 FromFloat<__nv_bfloat16>(float value) {
  return __float2bfloat16_rn(value);
}

template <class T>
struct ElementTag {
  using Type = T;
};

// Calls fn with the ElementTag of dtype and returns what it returns; one instantiation of fn a dtype.
template <class Fn>
auto DispatchElement(assay_dtype dtype, Fn&& fn) {
  switch (dtype) {
    case ASSAY_F16:
      return fn(ElementTag<__half>{});
    case ASSAY_BF16:
      return fn(ElementTag<__nv_bfloat16>{});
    default:
      return fn(ElementTag<float>{});
  }
}

}  // namespace assay::device
