// The driver's encoder of tensor maps, found at run time, so that nothing links with libcuda.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include <cuda.h>
#include <cudaTypedefs.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <type_traits>

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

// Sizes of a tensor in nhwc or of a box of it, innermost first.
struct Pixels {
  std::int32_t c, w, h, n;
};

// What a map calls elements of T. Of a type of another size, copies would be of other bytes than are waited
// for.
template <class T>
constexpr CUtensorMapDataType TensorMapType() {
  if constexpr (std::is_same_v<T, float>) {
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  } else if constexpr (std::is_same_v<T, __half>) {
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  } else {
    static_assert(std::is_same_v<T, __nv_bfloat16>);
    return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  }
}

// A map of a tensor of T in nhwc and of its boxes, with zeros outside of it. 16-byte aligned, pixels a
// multiple of 16 bytes. cudaErrorNotSupported where the driver has no encoder.
template <class T>
cudaError_t DescribeNhwc(const T* from, const Pixels& tensor, const Pixels& box, CUtensorMapSwizzle swizzle,
                         CUtensorMapL2promotion promotion, CUtensorMap& map) {
  static const auto encode = TensorMapEncoder();
  if (encode == nullptr) return cudaErrorNotSupported;
  const auto size = [](std::int32_t value) { return static_cast<cuuint64_t>(value); };
  const auto side = [](std::int32_t value) { return static_cast<cuuint32_t>(value); };
  const cuuint64_t pixel = size(tensor.c) * sizeof(T), row = pixel * size(tensor.w);
  const cuuint64_t sizes[4] = {size(tensor.c), size(tensor.w), size(tensor.h), size(tensor.n)};
  const cuuint64_t strides[3] = {pixel, row, row * size(tensor.h)};
  const cuuint32_t sides[4] = {side(box.c), side(box.w), side(box.h), side(box.n)}, steps[4] = {1, 1, 1, 1};
  const CUresult status =
      encode(&map, TensorMapType<T>(), 4, const_cast<T*>(from), sizes, strides, sides, steps,
             CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, promotion, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return status == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

}  // namespace assay::device

#endif
