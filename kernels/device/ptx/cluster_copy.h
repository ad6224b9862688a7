// Barriers and bulk copies across a thread block cluster (PTX ISA, mbarrier, cp.async.bulk and mapa; sm_90).
// Addresses in other blocks are those of SharedAddressIn (cluster.h).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/ptx/async_copy.h"

#ifndef ASSAY_SIMT

#include <cuda.h>

namespace assay::device {

// The block's place in its cluster, the cluster's number along x, and how many there are.
__device__ __forceinline__ std::int32_t PlaceInClusterX() {
  std::int32_t place;
  asm("mov.u32 %0, %%cluster_ctaid.x;\n" : "=r"(place));
  return place;
}
__device__ __forceinline__ std::int32_t PlaceInClusterY() {
  std::int32_t place;
  asm("mov.u32 %0, %%cluster_ctaid.y;\n" : "=r"(place));
  return place;
}
__device__ __forceinline__ std::int32_t ClusterNumber() {
  std::int32_t number;
  asm("mov.u32 %0, %%clusterid.x;\n" : "=r"(number));
  return number;
}
__device__ __forceinline__ std::int32_t Clusters() {
  std::int32_t clusters;
  asm("mov.u32 %0, %%nclusterid.x;\n" : "=r"(clusters));
  return clusters;
}

// Arrives at a barrier of any block of the cluster, and hands over nothing that this thread wrote: what
// orders that across blocks (.release at the scope of a cluster) waits for all of the thread's writes to
// device memory.
__device__ __forceinline__ void ArriveBarrierIn(std::uint32_t barrier) {
  asm volatile("mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [%0];\n" ::"r"(barrier) : "memory");
}

// The same, and lets its present phase wait for `bytes` more.
__device__ __forceinline__ void ArriveAndExpectIn(std::uint32_t barrier, std::uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.relaxed.cluster.shared::cluster.b64 _, [%0], %1;\n" ::"r"(barrier),
               "r"(bytes)
               : "memory");
}

// Whether WaitBarrier would return at once.
__device__ __forceinline__ bool TestBarrier(std::uint64_t* barrier, std::uint32_t parity) {
  std::uint32_t done;
  asm volatile(
      "{.reg .pred done;\n"
      "mbarrier.test_wait.parity.shared::cta.b64 done, [%1], %2;\n"
      "selp.u32 %0, 1, 0, done;}\n"
      : "=r"(done)
      : "r"(SharedAddress(barrier)), "r"(parity)
      : "memory");
  return done != 0;
}

// As CopyBulk, to where `shared` lies in each block of the cluster whose bit is set in `blocks`, completing
// on the barrier that lies there where `barrier` lies here.
__device__ __forceinline__ void CopyBulkToBlocks(void* shared, const void* global, std::uint32_t bytes,
                                                 std::uint64_t* barrier, std::uint32_t blocks) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], %2, "
      "[%3], %4;\n" ::"r"(SharedAddress(shared)),
      "l"(global), "r"(bytes), "r"(SharedAddress(barrier)), "h"(static_cast<std::uint16_t>(blocks))
      : "memory");
}

// As SharedAddressIn, of an address in this block's shared memory.
__device__ __forceinline__ std::uint32_t AddressIn(std::uint32_t here, std::uint32_t rank) {
  std::uint32_t there;
  asm("mapa.shared::cluster.u32 %0, %1, %2;\n" : "=r"(there) : "r"(here), "r"(rank));
  return there;
}

// From an address in this block's shared memory to another's, completing on a barrier there.
__device__ __forceinline__ void CopyBulkIn(std::uint32_t to, std::uint32_t from, std::uint32_t bytes,
                                           std::uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];\n" ::"r"(
          to),
      "r"(from), "r"(bytes), "r"(barrier)
      : "memory");
}

// Fetches a map before its first copy.
__device__ __forceinline__ void PrefetchMap(const CUtensorMap* map) {
  asm volatile("prefetch.tensormap [%0];\n" ::"l"(map) : "memory");
}

// SyncCluster for barriers that were begun, or for blocks that are to stay: what threads wrote elsewhere is
// not handed over.
__device__ __forceinline__ void MeetInCluster() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;\nbarrier.cluster.wait.aligned;\n" ::: "memory");
}

// Its two halves.
__device__ __forceinline__ void ArriveInCluster() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;\n" ::: "memory");
}
__device__ __forceinline__ void WaitInCluster() {
  asm volatile("barrier.cluster.wait.aligned;\n" ::: "memory");
}

// Lets other warps go first, for about so long.
__device__ __forceinline__ void Pause(std::uint32_t nanoseconds) {
  asm volatile("nanosleep.u32 %0;\n" ::"r"(nanoseconds));
}

}  // namespace assay::device

#endif
