// Barriers in shared memory that count bytes of asynchronous copies (PTX ISA, mbarrier; sm_90).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/ptx/async_copy.h"

#ifndef ASSAY_SIMT

namespace assay::device {

// 8 bytes, 8-byte aligned. One thread begins it; others use it after a block barrier.
__device__ __forceinline__ void InitBarrier(std::uint64_t* barrier, std::uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(SharedAddress(barrier)), "r"(arrivals)
               : "memory");
}

// Makes barriers that were begun known to the copy engine.
__device__ __forceinline__ void FenceBarrierInit() {
  asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory");
}

// Arrives, and lets the present phase wait for `bytes` more.
__device__ __forceinline__ void ArriveAndExpect(std::uint64_t* barrier, std::uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;\n" ::"r"(SharedAddress(barrier)),
               "r"(bytes)
               : "memory");
}

__device__ __forceinline__ void ArriveBarrier(std::uint64_t* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];\n" ::"r"(SharedAddress(barrier)) : "memory");
}

// Returns when the phase of this parity is complete; the first phase has parity 0. The barrier is named by
// its address in shared memory.
__device__ __forceinline__ void WaitBarrierAt(std::uint32_t barrier, std::uint32_t parity) {
  asm volatile(
      "{.reg .pred done;\n"
      "again_%=: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again_%=;}\n" ::"r"(barrier),
      "r"(parity)
      : "memory");
}
__device__ __forceinline__ void WaitBarrier(std::uint64_t* barrier, std::uint32_t parity) {
  WaitBarrierAt(SharedAddress(barrier), parity);
}

}  // namespace assay::device

#endif
