// The pointwise half: weights (A, 16 output channels a matrix) times depthwise results (B, eight columns of a
// row of pixels), mma.sync m16n8k8 in TF32. With kParts = 2 both operands are the sum of two TF32 numbers,
// and three of the four products are made, the small ones first.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/mma.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/tf32/plan.h"

namespace assay::dsconv::tf32 {

__device__ __forceinline__ void LoadFragment(const char* from, std::uint32_t (&a)[4]) {
  const uint4 four = device::LoadUint4(from);
  a[0] = four.x, a[1] = four.y, a[2] = four.z, a[3] = four.w;
}

// sums[m][i] += A[m] B[i] for the eight channels of which the lane has values[i][first] and [first + 1].
template <int kMatrices, int kParts>
__device__ __forceinline__ void AddProduct(const float (&values)[kRows][4], int first, const char* fragments,
                                           float (&sums)[kMatrices][kRows][4]) {
  std::uint32_t b[kRows][2], rest[kRows][2];
#pragma unroll
  for (int i = 0; i < 2 * kRows; ++i) {
    const float value = values[i / 2][first + i % 2];
    b[i / 2][i % 2] = device::ToTf32(value);
    // The matrix unit cuts off what is below the second part: at most 2^-21 of the value.
    if (kParts == 2) rest[i / 2][i % 2] = __float_as_uint(value - __uint_as_float(b[i / 2][i % 2]));
  }
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) {
    std::uint32_t a[4];
    LoadFragment(fragments + m * kParts * 512, a);
    if constexpr (kParts == 2) {
      std::uint32_t small[4];
      LoadFragment(fragments + (m * kParts + 1) * 512, small);
#pragma unroll
      for (int i = 0; i < kRows; ++i) device::MmaTf32(sums[m][i], small, b[i][0], b[i][1]);
#pragma unroll
      for (int i = 0; i < kRows; ++i) device::MmaTf32(sums[m][i], a, rest[i][0], rest[i][1]);
    }
#pragma unroll
    for (int i = 0; i < kRows; ++i) device::MmaTf32(sums[m][i], a, b[i][0], b[i][1]);
  }
}

// A group's part of the sums.
template <int kMatrices, int kParts>
__device__ __forceinline__ void AddGroup(const float (&values)[kRows][4], const char* fragments, int lane,
                                         float (&sums)[kMatrices][kRows][4]) {
  AddProduct<kMatrices, kParts>(values, 0, fragments + lane * 16, sums);
  AddProduct<kMatrices, kParts>(values, 2, fragments + kMatrices * kParts * 512 + lane * 16, sums);
}

}  // namespace assay::dsconv::tf32
