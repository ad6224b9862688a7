// An fp32 number as up to two TF32 numbers.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/ptx/mma.h"

namespace assay::device {

// The nearest TF32 number (part 0), or the nearest one to what that leaves (part 1), as an fp32 bit pattern.
__device__ __forceinline__ std::uint32_t Tf32Part(float value, int part) {
  const std::uint32_t first = ToTf32(value);
  return part == 0 ? first : ToTf32(value - __uint_as_float(first));
}

}  // namespace assay::device
