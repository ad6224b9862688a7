// Depthwise results as operand A of the products: in one TF32 part, or as the sum of two.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include <type_traits>

#include "kernels/device/ptx/opaque.h"
#include "kernels/device/ptx/tf32.h"
#include "kernels/dsconv/hopper_tf32/activate.h"
#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// The nearest TF32 number; of NaN zero, since the other part is NaN then.
__device__ __forceinline__ float FirstPart(float value) {
  return __uint_as_float((__float_as_uint(value) + 0x1000u) & 0xffffe000u);
}

// A depthwise result as the matrix unit reads it. `value` comes from a sum: if it is NaN it is the canonical
// one. What the matrix unit cuts off the second part is at most 2^-22 of the value.
template <int kParts>
struct Operand {
  float first, rest = 0;

  __device__ __forceinline__ explicit Operand(float value) {
    if constexpr (kParts == 0) {
      first = device::Opaque(value);
    } else if constexpr (kParts == 1) {
      first = device::RoundToTf32(value);
    } else {
      first = FirstPart(value);
      rest = device::Opaque(value - first);
    }
  }

  // Of max(value, 0), in one part.
  __device__ __forceinline__ static Operand FromZero(float value) {
    Operand operand;
    operand.first = device::RoundToTf32FromZero(value);
    return operand;
  }

 private:
  __device__ __forceinline__ Operand() {}
};

// Of a sum, after the activation.
template <int kParts, class Act>
__device__ __forceinline__ Operand<kParts> Activated(const Act& act, float sum) {
  if constexpr (std::is_same_v<Act, FromZero>) {
    static_assert(kParts == 1);
    return Operand<kParts>::FromZero(act(sum));
  } else {
    return Operand<kParts>(act(sum));
  }
}

template <int kChunk, int kParts>
__device__ __forceinline__ void StoreOperand(char* to, const Operand<kParts>& value) {
  *reinterpret_cast<float*>(to) = value.first;
  if constexpr (kParts == 2) *reinterpret_cast<float*>(to + OperandBytes(kChunk, kSlots)) = value.rest;
}

// Two channels of a pixel.
template <int kChunk, int kParts>
__device__ __forceinline__ void StoreOperands(char* to, const Operand<kParts>& low,
                                              const Operand<kParts>& high) {
  *reinterpret_cast<float2*>(to) = make_float2(low.first, high.first);
  if constexpr (kParts == 2) {
    *reinterpret_cast<float2*>(to + OperandBytes(kChunk, kSlots)) = make_float2(low.rest, high.rest);
  }
}

// Four channels of a pixel.
template <int kChunk, int kParts>
__device__ __forceinline__ void StoreOperands(char* to, const float (&values)[4]) {
  const Operand<kParts> a(values[0]), b(values[1]), c(values[2]), d(values[3]);
  *reinterpret_cast<float4*>(to) = make_float4(a.first, b.first, c.first, d.first);
  if constexpr (kParts == 2) {
    *reinterpret_cast<float4*>(to + OperandBytes(kChunk, kSlots)) =
        make_float4(a.rest, b.rest, c.rest, d.rest);
  }
}

}  // namespace assay::dsconv::hopper_tf32

#endif
