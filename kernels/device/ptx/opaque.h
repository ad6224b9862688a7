// A value that the compiler knows nothing of, so that what follows from it is computed where it stands.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace assay::device {

// `value`. Keeps addresses that a loop needs only at its end from being held in registers all through it.
__device__ __forceinline__ std::int32_t Opaque(std::int32_t value) {
#ifndef ASSAY_SIMT
  asm volatile("" : "+r"(value));
#endif
  return value;
}

// The same of a number: what is stored under a condition is computed without one, so that no branch is made
// of it.
__device__ __forceinline__ float Opaque(float value) {
#ifndef ASSAY_SIMT
  asm volatile("" : "+f"(value));
#endif
  return value;
}

__device__ __forceinline__ std::int64_t Opaque(std::int64_t value) {
#ifndef ASSAY_SIMT
  asm volatile("" : "+l"(value));
#endif
  return value;
}

#ifndef ASSAY_SIMT
// threadIdx.x, read anew: what follows from it is found again, not kept.
__device__ __forceinline__ std::int32_t ThreadAgain() {
  std::int32_t thread;
  asm volatile("mov.u32 %0, %%tid.x;\n" : "=r"(thread));
  return thread;
}
#endif

}  // namespace assay::device
