// Clamps that let NaN through (PTX ISA, min and max with .NaN; sm_80 and up).
#pragma once

#include <cuda_runtime.h>

namespace assay::device {

// z held between low and high, which are no NaN; a NaN stays one. Two instructions, where comparisons take
// four.
__device__ __forceinline__ float Clamp(float z, float low, float high) {
#ifdef ASSAY_SIMT
  return z < low ? low : (z > high ? high : z);
#else
  float result;
  asm("{\n"
      ".reg .f32 above;\n"
      "max.NaN.f32 above, %1, %2;\n"
      "min.NaN.f32 %0, above, %3;\n"
      "}\n"
      : "=f"(result)
      : "f"(z), "f"(low), "f"(high));
  return result;
#endif
}

}  // namespace assay::device
