// Clamps through which NaN goes (PTX ISA, max.NaN; sm_80 and up).
#pragma once

#include <cuda_runtime.h>

namespace assay::device {

// min(max(z, low), high); NaN where z is. `low` and `high` may be infinite.
__device__ __forceinline__ float ClampNan(float z, float low, float high) {
#ifdef ASSAY_SIMT
  z = z < low ? low : z;
  return z > high ? high : z;
#else
  float clamped;
  asm("{.reg .f32 t;\n max.NaN.f32 t, %1, %2;\n min.NaN.f32 %0, t, %3;}\n"
      : "=f"(clamped)
      : "f"(z), "f"(low), "f"(high));
  return clamped;
#endif
}

// min(z, high); NaN where z is.
__device__ __forceinline__ float MinNan(float z, float high) {
#ifdef ASSAY_SIMT
  return z > high ? high : z;
#else
  float least;
  asm("min.NaN.f32 %0, %1, %2;\n" : "=f"(least) : "f"(z), "f"(high));
  return least;
#endif
}

}  // namespace assay::device
