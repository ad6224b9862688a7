// The PTX that the tensor-core ceiling is made of.
#pragma once

#include <cstdint>

namespace assay::cuda {

enum class TensorType { kFp16, kBf16, kTf32 };

// One instruction of either kind multiplies 32 bytes of k: 16 halves or 8 TF32 numbers.
inline constexpr int kMmaStepBytes = 32;

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define ASSAY_TENSOR_WGMMA 1

inline constexpr int kWgmmaSums = 128;  // 64 x 256 fp32 sums over the 128 threads of a warpgroup

// PTX ISA, "Matrix Descriptor Format" of wgmma: K-major rows of 128 bytes with the 128-byte swizzle; groups
// of 8 rows lie 1024 bytes apart. The address must be a multiple of 1024.
__device__ inline std::uint64_t MmaDescriptor(std::uint32_t shared_address) {
  constexpr std::uint64_t kGroupStride = 1024, kSwizzle128 = 1;
  return (shared_address & 0x3FFFFu) >> 4 | std::uint64_t{1} << 16 | (kGroupStride >> 4) << 32 |
         kSwizzle128 << 62;
}
// What to add to a descriptor to go `bytes` further along k.
__device__ constexpr std::uint64_t MmaDescriptorOffset(int bytes) {
  return static_cast<std::uint64_t>(bytes) >> 4;
}

// PTX ISA, "Async proxy": ordinary stores become visible to wgmma.
__device__ inline void FenceSharedForMma() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
// PTX ISA, "wgmma.fence", "wgmma.commit_group", "wgmma.wait_group".
__device__ inline void WgmmaFence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void WgmmaCommit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int kPending>
__device__ inline void WgmmaWait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

// PTX ISA, "wgmma.mma_async": sums += A B with A 64 x 32 bytes and B 256 x 32 bytes, both K-major in shared
// memory.
#define ASSAY_SUMS_4(i) "+f"(sums[i]), "+f"(sums[i + 1]), "+f"(sums[i + 2]), "+f"(sums[i + 3])
#define ASSAY_SUMS_16(i) ASSAY_SUMS_4(i), ASSAY_SUMS_4(i + 4), ASSAY_SUMS_4(i + 8), ASSAY_SUMS_4(i + 12)
#define ASSAY_SUMS_64(i) ASSAY_SUMS_16(i), ASSAY_SUMS_16(i + 16), ASSAY_SUMS_16(i + 32), ASSAY_SUMS_16(i + 48)
#define ASSAY_WGMMA(shape_and_types, transpose)                                                        \
  asm volatile(                                                                                        \
      "{.reg .pred accumulate; setp.eq.u32 accumulate, 0, 0;\n"                                        \
      "wgmma.mma_async.sync.aligned." shape_and_types                                                  \
      " {"                                                                                             \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                         \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "               \
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "               \
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "               \
      "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "               \
      "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "               \
      "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "   \
      "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127" \
      "}, %128, %129, accumulate, 1, 1" transpose ";}\n"                                               \
      : ASSAY_SUMS_64(0), ASSAY_SUMS_64(64)                                                            \
      : "l"(a), "l"(b))

template <TensorType kType>
__device__ inline void Wgmma(float (&sums)[kWgmmaSums], std::uint64_t a, std::uint64_t b) {
  if constexpr (kType == TensorType::kFp16) {
    ASSAY_WGMMA("m64n256k16.f32.f16.f16", ", 0, 0");
  } else if constexpr (kType == TensorType::kBf16) {
    ASSAY_WGMMA("m64n256k16.f32.bf16.bf16", ", 0, 0");
  } else {
    ASSAY_WGMMA("m64n256k8.f32.tf32.tf32", "");
  }
}
#undef ASSAY_WGMMA
#undef ASSAY_SUMS_64
#undef ASSAY_SUMS_16
#undef ASSAY_SUMS_4

#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define ASSAY_TENSOR_MMA 1

// PTX ISA, "mma.sync": sums += A B, 16 x 8 sums over a warp, fragments in registers.
#define ASSAY_MMA(shape_and_types)                                                \
  asm volatile("mma.sync.aligned." shape_and_types                                \
               " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])       \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))

template <TensorType kType>
__device__ inline void WarpMma(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  if constexpr (kType == TensorType::kFp16) {
    ASSAY_MMA("m16n8k16.row.col.f32.f16.f16.f32");
  } else if constexpr (kType == TensorType::kBf16) {
    ASSAY_MMA("m16n8k16.row.col.f32.bf16.bf16.f32");
  } else {
    ASSAY_MMA("m16n8k8.row.col.f32.tf32.tf32.f32");
  }
}
#undef ASSAY_MMA

#endif

}  // namespace assay::cuda
