// Matrix products of a warpgroup: d[64][N] += a[64][16] b[16][N], a from registers, b from shared memory (PTX
// ISA, wgmma.mma_async; sm_90a). Warp w of the warpgroup has rows 16w to 16w + 15 of a and d, as fragments of
// mma.sync (mma.h): a as for 16-bit, k = 16; d[i] as d of columns 8i to 8i + 7.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/element.h"
#include "kernels/device/ptx/async_copy.h"

#ifndef ASSAY_SIMT

namespace assay::device {

// Descriptors hold 18 bits of an address; above them stands the number of the block in its cluster.
__device__ __forceinline__ std::uint64_t AddressInDescriptor(const void* shared) {
  return static_cast<std::uint64_t>((SharedAddress(shared) & 0x3ffffu) >> 4);
}

// b as 8 x 8 matrices of 128 contiguous bytes, a row of eight k for each of eight columns: those of columns
// 8i to 8i + 7 lie `next_columns` bytes after the ones before, those of the upper eight k `next_k` bytes.
__device__ __forceinline__ std::uint64_t MatrixDescriptor(const void* shared, std::uint32_t next_columns,
                                                          std::uint32_t next_k) {
  return AddressInDescriptor(shared) | static_cast<std::uint64_t>(next_k >> 4) << 16 |
         static_cast<std::uint64_t>(next_columns >> 4) << 32;
}

// a as 64 rows of 128 contiguous bytes, those of eight rows swizzled among each other (unit u of 16 bytes of
// row r at u ^ r % 8); 1024-byte aligned. 16 columns further are 32 bytes further.
__device__ __forceinline__ std::uint64_t SwizzledDescriptor(const void* shared) {
  return AddressInDescriptor(shared) | 1ull << 16 | 64ull << 32 | 1ull << 62;
}

// Shared memory written by this thread is seen by wgmma and TMA after this and a barrier.
__device__ __forceinline__ void FenceAsyncProxy() {
  asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
}

// Registers that were written before are operands of the products that follow.
__device__ __forceinline__ void FenceProducts() { asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory"); }
__device__ __forceinline__ void CommitProducts() {
  asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
}
// All four warps of a warpgroup take registers, or give some back, up to a multiple of 8 a thread.
template <int kRegisters>
__device__ __forceinline__ void TakeRegisters() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
}
template <int kRegisters>
__device__ __forceinline__ void GiveRegisters() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
}

// Waits for all groups of products but the latest kLeft.
template <int kLeft>
__device__ __forceinline__ void WaitProducts() {
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(kLeft) : "memory");
}

#define ASSAY_SUMS(i) "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
#define ASSAY_SUMS4(i) ASSAY_SUMS(i), ASSAY_SUMS(i + 1), ASSAY_SUMS(i + 2), ASSAY_SUMS(i + 3)
#define ASSAY_SUMS16(i) ASSAY_SUMS4(i), ASSAY_SUMS4(i + 4), ASSAY_SUMS4(i + 8), ASSAY_SUMS4(i + 12)
#define ASSAY_OPERANDS "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b)
#define ASSAY_D0 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define ASSAY_D16 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define ASSAY_D32 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define ASSAY_D48 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define ASSAY_D64 "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
#define ASSAY_D80 "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define ASSAY_D96 "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111"
#define ASSAY_D112 \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

// d += a b for N = 8 times the matrices of d, enqueued; `b` is a MatrixDescriptor.

