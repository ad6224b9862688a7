// What depends on the tensors' type: how two channels of the depthwise half are read and handed over. A
// band's chunk is 64 channels whatever the type; products take 128 bytes of a pixel at once, all 64 channels
// of 16 bits or half of them as TF32.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/dsconv/l2/plan.h"

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/ptx/shared_word.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/sums.h"
#include "kernels/dsconv/wide/two_channels.h"

namespace assay::dsconv::l2 {

// Of 16 bits.
template <class T>
struct TypeOf {
  static constexpr std::int32_t kPlanes = PlanesOf(sizeof(T));
  static constexpr std::uint32_t kLaneBytes = 4 * kPlanes;  // of a pixel: a lane's two channels

  __device__ __forceinline__ static float2 Load(std::uint32_t address) {
    return wide::ToFloats<T>(device::LoadSharedWord(address));
  }
  template <bool kClamps>
  __device__ __forceinline__ static void StoreIf(bool stores, char* plane, std::uint32_t place,
                                                 std::uint32_t swizzled, const wide::Clamp& clamp,
                                                 float2 sum) {
    device::StoreWordIf(stores, plane + (place | swizzled), wide::PackClamped<T>(clamp, sum.x, sum.y));
  }

  // A lane stores its channels of so many matrices of sums at once: 8 channels, or 4 where columns are no
  // multiple of 32.
  template <int kTiles>
  __host__ __device__ static constexpr int Matrices() {
    return kTiles % 4 == 0 ? 4 : 2;
  }
  template <int kTiles>
  __device__ __forceinline__ static void StartSums(const float* biases, int lane, float (&sums)[kTiles][4]) {
    if constexpr (Matrices<kTiles>() == 4) {
      wide::StartSums<kTiles>(biases, lane, sums);
    } else {
      wide::StartFours<kTiles>(biases, lane, sums);
    }
  }
  template <bool kVectors, int kMatrices>
  __device__ __forceinline__ static void StoreSums(const Shape& shape, const wide::Clamp& clamp, T* pixel,
                                                   std::int32_t k, int lower, const float (*sums)[4]) {
    wide::StoreChannels<T, kVectors, kMatrices>(shape, clamp, pixel, k, lower, sums);
  }
};

// The nearest TF32 number, ties away from zero, once the products have left out what is below it. NaN is the
// canonical one here, the largest of all numbers read as integers: with half a unit more it would wrap round,
// and stays what it is.
__device__ __forceinline__ std::uint32_t RoundForTf32(float value) {
  const std::int32_t bits = __float_as_int(value);
  return static_cast<std::uint32_t>(max(static_cast<std::int32_t>(__float_as_uint(value) + 0x1000u), bits));
}

// fp32 is rounded to TF32 where it is handed over.
template <>
struct TypeOf<float> {
  static constexpr std::int32_t kPlanes = PlanesOf(sizeof(float));
  static constexpr std::uint32_t kLaneBytes = 4 * kPlanes;

  __device__ __forceinline__ static float2 Load(std::uint32_t address) {
    return device::LoadSharedFloat2(address);
  }
  // `swizzled` of upper lanes reaches into the next pixel, which `plane` makes up for.
  template <bool kClamps>
  __device__ __forceinline__ static void StoreIf(bool stores, char* plane, std::uint32_t place,
                                                 std::uint32_t swizzled, const wide::Clamp& clamp,
                                                 float2 sum) {
    if constexpr (kClamps) sum = make_float2(wide::Clamped(clamp, sum.x), wide::Clamped(clamp, sum.y));
    device::StoreTwoIf(stores, plane + (place + swizzled),
                       make_uint2(RoundForTf32(sum.x), RoundForTf32(sum.y)));
  }

  template <int>
  __host__ __device__ static constexpr int Matrices() {
    return 2;
  }
  template <int kTiles>
  __device__ __forceinline__ static void StartSums(const float* biases, int lane, float (&sums)[kTiles][4]) {
    wide::StartFours<kTiles>(biases, lane, sums);
  }
  template <bool kVectors, int kMatrices>
  __device__ __forceinline__ static void StoreSums(const Shape& shape, const wide::Clamp& clamp, float* pixel,
                                                   std::int32_t k, int lower, const float (*sums)[4]) {
    wide::StoreFour<kVectors>(shape, clamp, pixel, k, lower, sums);
  }
};

}  // namespace assay::dsconv::l2

#endif
