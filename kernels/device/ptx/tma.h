// Bulk copies from global to shared memory, completing on a barrier (PTX ISA, cp.async.bulk; sm_90). One
// thread begins a copy; shared memory is 128-byte aligned.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/ptx/async_copy.h"

#ifndef ASSAY_SIMT

#include <cuda.h>

namespace assay::device {

// The box of the map at (c, w, h, n), innermost first; zeros outside of the tensor.
__device__ __forceinline__ void CopyBox4(void* shared, const CUtensorMap* map, std::uint64_t* barrier,
                                         std::int32_t c, std::int32_t w, std::int32_t h, std::int32_t n) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, "
      "%5, %6}], "
      "[%2];\n" ::"r"(SharedAddress(shared)),
      "l"(map), "r"(SharedAddress(barrier)), "r"(c), "r"(w), "r"(h), "r"(n)
      : "memory");
}

// The same, to be kept in L2 rather than other lines, since it is read again soon.
__device__ __forceinline__ void CopyBox4Kept(void* shared, const CUtensorMap* map, std::uint64_t* barrier,
                                             std::int32_t c, std::int32_t w, std::int32_t h, std::int32_t n) {
  asm volatile(
      "{.reg .b64 kept;\n"
      "createpolicy.fractional.L2::evict_last.b64 kept, 1.0;\n"
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint [%0], "
      "[%1, {%3, %4, %5, %6}], [%2], kept;}\n" ::"r"(SharedAddress(shared)),
      "l"(map), "r"(SharedAddress(barrier)), "r"(c), "r"(w), "r"(h), "r"(n)
      : "memory");
}

// `bytes` in a row, a multiple of 16, both sides 16-byte aligned.
__device__ __forceinline__ void CopyBulk(void* shared, const void* global, std::uint32_t bytes,
                                         std::uint64_t* barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];\n" ::"r"(
          SharedAddress(shared)),
      "l"(global), "r"(bytes), "r"(SharedAddress(barrier))
      : "memory");
}

}  // namespace assay::device

#endif
