// Thread block clusters (PTX ISA, "Cluster"; sm_90): blocks that run at the same time and read each other's
// shared memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/ptx/async_copy.h"

#ifndef ASSAY_SIMT

namespace assay::device {

// All threads of the cluster meet, and see what any of them wrote to shared memory before.
__device__ __forceinline__ void SyncCluster() {
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;\n" ::
                   : "memory");
}

// What lies in the shared memory of the cluster's block `rank` where `here` lies in this block's.
__device__ __forceinline__ std::uint32_t SharedAddressIn(const void* here, std::uint32_t rank) {
  std::uint32_t there;
  asm("mapa.shared::cluster.u32 %0, %1, %2;\n" : "=r"(there) : "r"(SharedAddress(here)), "r"(rank));
  return there;
}

}  // namespace assay::device

#endif
