// Matrix products of a warpgroup with both operands in shared memory, or a in registers, enqueued (PTX ISA,
// wgmma.mma_async; sm_90a): d[64][N] += a[64][16] b[16][N] of 16-bit elements, d[64][N] += a[64][8] b[8][N]
// of TF32, N = 8 times the matrices of d. Warp w of the warpgroup has rows 16w to 16w + 15 of d, as fragments
// of mma.sync (mma.h): d[i] are columns 8i to 8i + 7.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/element.h"
#include "kernels/device/ptx/wgmma.h"

#ifndef ASSAY_SIMT

namespace assay::device {

#define ASSAY_SUMS(i) "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
#define ASSAY_SUMS2(i) ASSAY_SUMS(i), ASSAY_SUMS(i + 1)
#define ASSAY_SUMS4(i) ASSAY_SUMS2(i), ASSAY_SUMS2(i + 2)
#define ASSAY_SUMS8(i) ASSAY_SUMS4(i), ASSAY_SUMS4(i + 4)
#define ASSAY_SUMS16(i) ASSAY_SUMS8(i), ASSAY_SUMS8(i + 8)
// The registers of four matrices, and the first two of them.
#define ASSAY_D0_7 "%0, %1, %2, %3, %4, %5, %6, %7"
#define ASSAY_D0 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define ASSAY_D16_23 "%16, %17, %18, %19, %20, %21, %22, %23"
#define ASSAY_D16 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define ASSAY_D32_35 "%32, %33, %34, %35"
#define ASSAY_D32_39 "%32, %33, %34, %35, %36, %37, %38, %39"
#define ASSAY_D32 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define ASSAY_D48_51 "%48, %49, %50, %51"
#define ASSAY_D48_55 "%48, %49, %50, %51, %52, %53, %54, %55"
#define ASSAY_D48 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define ASSAY_D64 "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
#define ASSAY_D80 "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define ASSAY_D96 "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111"
#define ASSAY_D112 \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

// `a` and `b` are SwizzledDescriptors: rows of 64 elements, b by columns.
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

ASSAY_PRODUCTS(2, "m64n16", ASSAY_D0_7, "8", "9", ASSAY_SUMS2(0))
ASSAY_PRODUCTS(4, "m64n32", ASSAY_D0, "16", "17", ASSAY_SUMS4(0))
ASSAY_PRODUCTS(6, "m64n48", ASSAY_D0 ", " ASSAY_D16_23, "24", "25", ASSAY_SUMS4(0), ASSAY_SUMS2(4))
ASSAY_PRODUCTS(8, "m64n64", ASSAY_D0 ", " ASSAY_D16, "32", "33", ASSAY_SUMS8(0))
ASSAY_PRODUCTS(9, "m64n72", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32_35, "36", "37", ASSAY_SUMS8(0),
               ASSAY_SUMS(8))
ASSAY_PRODUCTS(12, "m64n96", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32, "48", "49", ASSAY_SUMS8(0),
               ASSAY_SUMS4(8))
ASSAY_PRODUCTS(14, "m64n112", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48_55, "56", "57",
               ASSAY_SUMS8(0), ASSAY_SUMS4(8), ASSAY_SUMS2(12))
ASSAY_PRODUCTS(16, "m64n128", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48, "64", "65",
               ASSAY_SUMS16(0))
ASSAY_PRODUCTS(20, "m64n160", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48 ", " ASSAY_D64, "80",
               "81", ASSAY_SUMS16(0), ASSAY_SUMS4(16))
ASSAY_PRODUCTS(24, "m64n192",
               ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80, "96",
               "97", ASSAY_SUMS16(0), ASSAY_SUMS8(16))
ASSAY_PRODUCTS(28, "m64n224",
               ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80
                        ", " ASSAY_D96,
               "112", "113", ASSAY_SUMS16(0), ASSAY_SUMS8(16), ASSAY_SUMS4(24))
ASSAY_PRODUCTS(32, "m64n256",
               ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80
                        ", " ASSAY_D96 ", " ASSAY_D112,
               "128", "129", ASSAY_SUMS16(0), ASSAY_SUMS16(16))

// With a in registers: of a warp's 16 rows, as fragments of mma.sync.m16n8k16 (mma.h). They keep their values
// until the products are done.
#define ASSAY_PRODUCT_FROM(tiles, shape, type, tag, registers, a0, a1, a2, a3, b_at, ...)                 \
  __device__ __forceinline__ void MultiplyFrom(float(&d)[tiles][4], const std::uint32_t(&a)[4],           \
                                               std::uint64_t b, ElementTag<tag>) {                        \
    asm volatile(                                                                                         \
        "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"                                                           \
        "wgmma.mma_async.sync.aligned." shape "k16.f32." type "." type " {" registers "}, {%" a0 ", %" a1 \
        ", %" a2 ", %" a3 "}, %" b_at ", p, 1, 1, 0;}\n"                                                  \
        : __VA_ARGS__                                                                                     \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));                                            \
  }
