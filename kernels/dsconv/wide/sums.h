// The sums of a warpgroup, 64 pixels by 8 kTiles channels: their beginning as b_pw, a product of 16 channels
// (8 of TF32), and their stores. Columns stand in the order of ChannelOf (weights.h), so that a lane has 16
// bytes of channels in a row.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/wgmma.h"
#include "kernels/device/ptx/wgmma_shared.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::wide {

// Of a lane's output channels from k on, which weights.h puts side by side in the columns of kMatrices
// matrices, two in each, for the upper or the lower of its two pixels: 8 or 4 of them.
template <class T, bool kVectors, int kMatrices>
__device__ __forceinline__ void StoreChannels(const Shape& shape, const Clamp& clamp, T* pixel,
                                              std::int32_t k, int lower, const float (*sums)[4]) {
  std::uint32_t pairs[kMatrices];
#pragma unroll
  for (int i = 0; i < kMatrices; ++i)
    pairs[i] = PackClamped<T>(clamp, sums[i][2 * lower], sums[i][2 * lower + 1]);
  if constexpr (kVectors && kMatrices == 4) {
    if (k < shape.k) device::StoreUint4(pixel + k, make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]));
  } else if constexpr (kVectors) {
    static_assert(kMatrices == 2);
    if (k < shape.k) device::StoreUint2(pixel + k, make_uint2(pairs[0], pairs[1]));
  } else {
#pragma unroll
    for (int i = 0; i < kMatrices * 2; ++i) {
      if (k + i < shape.k) {
        pixel[k + i] = device::FromBits<T>(static_cast<std::uint16_t>(pairs[i / 2] >> (i % 2 * 16)));
      }
    }
  }
}
template <class T, bool kVectors>
__device__ __forceinline__ void StoreEight(const Shape& shape, const Clamp& clamp, T* pixel, std::int32_t k,
                                           int lower, const float (*sums)[4]) {
  StoreChannels<T, kVectors, 4>(shape, clamp, pixel, k, lower, sums);
}

// The same of 4 channels of fp32, from two matrices.
template <bool kVectors>
__device__ __forceinline__ void StoreFour(const Shape& shape, const Clamp& clamp, float* pixel,
                                          std::int32_t k, int lower, const float (*sums)[4]) {
  float four[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) four[i] = Clamped(clamp, sums[i / 2][2 * lower + i % 2]);
  if constexpr (kVectors) {
    if (k < shape.k) device::StoreFloat4(pixel + k, make_float4(four[0], four[1], four[2], four[3]));
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (k + i < shape.k) pixel[k + i] = four[i];
    }
  }
}

// Where a lane's columns are the channels of StoreFour.
template <int kTiles>
__device__ __forceinline__ void StartFours(const float* biases, int lane, float (&sums)[kTiles][4]) {
#pragma unroll
  for (int i = 0; i < kTiles; i += 2) {
    const float4 four = device::LoadFloat4(biases + i * 8 + lane % 4 * 4);
    sums[i][0] = sums[i][2] = four.x, sums[i][1] = sums[i][3] = four.y;
    sums[i + 1][0] = sums[i + 1][2] = four.z, sums[i + 1][1] = sums[i + 1][3] = four.w;
  }
}

template <int kTiles>
__device__ __forceinline__ void StartSums(const float* biases, int lane, float (&sums)[kTiles][4]) {
#pragma unroll
  for (int i = 0; i < kTiles; i += 4) {
    const float4 low = device::LoadFloat4(biases + i * 8 + lane % 4 * 8),
                 high = device::LoadFloat4(biases + i * 8 + lane % 4 * 8 + 4);
    const float eight[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      sums[i + j][0] = sums[i + j][2] = eight[2 * j];
      sums[i + j][1] = sums[i + j][3] = eight[2 * j + 1];
    }
  }
}

// All columns times 16 channels, or 8 of TF32. One product of 256 columns would need more registers than a
// thread has at first: the compiler refuses it, whatever the warpgroup takes later.
inline constexpr int kMostTiles = 24;
template <class T, int kTiles, int kMost>
__device__ __forceinline__ void Multiply(float (&sums)[kTiles][4], std::uint64_t left, std::uint64_t right) {
  constexpr auto kTag = device::ElementTag<T>{};
  if constexpr (kTiles <= kMost) {
    device::MultiplyShared(sums, left, right, kTag);
  } else {
    constexpr int kHalf = kTiles / 2;
    auto& lower = reinterpret_cast<float(&)[kHalf][4]>(sums[0]);
    auto& upper = reinterpret_cast<float(&)[kHalf][4]>(sums[kHalf]);
    device::MultiplyShared(lower, left, right, kTag);
    device::MultiplyShared(upper, left, right + kHalf * 8 * kPixelBytes / 16, kTag);
  }
}

// Begins the products of a chunk, kSteps times 32 bytes of channels, and waits for those of the chunk before.
// No branch may part the products: the compiler would wait for them there. `rings` are those of either
// kernel.
template <class T, int kTiles, int kSteps, int kMost = kMostTiles, class Rings>
__device__ __forceinline__ void MultiplyChunk(Rings& rings, std::int32_t chunk, float (&sums)[kTiles][4]) {
  rings.Wait();
  const std::uint64_t left = rings.Left(), right = rings.Right();
  device::FenceProducts();
#pragma unroll
  for (int i = 0; i < kSteps; ++i) {
    Multiply<T, kTiles, kMost>(sums, left + static_cast<std::uint64_t>(2 * i),
                               right + static_cast<std::uint64_t>(2 * i));
  }
  device::CommitProducts();
  if (chunk > 0) {
    device::WaitProducts<1>();
    rings.GiveBack();
  }
  rings.Next();
}
// Of a last chunk, which has so many times 32 bytes: of all four, or of two if no more are needed.
template <class T, int kTiles, int kMost = kMostTiles, class Rings>
__device__ __forceinline__ void MultiplyLastChunk(Rings& rings, std::int32_t chunk, std::int32_t steps,
                                                  float (&sums)[kTiles][4]) {
  if (steps > 2) {
    MultiplyChunk<T, kTiles, 4, kMost>(rings, chunk, sums);
  } else {
    MultiplyChunk<T, kTiles, 2, kMost>(rings, chunk, sums);
  }
}

}  // namespace assay::dsconv::wide

#endif
