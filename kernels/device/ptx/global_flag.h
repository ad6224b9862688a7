// Words in device memory, by which blocks of one launch tell each other what they wrote there (PTX ISA,
// memory consistency model; sm_70, the proxy fence sm_90).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#ifndef ASSAY_SIMT

namespace assay::device {

// What was written before a ReleaseAdd whose sum this sees is seen by what follows.
__device__ __forceinline__ std::uint32_t LoadAcquire(const std::uint32_t* word) {
  std::uint32_t value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];\n" : "=r"(value) : "l"(word) : "memory");
  return value;
}

// Hands over what this thread wrote, and what others wrote that it met in a barrier since.
__device__ __forceinline__ void ReleaseAdd(std::uint32_t* word, std::uint32_t value) {
  asm volatile("fence.acq_rel.gpu;\nred.relaxed.gpu.global.add.u32 [%0], %1;\n" ::"l"(word), "r"(value)
               : "memory");
}

// Where `stores` is true, without a branch.
__device__ __forceinline__ void StoreWordIf(bool stores, void* to, std::uint32_t value) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %0, 0;\n@p st.global.b32 [%1], %2;}\n" ::"r"(static_cast<int>(stores)),
      "l"(to), "r"(value)
      : "memory");
}

// The same for two words, 8-byte aligned.
__device__ __forceinline__ void StoreTwoIf(bool stores, void* to, uint2 two) {
  asm volatile("{.reg .pred p; setp.ne.b32 p, %0, 0;\n@p st.global.v2.b32 [%1], {%2, %3};}\n" ::"r"(
                   static_cast<int>(stores)),
               "l"(to), "r"(two.x), "r"(two.y)
               : "memory");
}

// The same for four words, 16-byte aligned.
__device__ __forceinline__ void StoreFourIf(bool stores, void* to, uint4 four) {
  asm volatile("{.reg .pred p; setp.ne.b32 p, %0, 0;\n@p st.global.v4.b32 [%1], {%2, %3, %4, %5};}\n" ::"r"(
                   static_cast<int>(stores)),
               "l"(to), "r"(four.x), "r"(four.y), "r"(four.z), "r"(four.w)
               : "memory");
}

// Between writes to device memory by threads and bulk copies from there, on both sides of the word.
__device__ __forceinline__ void FenceGlobalForCopies() {
  asm volatile("fence.proxy.async.global;\n" ::: "memory");
}

}  // namespace assay::device

#endif
