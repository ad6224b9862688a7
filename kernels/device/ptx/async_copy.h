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
__device__ __forceinline__ void CopyAsync16(void* shared, const void* global, bool valid) {
#ifdef ASSAY_SIMT
  simt::AsyncCopy(shared, global, 16, valid ? 16 : 0);
#else
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(SharedAddress(shared)), "l"(global),
               "r"(valid ? 16 : 0)
               : "memory");
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