#define ASSAY_PRODUCTS_FROM(tiles, shape, registers, ...)                 \
  ASSAY_PRODUCT_FROM(tiles, shape, "f16", __half, registers, __VA_ARGS__) \
  ASSAY_PRODUCT_FROM(tiles, shape, "bf16", __nv_bfloat16, registers, __VA_ARGS__)

ASSAY_PRODUCTS_FROM(13, "m64n104", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48_51, "52", "53", "54",
                    "55", "56", ASSAY_SUMS8(0), ASSAY_SUMS4(8), ASSAY_SUMS(12))
ASSAY_PRODUCTS_FROM(16, "m64n128", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48, "64", "65", "66",
                    "67", "68", ASSAY_SUMS16(0))
ASSAY_PRODUCTS_FROM(32, "m64n256",
                    ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80
                             ", " ASSAY_D96 ", " ASSAY_D112,
                    "128", "129", "130", "131", "132", ASSAY_SUMS16(0), ASSAY_SUMS16(16))

// Plus d only where `adds`. `a` and `b` are MatrixDescriptors, of a's rows and b's columns: matrices of eight
// of them by four k; or SwizzledDescriptors. Of the fp32 elements the upper 19 bits are taken.
#define ASSAY_TF32_PRODUCT(tiles, shape, registers, a_at, b_at, adds_at, ...)                                \
  __device__ __forceinline__ void MultiplyTf32(float(&d)[tiles][4], std::uint64_t a, std::uint64_t b,        \
                                               bool adds) {                                                  \
    asm volatile("{.reg .pred p; setp.ne.b32 p, %" adds_at                                                   \
                 ", 0;\n"                                                                                    \
                 "wgmma.mma_async.sync.aligned." shape "k8.f32.tf32.tf32 {" registers "}, %" a_at ", %" b_at \
                 ", p, 1, 1;}\n"                                                                             \
                 : __VA_ARGS__                                                                               \
                 : "l"(a), "l"(b), "r"(static_cast<int>(adds)));                                             \
  }

ASSAY_TF32_PRODUCT(2, "m64n16", ASSAY_D0_7, "8", "9", "10", ASSAY_SUMS2(0))
ASSAY_TF32_PRODUCT(4, "m64n32", ASSAY_D0, "16", "17", "18", ASSAY_SUMS4(0))
ASSAY_TF32_PRODUCT(6, "m64n48", ASSAY_D0 ", " ASSAY_D16_23, "24", "25", "26", ASSAY_SUMS4(0), ASSAY_SUMS2(4))
ASSAY_TF32_PRODUCT(8, "m64n64", ASSAY_D0 ", " ASSAY_D16, "32", "33", "34", ASSAY_SUMS8(0))
ASSAY_TF32_PRODUCT(9, "m64n72", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32_35, "36", "37", "38", ASSAY_SUMS8(0),
                   ASSAY_SUMS(8))
