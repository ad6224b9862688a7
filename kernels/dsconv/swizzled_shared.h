// Where a block's shared memory begins for operands of wgmma.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include <cstdint>

#include "kernels/device/ptx/async_copy.h"
#include "kernels/device/ptx/opaque.h"
#include "kernels/device/shared_memory.h"

namespace assay::dsconv {

struct SwizzledStorage {
  unsigned char bytes[1024];  // and what follows
};

// Shared memory from where the swizzle counts rows; up to 1024 bytes are lost by it. The compiler finds it
// anew wherever this is called, and does not keep it in a register.
__device__ __forceinline__ char* SwizzledShared() {
  char* shared = reinterpret_cast<char*>(&dynamic_shared<SwizzledStorage>());
  shared += device::Opaque((1024 - static_cast<std::int32_t>(device::SharedAddress(shared) % 1024)) % 1024);
  return shared;
}

}  // namespace assay::dsconv

#endif
