// Matrix products of a warp: d[16][8] += a[16][k] b[k][8], sums in fp32 (PTX ISA, mma; sm_80 and up).
// With g = lane / 4 and t = lane % 4 a lane holds, two 16-bit elements a register, the lower k in the lower
// half:
//   16-bit, k = 16:  a[0] = a[g][2t..], a[1] = a[g+8][2t..], a[2] = a[g][2t+8..], a[3] = a[g+8][2t+8..],
//                    b0 = b[2t..][g], b1 = b[2t+8..][g]
//   16-bit, k = 8:   a[0] = a[g][2t..], a[1] = a[g+8][2t..], b0 = b[2t..][g]
//   TF32, k = 8:     a[0] = a[g][t], a[1] = a[g+8][t], a[2] = a[g][t+4], a[3] = a[g+8][t+4],
//                    b0 = b[t][g], b1 = b[t+4][g]
//   all:             d[0], d[1] = d[g][2t], d[g][2t+1]; d[2], d[3] = d[g+8][2t], d[g+8][2t+1]
// All lanes of the warp take part.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "kernels/device/element.h"

namespace assay::device {

__device__ __forceinline__ void Mma16816(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                         std::uint32_t b1, ElementTag<__half>) {
#ifdef ASSAY_SIMT
  simt::MultiplyFragments(d, a, b0, b1, simt::FragmentType::kF16);
#else
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

__device__ __forceinline__ void Mma16816(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                         std::uint32_t b1, ElementTag<__nv_bfloat16>) {
#ifdef ASSAY_SIMT
  simt::MultiplyFragments(d, a, b0, b1, simt::FragmentType::kBf16);
#else
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

__device__ __forceinline__ void Mma1688(float (&d)[4], const std::uint32_t (&a)[2], std::uint32_t b0,
                                        ElementTag<__half>) {
#ifdef ASSAY_SIMT
  const std::uint32_t wide[4] = {a[0], a[1], 0, 0};
  simt::MultiplyFragments(d, wide, b0, 0, simt::FragmentType::kF16);
#else
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b0));
#endif
}

__device__ __forceinline__ void Mma1688(float (&d)[4], const std::uint32_t (&a)[2], std::uint32_t b0,
                                        ElementTag<__nv_bfloat16>) {
#ifdef ASSAY_SIMT
  const std::uint32_t wide[4] = {a[0], a[1], 0, 0};
  simt::MultiplyFragments(d, wide, b0, 0, simt::FragmentType::kBf16);
#else
  asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b0));
#endif
}

// The same with sums that start elsewhere: d = c + a b.
template <class Tag>
__device__ __forceinline__ void Mma16816From(float (&d)[4], const float (&c)[4], const std::uint32_t (&a)[4],
                                             std::uint32_t b0, std::uint32_t b1, Tag) {
#ifdef ASSAY_SIMT
  for (int i = 0; i < 4; ++i) d[i] = c[i];
  Mma16816(d, a, b0, b1, Tag{});
#else
  if constexpr (std::is_same_v<typename Tag::Type, __half>) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%10,%11,%12,%13};\n"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(c[0]), "f"(c[1]), "f"(c[2]),
          "f"(c[3]));
  } else {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%10,%11,%12,%13};\n"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(c[0]), "f"(c[1]), "f"(c[2]),
          "f"(c[3]));
  }
#endif
}

template <class Tag>
__device__ __forceinline__ void Mma1688From(float (&d)[4], const float (&c)[4], const std::uint32_t (&a)[2],
                                            std::uint32_t b0, Tag) {
#ifdef ASSAY_SIMT
  for (int i = 0; i < 4; ++i) d[i] = c[i];
  Mma1688(d, a, b0, Tag{});
#else
  if constexpr (std::is_same_v<typename Tag::Type, __half>) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%8,%9,%10};\n"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(b0), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
  } else {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%8,%9,%10};\n"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(b0), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
  }
#endif
}

// Operands are fp32 bit patterns of which the unit takes the upper 19 bits: round them with ToTf32 before.
__device__ __forceinline__ void MmaTf32(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                        std::uint32_t b1) {
#ifdef ASSAY_SIMT
  simt::MultiplyFragments(d, a, b0, b1, simt::FragmentType::kTf32);
#else
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// The nearest TF32 number, ties away from zero (PTX ISA, cvt.rna.tf32.f32), as an fp32 bit pattern.
__device__ __forceinline__ std::uint32_t ToTf32(float value) {
#ifdef ASSAY_SIMT
  return simt::FloatToTf32Bits(value);
#else
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;\n" : "=r"(bits) : "f"(value));
  return bits;
#endif
}

}  // namespace assay::device
