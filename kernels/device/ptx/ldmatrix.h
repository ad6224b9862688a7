// 8x8 matrices of 16-bit elements from shared memory into fragments (PTX ISA, ldmatrix; sm_75 and up).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/ptx/async_copy.h"

namespace assay::device {

// Four matrices. Lane 8 i + j names row j of matrix i by `row`: 8 elements, 16 bytes, 16-byte aligned. Of
// matrix i, lane l gets elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4, the first in the lower half of
// to[i]. All lanes of the warp take part.
__device__ __forceinline__ void LoadMatrix4(std::uint32_t (&to)[4], const void* row) {
#ifdef ASSAY_SIMT
  simt::LoadMatrices(to, 4, row, false);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(SharedAddress(row))
               : "memory");
#endif
}

#ifndef ASSAY_SIMT
// The same, of addresses in shared memory; an fp32 takes the place of two elements.
__device__ __forceinline__ void LoadMatrix4At(std::uint32_t (&to)[4], std::uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
}
#endif

// Two matrices, whose rows lanes 0 to 15 name.
__device__ __forceinline__ void LoadMatrix2(std::uint32_t (&to)[2], const void* row) {
#ifdef ASSAY_SIMT
  simt::LoadMatrices(to, 2, row, false);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];\n"
               : "=r"(to[0]), "=r"(to[1])
               : "r"(SharedAddress(row))
               : "memory");
#endif
}

// Four matrices, each transposed: lane l gets elements l / 4 of rows 2 (l % 4) and 2 (l % 4) + 1.
__device__ __forceinline__ void LoadMatrix4Transposed(std::uint32_t (&to)[4], const void* row) {
#ifdef ASSAY_SIMT
  simt::LoadMatrices(to, 4, row, true);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(SharedAddress(row))
               : "memory");
#endif
}

}  // namespace assay::device
