// Matrix products of a warpgroup in TF32: d[64][N] += a[64][8] b[8][N], both from shared memory (PTX ISA,
// wgmma.mma_async; sm_90a). Warp w of the warpgroup has rows 16w to 16w + 15 of d, as fragments of mma.sync
// (mma.h): d[i] are columns 8i to 8i + 7.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "kernels/device/ptx/wgmma.h"

#ifndef ASSAY_SIMT

namespace assay::device {

#define ASSAY_SUMS(i) "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
#define ASSAY_SUMS4(i) ASSAY_SUMS(i), ASSAY_SUMS(i + 1), ASSAY_SUMS(i + 2), ASSAY_SUMS(i + 3)
#define ASSAY_SUMS16(i) ASSAY_SUMS4(i), ASSAY_SUMS4(i + 4), ASSAY_SUMS4(i + 8), ASSAY_SUMS4(i + 12)
#define ASSAY_OPERANDS "l"(a), "l"(b), "r"(static_cast<int>(adds))
#define ASSAY_D0 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define ASSAY_D16 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define ASSAY_D32 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define ASSAY_D48 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define ASSAY_D64 "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
#define ASSAY_D80 "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define ASSAY_D96 "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111"
#define ASSAY_D112 \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

// d = a b, plus d where `adds`, for N = 8 times the matrices of d, enqueued. `a` and `b` are
// MatrixDescriptors, of a's rows and b's columns: matrices of eight of them by four k. Of the fp32 elements
// the upper 19 bits are taken.

__device__ __forceinline__ void MultiplyTf32(float (&d)[2][4], std::uint64_t a, std::uint64_t b, bool adds) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %10, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n16k8.f32.tf32.tf32 {%0, %1, %2, %3, %4, %5, %6, %7}, %8, %9, p, 1, "
      "1;}\n"
      : ASSAY_SUMS(0), ASSAY_SUMS(1)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyTf32(float (&d)[4][4], std::uint64_t a, std::uint64_t b, bool adds) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %18, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n32k8.f32.tf32.tf32 {" ASSAY_D0 "}, %16, %17, p, 1, 1;}\n"
      : ASSAY_SUMS4(0)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyTf32(float (&d)[6][4], std::uint64_t a, std::uint64_t b, bool adds) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %26, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n48k8.f32.tf32.tf32 {" ASSAY_D0
      ", %16, %17, %18, %19, %20, %21, %22, %23}, %24, %25, p, 1, 1;}\n"
      : ASSAY_SUMS4(0), ASSAY_SUMS(4), ASSAY_SUMS(5)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyTf32(float (&d)[8][4], std::uint64_t a, std::uint64_t b, bool adds) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %34, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32 {" ASSAY_D0 ", " ASSAY_D16
      "}, %32, %33, p, 1, 1;}\n"
      : ASSAY_SUMS4(0), ASSAY_SUMS4(4)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyTf32(float (&d)[10][4], std::uint64_t a, std::uint64_t b, bool adds) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %42, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n80k8.f32.tf32.tf32 {" ASSAY_D0 ", " ASSAY_D16
      ", %32, %33, %34, %35, %36, %37, %38, %39}, %40, %41, p, 1, 1;}\n"
      : ASSAY_SUMS4(0), ASSAY_SUMS4(4), ASSAY_SUMS(8), ASSAY_SUMS(9)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyTf32(float (&d)[12][4], std::uint64_t a, std::uint64_t b, bool adds) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %50, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n96k8.f32.tf32.tf32 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      "}, %48, %49, p, 1, 1;}\n"
      : ASSAY_SUMS4(0), ASSAY_SUMS4(4), ASSAY_SUMS4(8)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyTf32(float (&d)[16][4], std::uint64_t a, std::uint64_t b, bool adds) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %66, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 "}, %64, %65, p, 1, 1;}\n"
      : ASSAY_SUMS16(0)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyTf32(float (&d)[20][4], std::uint64_t a, std::uint64_t b, bool adds) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %82, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n160k8.f32.tf32.tf32 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 ", " ASSAY_D64 "}, %80, %81, p, 1, 1;}\n"
      : ASSAY_SUMS16(0), ASSAY_SUMS4(16)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyTf32(float (&d)[32][4], std::uint64_t a, std::uint64_t b, bool adds) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %130, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n256k8.f32.tf32.tf32 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80 ", " ASSAY_D96 ", " ASSAY_D112 "}, %128, %129, p, 1, 1;}\n"
      : ASSAY_SUMS16(0), ASSAY_SUMS16(16)
      : ASSAY_OPERANDS);
}

// After a wait: nothing that reads the sums may move up across it.
template <std::size_t kMatrices>
__device__ __forceinline__ void HoldSums(float (&d)[kMatrices][4]) {
#pragma unroll
  for (std::size_t i = 0; i < kMatrices * 4; ++i) asm volatile("" : "+f"(d[i / 4][i % 4])::"memory");
}

#undef ASSAY_SUMS
#undef ASSAY_SUMS4
#undef ASSAY_SUMS16
#undef ASSAY_OPERANDS
#undef ASSAY_D0
#undef ASSAY_D16
#undef ASSAY_D32
#undef ASSAY_D48
#undef ASSAY_D64
#undef ASSAY_D80
#undef ASSAY_D96
#undef ASSAY_D112

}  // namespace assay::device

#endif
