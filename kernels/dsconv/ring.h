// A place in a ring of stages in shared memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace assay::dsconv {

// A slot of a ring, and how often it went round: the parity of the phase that filling it completes.
struct RingAt {
  std::int32_t slot = 0;
  std::uint32_t parity = 0;

  __device__ __forceinline__ void Next(std::int32_t slots) {
    if (++slot == slots) slot = 0, parity ^= 1;
  }
  // By so many; less than the ring has.
  __device__ __forceinline__ void Skip(std::int32_t by, std::int32_t slots) {
    slot += by;
    if (slot >= slots) slot -= slots, parity ^= 1;
  }
};

}  // namespace assay::dsconv
