// Boxes from shared to global memory (PTX ISA, cp.async.bulk.tensor; sm_90). What threads wrote to shared
// memory is seen after FenceAsyncProxy() by each of them and a barrier.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/ptx/async_copy.h"

#ifndef ASSAY_SIMT

#include <cuda.h>

namespace assay::device {

// The box of the map at (a, b, c, d), innermost first; what lies outside of the tensor is not written.
__device__ __forceinline__ void StoreBox4(const CUtensorMap* map, const void* shared, std::int32_t a,
                                          std::int32_t b, std::int32_t c, std::int32_t d) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5}], [%1];\n" ::"l"(map),
      "r"(SharedAddress(shared)), "r"(a), "r"(b), "r"(c), "r"(d)
      : "memory");
}

// The boxes that this thread has begun to store since are a group.
__device__ __forceinline__ void CommitBoxes() { asm volatile("cp.async.bulk.commit_group;\n" ::: "memory"); }

// Returns when of this thread's groups all but the last kPending have been read from shared memory.
template <int kPending>
__device__ __forceinline__ void WaitBoxesRead() {
  asm volatile("cp.async.bulk.wait_group.read %0;\n" ::"n"(kPending) : "memory");
}

// Returns when all of this thread's groups have been written.
__device__ __forceinline__ void WaitBoxesWritten() {
  asm volatile("cp.async.bulk.wait_group 0;\n" ::: "memory");
}

}  // namespace assay::device

#endif