ASSAY_TF32_PRODUCT(10, "m64n80", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32_39, "40", "41", "42", ASSAY_SUMS8(0),
                   ASSAY_SUMS2(8))
ASSAY_TF32_PRODUCT(12, "m64n96", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32, "48", "49", "50", ASSAY_SUMS8(0),
                   ASSAY_SUMS4(8))
ASSAY_TF32_PRODUCT(16, "m64n128", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48, "64", "65", "66",
                   ASSAY_SUMS16(0))
ASSAY_TF32_PRODUCT(20, "m64n160", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48 ", " ASSAY_D64, "80",
                   "81", "82", ASSAY_SUMS16(0), ASSAY_SUMS4(16))
ASSAY_TF32_PRODUCT(24, "m64n192",
                   ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80, "96",
                   "97", "98", ASSAY_SUMS16(0), ASSAY_SUMS8(16))
ASSAY_TF32_PRODUCT(32, "m64n256",
                   ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80
                            ", " ASSAY_D96 ", " ASSAY_D112,
                   "128", "129", "130", ASSAY_SUMS16(0), ASSAY_SUMS16(16))

// Plus d, with a in registers: of a warp's 16 rows, as fragments of mma.sync.m16n8k8 (mma.h). They keep their
// values until the products are done.
#define ASSAY_TF32_PRODUCT_FROM(tiles, shape, registers, a0, a1, a2, a3, b_at, ...)                       \
  __device__ __forceinline__ void MultiplyTf32(float(&d)[tiles][4], const std::uint32_t(&a)[4],           \
                                               std::uint64_t b) {                                         \
    asm volatile(                                                                                         \
        "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"                                                           \
        "wgmma.mma_async.sync.aligned." shape "k8.f32.tf32.tf32 {" registers "}, {%" a0 ", %" a1 ", %" a2 \
        ", %" a3 "}, %" b_at ", p, 1, 1;}\n"                                                              \
        : __VA_ARGS__                                                                                     \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));                                            \
  }

ASSAY_TF32_PRODUCT_FROM(13, "m64n104", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48_51, "52", "53",
                        "54", "55", "56", ASSAY_SUMS8(0), ASSAY_SUMS4(8), ASSAY_SUMS(12))
ASSAY_TF32_PRODUCT_FROM(16, "m64n128", ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32 ", " ASSAY_D48, "64", "65",
                        "66", "67", "68", ASSAY_SUMS16(0))

// As of 16-bit elements.
template <int kTiles>
__device__ __forceinline__ void MultiplyShared(float (&d)[kTiles][4], std::uint64_t a, std::uint64_t b,
                                               ElementTag<float>) {
  MultiplyTf32(d, a, b, true);
}

template <int kTiles>
__device__ __forceinline__ void MultiplyFrom(float (&d)[kTiles][4], const std::uint32_t (&a)[4],
                                             std::uint64_t b, ElementTag<float>) {
  MultiplyTf32(d, a, b);
}

#undef ASSAY_SUMS
#undef ASSAY_SUMS2
#undef ASSAY_SUMS4
#undef ASSAY_SUMS8
#undef ASSAY_SUMS16
#undef ASSAY_D0_7
#undef ASSAY_D0
#undef ASSAY_D16_23
#undef ASSAY_D16
#undef ASSAY_D32_35
#undef ASSAY_D32_39
#undef ASSAY_D32
#undef ASSAY_D48_51
#undef ASSAY_D48_55
#undef ASSAY_D48
#undef ASSAY_D64
#undef ASSAY_D80
#undef ASSAY_D96
#undef ASSAY_D112
#undef ASSAY_PRODUCT
#undef ASSAY_PRODUCTS
#undef ASSAY_PRODUCT_FROM
#undef ASSAY_PRODUCTS_FROM
#undef ASSAY_TF32_PRODUCT
#undef ASSAY_TF32_PRODUCT_FROM

}  // namespace assay::device

#endif
