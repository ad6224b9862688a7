// Barriers of some of a block's warps (PTX ISA, barrier).
#pragma once

#include <cuda_runtime.h>

namespace assay::device {

// `threads` threads, whole warps, meet at barrier `id`, 1 to 15 (0 is __syncthreads). On the host device all
// threads of the block meet: they have to come here equally often there.
__device__ __forceinline__ void SyncThreadsOf(int id, int threads) {
#ifdef ASSAY_SIMT
  (void)id, (void)threads;
  __syncthreads();
#else
  asm volatile("barrier.sync %0, %1;\n" ::"r"(id), "r"(threads) : "memory");
#endif
}

#ifndef ASSAY_SIMT
// Takes part without waiting: what was written before is seen by those that wait.
__device__ __forceinline__ void ArriveThreadsOf(int id, int threads) {
  asm volatile("barrier.arrive %0, %1;\n" ::"r"(id), "r"(threads) : "memory");
}
#endif

}  // namespace assay::device
