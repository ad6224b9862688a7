// The depthwise half of two channels of a pixel, in fp32.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#ifndef ASSAY_SIMT

namespace assay::dsconv::wide {

// Two channels of a pixel.
template <class T>
__device__ __forceinline__ float2 ToFloats(std::uint32_t pair) {
  if constexpr (std::is_same_v<T, __half>) {
    return __half22float2(reinterpret_cast<const __half2&>(pair));
  } else {
    return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
  }
}

__device__ __forceinline__ void AddProduct(float2& sum, float2 x, float2 w) {
  sum.x = fmaf(x.x, w.x, sum.x);
  sum.y = fmaf(x.y, w.y, sum.y);
}

}  // namespace assay::dsconv::wide

#endif