__device__ __forceinline__ void MultiplyAsync(float (&d)[2][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__half>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7"
      "}, {%8, %9, %10, %11}, %12, p, 1, 1, 0;}\n"
      : ASSAY_SUMS(0), ASSAY_SUMS(1)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[2][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__nv_bfloat16>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7"
      "}, {%8, %9, %10, %11}, %12, p, 1, 1, 0;}\n"
      : ASSAY_SUMS(0), ASSAY_SUMS(1)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[4][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__half>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16 {" ASSAY_D0
      "}, {%16, %17, %18, %19}, %20, p, 1, 1, 0;}\n"
      : ASSAY_SUMS4(0)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[4][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__nv_bfloat16>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 {" ASSAY_D0
      "}, {%16, %17, %18, %19}, %20, p, 1, 1, 0;}\n"
      : ASSAY_SUMS4(0)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[8][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__half>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 {" ASSAY_D0 ", " ASSAY_D16
      "}, {%32, %33, %34, %35}, %36, p, 1, 1, 0;}\n"
      : ASSAY_SUMS4(0), ASSAY_SUMS4(4)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[8][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__nv_bfloat16>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" ASSAY_D0 ", " ASSAY_D16
      "}, {%32, %33, %34, %35}, %36, p, 1, 1, 0;}\n"
      : ASSAY_SUMS4(0), ASSAY_SUMS4(4)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[12][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__half>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n96k16.f32.f16.f16 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      "}, {%48, %49, %50, %51}, %52, p, 1, 1, 0;}\n"
      : ASSAY_SUMS4(0), ASSAY_SUMS4(4), ASSAY_SUMS4(8)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[12][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__nv_bfloat16>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n96k16.f32.bf16.bf16 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      "}, {%48, %49, %50, %51}, %52, p, 1, 1, 0;}\n"
      : ASSAY_SUMS4(0), ASSAY_SUMS4(4), ASSAY_SUMS4(8)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[16][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__half>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 "}, {%64, %65, %66, %67}, %68, p, 1, 1, 0;}\n"
      : ASSAY_SUMS16(0)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[16][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__nv_bfloat16>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 "}, {%64, %65, %66, %67}, %68, p, 1, 1, 0;}\n"
      : ASSAY_SUMS16(0)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[32][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__half>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80 ", " ASSAY_D96 ", " ASSAY_D112
      "}, {%128, %129, %130, %131}, %132, p, 1, 1, 0;}\n"
      : ASSAY_SUMS16(0), ASSAY_SUMS16(16)
      : ASSAY_OPERANDS);
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[32][4], const std::uint32_t (&a)[4], std::uint64_t b,
                                              ElementTag<__nv_bfloat16>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80 ", " ASSAY_D96 ", " ASSAY_D112
      "}, {%128, %129, %130, %131}, %132, p, 1, 1, 0;}\n"
      : ASSAY_SUMS16(0), ASSAY_SUMS16(16)
      : ASSAY_OPERANDS);
}

// The same with a from shared memory; `a` is a SwizzledDescriptor.

__device__ __forceinline__ void MultiplyAsync(float (&d)[16][4], std::uint64_t a, std::uint64_t b,
                                              ElementTag<__half>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 "}, %64, %65, p, 1, 1, 0, 0;}\n"
      : ASSAY_SUMS16(0)
      : "l"(a), "l"(b));
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[16][4], std::uint64_t a, std::uint64_t b,
                                              ElementTag<__nv_bfloat16>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 "}, %64, %65, p, 1, 1, 0, 0;}\n"
      : ASSAY_SUMS16(0)
      : "l"(a), "l"(b));
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[32][4], std::uint64_t a, std::uint64_t b,
                                              ElementTag<__half>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80 ", " ASSAY_D96 ", " ASSAY_D112
      "}, %128, %129, p, 1, 1, 0, 0;}\n"
      : ASSAY_SUMS16(0), ASSAY_SUMS16(16)
      : "l"(a), "l"(b));
}

__device__ __forceinline__ void MultiplyAsync(float (&d)[32][4], std::uint64_t a, std::uint64_t b,
                                              ElementTag<__nv_bfloat16>) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {" ASSAY_D0 ", " ASSAY_D16 ", " ASSAY_D32
      ", " ASSAY_D48 ", " ASSAY_D64 ", " ASSAY_D80 ", " ASSAY_D96 ", " ASSAY_D112
      "}, %128, %129, p, 1, 1, 0, 0;}\n"
      : ASSAY_SUMS16(0), ASSAY_SUMS16(16)
      : "l"(a), "l"(b));
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
