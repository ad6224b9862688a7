// What the elements of a `few` variant are, in memory and as matrix units take them.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/activation.h"
#include "kernels/device/element.h"
#include "kernels/device/ptx/mma.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/few/plan.h"

namespace assay::dsconv::few {

// fp16 or bf16.
template <class T>
struct SixteenBits {
  using Type = T;
  static __device__ __forceinline__ float Rounded(float value) { return value; }  // when it is stored
};

// fp32 as kNumParts TF32 numbers: of one, the workspace holds it already rounded; two are made of an fp32
// number when it is multiplied.
template <int kNumParts>
struct Tf32 {
  using Type = float;
  static __device__ __forceinline__ float Rounded(float value) {
    return kNumParts == 1 ? __uint_as_float(device::ToTf32(value)) : value;
  }
};

template <int kCount>
__device__ __forceinline__ void ActivateAll(const Activating& by, float (&values)[kCount]) {
  if (by.clamps) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) values[i] = wide::Clamped(by.clamp, values[i]);
  } else {
#pragma unroll
    for (int i = 0; i < kCount; ++i) values[i] = device::Activate(by.activation, values[i]);
  }
}

// Four elements in one access, which is aligned to all of them.
__device__ __forceinline__ void LoadFour(const float* from, float (&values)[4]) {
  const float4 four = device::LoadFloat4(from);
  values[0] = four.x, values[1] = four.y, values[2] = four.z, values[3] = four.w;
}
template <class T>
__device__ __forceinline__ void LoadFour(const T* from, float (&values)[4]) {
  const uint2 words = device::LoadUint2(from);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t word = i < 2 ? words.x : words.y;
    values[i] = device::ToFloat(device::FromBits<T>(static_cast<std::uint16_t>(word >> i % 2 * 16)));
  }
}

__device__ __forceinline__ void StoreFour(float* to, const float (&values)[4]) {
  device::StoreFloat4(to, make_float4(values[0], values[1], values[2], values[3]));
}
template <class T>
__device__ __forceinline__ void StoreFour(T* to, const float (&values)[4]) {
  device::StoreUint2(to, make_uint2(device::Pack(values[0], values[1], device::ElementTag<T>{}),
                                    device::Pack(values[2], values[3], device::ElementTag<T>{})));
}

}  // namespace assay::dsconv::few
