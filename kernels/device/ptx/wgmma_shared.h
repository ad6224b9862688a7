// Matrix products of a warpgroup with both operands in shared memory: d[64][N] += a[64][16] b[16][N] (PTX
// ISA, wgmma.mma_async; sm_90a), enqueued. `a` and `b` are SwizzledDescriptors (wgmma.h): rows of 64
// elements, b by columns. d lies in registers as wgmma.h says.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/element.h"

#ifndef ASSAY_SIMT

namespace assay::device {

#define ASSAY_SUMS(i) "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
#define ASSAY_SUMS4(i) ASSAY_SUMS(i), ASSAY_SUMS(i + 1), ASSAY_SUMS(i + 2), ASSAY_SUMS(i + 3)
#define ASSAY_SUMS8(i) ASSAY_SUMS4(i), ASSAY_SUMS4(i + 4)
#define ASSAY_D0 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define ASSAY_D16 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define ASSAY_D32 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define ASSAY_D48 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define ASSAY_D64 "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
#define ASSAY_D80 "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define ASSAY_PRODUCT(tiles, shape, type, tag, registers, a_at, b_at, ...)                                   \
  __device__ __forceinline__ void MultiplyShared(float(&d)[tiles][4], std::uint64_t a, std::uint64_t b,      \
                                                 ElementTag<tag>) {                                          \
    asm volatile(                                                                                            \
        "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"                                                              \
        "wgmma.mma_async.sync.aligned." shape "k16.f32." type "." type " {" registers "}, %" a_at ", %" b_at \
        ", p, 1, 1, 0, 0;}\n"                                                                                \
        : __VA_ARGS__                                                                                        \
        : "l"(a), "l"(b));                                                                                   \
  }
#define ASSAY_PRODUCTS(tiles, shape, registers, a_at, b_at, ...)                 \
  ASSAY_PRODUCT(tiles, shape, "f16", __half, registers, a_at, b_at, __VA_ARGS__) \
  ASSAY_PRODUCT(tiles, shape, "bf16", __nv_bfloat16, registers, a_at, b_at, __VA_ARGS__)

ASSAY_PRODUCTS(8, "m64n64", ASSAY_D0 ", " ASSAY_D16, "32", "33", ASSAY_SUMS8(0))
ASSAY_PRODUCTS(16, "m64n128", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48, "64", "65",
               ASSAY_SUMS8(0), ASSAY_SUMS8(8))
ASSAY_PRODUCTS(20, "m64n160", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48 ", " ASSAY_D64, "80",
               "81", ASSAY_SUMS8(0), ASSAY_SUMS8(8), ASSAY_SUMS4(16))
ASSAY_PRODUCTS(24, "m64n192",
               ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80, "96",
               "97", ASSAY_SUMS8(0), ASSAY_SUMS8(8), ASSAY_SUMS8(16))
#undef ASSAY_SUMS
#undef ASSAY_SUMS4
#undef ASSAY_SUMS8
#undef ASSAY_D0
#undef ASSAY_D16
#undef ASSAY_D32
#undef ASSAY_D48
#undef ASSAY_D64
#undef ASSAY_D80
#undef ASSAY_PRODUCT
#undef ASSAY_PRODUCTS

// Keeps what reads the sums behind the wait that comes before.
template <int kTiles>
__device__ __forceinline__ void HoldSums(float (&d)[kTiles][4]) {
#pragma unroll
  for (int i = 0; i < kTiles * 4; ++i) asm volatile("" : "+f"(d[i / 4][i % 4])::"memory");
}

}  // namespace assay::device

#endif
