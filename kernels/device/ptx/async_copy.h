// Asynchronous copies from global to shared memory (PTX ISA, cp.async; sm_80 and up).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace assay::device {

// An address in shared memory as PTX instructions take it.
#ifndef ASSAY_SIMT
__device__ __forceinline__ std::uint32_t SharedAddress(const void* shared) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
}
#endif

// Copies 16 bytes past L1, or writes 16 zero bytes where `valid` is false; `global` is not read then, but has
// to be an address of the same tensor. Both addresses are 16-byte aligned.
#ifndef ASSAY_SIMT
__device__ __forceinline__ void CopyAsync16To(std::uint32_t shared, const void* global, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared), "l"(global),
               "r"(valid ? 16 : 0)
               : "memory");
}
#endif
__device__ __forceinline__ void CopyAsync16(void* shared, const void* global, bool valid) {
#ifdef ASSAY_SIMT
  simt::AsyncCopy(shared, global, 16, valid ? 16 : 0);
#else
  CopyAsync16To(SharedAddress(shared), global, valid);
#endif
}

// The same where `copies` is true, else nothing; without a branch.
__device__ __forceinline__ void CopyAsync16If(bool copies, void* shared, const void* global, bool valid) {
#ifdef ASSAY_SIMT
  if (copies) simt::AsyncCopy(shared, global, 16, valid ? 16 : 0);
#else
  asm volatile(
      "{.reg .pred copies;\n"
      "setp.ne.b32 copies, %0, 0;\n"
      "@copies cp.async.cg.shared.global [%1], [%2], 16, %3;}\n" ::"r"(static_cast<int>(copies)),
      "r"(SharedAddress(shared)), "l"(global), "r"(valid ? 16 : 0)
      : "memory");
#endif
}

// The same for 4 bytes, 4-byte aligned.
__device__ __forceinline__ void CopyAsync4(void* shared, const void* global, bool valid) {
#ifdef ASSAY_SIMT
  simt::AsyncCopy(shared, global, 4, valid ? 4 : 0);
#else
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;\n" ::"r"(SharedAddress(shared)), "l"(global),
               "r"(valid ? 4 : 0)
               : "memory");
#endif
}

// Copies 16 bytes past L1; both addresses are 16-byte aligned.
__device__ __forceinline__ void CopyAsync16(void* shared, const void* global) {
#ifdef ASSAY_SIMT
  simt::AsyncCopy(shared, global, 16, 16);
#else
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(SharedAddress(shared)), "l"(global)
               : "memory");
#endif
}

// Nothing unless `wanted`; else copies kBytes (16 past L1, 8 or 4), or writes zeros where `valid` is false:
// without a branch. `global` is an address of the tensor even then, and both are aligned to kBytes.
template <int kBytes>
__device__ __forceinline__ void CopyAsyncIf(bool wanted, void* shared, const void* global, bool valid) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
#ifdef ASSAY_SIMT
  if (wanted) simt::AsyncCopy(shared, global, kBytes, valid ? kBytes : 0);
#else
  if constexpr (kBytes == 16) {
    asm volatile(
        "{\n"
        ".reg .pred wanted, nothing;\n"
        "setp.ne.b32 wanted, %0, 0;\n"
        "setp.eq.b32 nothing, %3, 0;\n"
        "@wanted cp.async.cg.shared.global [%1], [%2], 16, nothing;\n"
        "}\n" ::"r"(static_cast<int>(wanted)),
        "r"(SharedAddress(shared)), "l"(global), "r"(static_cast<int>(valid))
        : "memory");
  } else {
    asm volatile(
        "{\n"
        ".reg .pred wanted, nothing;\n"
        "setp.ne.b32 wanted, %0, 0;\n"
        "setp.eq.b32 nothing, %3, 0;\n"
        "@wanted cp.async.ca.shared.global [%1], [%2], %4, nothing;\n"
        "}\n" ::"r"(static_cast<int>(wanted)),
        "r"(SharedAddress(shared)), "l"(global), "r"(static_cast<int>(valid)), "n"(kBytes)
        : "memory");
  }
#endif
}

// Closes the group of the copies that this thread has begun since the last one.
__device__ __forceinline__ void CommitCopies() {
#ifdef ASSAY_SIMT
  simt::AsyncCommit();
#else
  asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}

// Waits for this thread's groups but the latest kLeft. Other threads see the data after a barrier.
template <int kLeft>
__device__ __forceinline__ void WaitCopies() {
#ifdef ASSAY_SIMT
  simt::AsyncWait(kLeft);
#else
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kLeft) : "memory");
#endif
}

}  // namespace assay::device
