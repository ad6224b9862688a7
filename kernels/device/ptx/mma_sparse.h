// Products of a warp whose left operand is sparse (PTX ISA, mma.sp; sm_80 and up): d[16][8] += a[16][32]
// b[32][8], of every four neighbours in a row of a at most two non-zero. With g = lane / 4 and t = lane % 4 a
// lane holds
//   a[0], a[2]: of row g the two stored elements of columns 4t.. and 16 + 4t.., a[1], a[3]: of row g + 8
//   b[j]:       b[8j + 2t][g] and b[8j + 2t + 1][g]: an 8 x 8 matrix as ldmatrix loads it, rows for columns
//   d:          as of mma.h
// `places`, four bits for every four columns, says which two are stored, the lower one in the lower bits: of
// rows g and g + 8 by the lanes of g. Here it is the same for all columns.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "kernels/device/element.h"

#ifndef ASSAY_SIMT

namespace assay::device {

// d = c + a b.
template <class Tag>
__device__ __forceinline__ void MmaSparse16832From(float (&d)[4], const float (&c)[4],
                                                   const std::uint32_t (&a)[4], const std::uint32_t (&b)[4],
                                                   std::uint32_t places, Tag) {
#define ASSAY_SPARSE(type)                                                                                 \
  asm volatile(                                                                                            \
      "mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32." type "." type                          \
      ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9, %10, %11}, {%12, %13, %14, %15}, %16, 0x0;\n"     \
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])                                                     \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "f"(c[0]), \
        "f"(c[1]), "f"(c[2]), "f"(c[3]), "r"(places))
  if constexpr (std::is_same_v<typename Tag::Type, __half>) {
    ASSAY_SPARSE("f16");
  } else {
    ASSAY_SPARSE("bf16");
  }
#undef ASSAY_SPARSE
}

// Of half the depth: a[0] and a[1], b[0] and b[1] as above.
template <class Tag>
__device__ __forceinline__ void MmaSparse16816From(float (&d)[4], const float (&c)[4], std::uint32_t a0,
                                                   std::uint32_t a1, std::uint32_t b0, std::uint32_t b1,
                                                   std::uint32_t places, Tag) {
#define ASSAY_SPARSE(type)                                                                       \
  asm volatile("mma.sp::ordered_metadata.sync.aligned.m16n8k16.row.col.f32." type "." type       \
               ".f32 {%0, %1, %2, %3}, {%4, %5}, {%6, %7}, {%8, %9, %10, %11}, %12, 0x0;\n"      \
               : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])                                  \
               : "r"(a0), "r"(a1), "r"(b0), "r"(b1), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]), \
                 "r"(places))
  if constexpr (std::is_same_v<typename Tag::Type, __half>) {
    ASSAY_SPARSE("f16");
  } else {
    ASSAY_SPARSE("bf16");
  }
#undef ASSAY_SPARSE
}

// Four 8 x 8 matrices to shared memory, each transposed: lane 8i + j names by `row` where column j of matrix
// i, as ldmatrix would load it, becomes 16 bytes in a row (PTX ISA, stmatrix; sm_90).
__device__ __forceinline__ void StoreMatrix4Transposed(std::uint32_t row, const std::uint32_t (&from)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};\n" ::"r"(row),
               "r"(from[0]), "r"(from[1]), "r"(from[2]), "r"(from[3])
               : "memory");
}

// The same, as they are: `row` names row j of matrix i.
__device__ __forceinline__ void StoreMatrix4(std::uint32_t row, const std::uint32_t (&from)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};\n" ::"r"(row), "r"(from[0]),
               "r"(from[1]), "r"(from[2]), "r"(from[3])
               : "memory");
}

}  // namespace assay::device

#endif
