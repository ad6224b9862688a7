// Input tiles and weights on their way to shared memory.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/element.h"
#include "kernels/device/ptx/async_copy.h"
#include "kernels/dsconv/tiled/place.h"

namespace assay::dsconv::tiled {

// Where `wanted`, the next kUnit elements, or zeros. An element of 16 bits is below what cp.async moves.
template <int kUnit, class T>
__device__ __forceinline__ void CopyUnit(bool wanted, T* to, const T* from, bool valid) {
  if constexpr (kUnit * sizeof(T) >= 4) {
    device::CopyAsyncIf<static_cast<int>(kUnit * sizeof(T))>(wanted, to, from, valid);
  } else {
    static_assert(kUnit == 1);
    if (wanted) *to = valid ? *from : device::FromFloat<T>(0.0f);
  }
}

// NCHW: a thread takes a place in the plane, and it in every copy_step'th channel of the chunk from c0 on.
// `x` points at image n0.
template <class B, int kUnit, class T>
__device__ __forceinline__ void LoadPlanes(const Shape& shape, const Plan& plan, const T* __restrict__ x,
                                           const Copy* copies, std::int32_t count, std::int32_t c0, T* to) {
  const std::int32_t thread = static_cast<std::int32_t>(threadIdx.x), width = plan.copy_width;
  const std::int32_t first = thread / width;
  if (first >= plan.copy_step) return;
  const T* channel = x + (c0 + first) * shape.x.c;
  const std::int64_t ahead = plan.copy_step * shape.x.c;
  const std::int32_t to_ahead = plan.copy_step * plan.plane;
#pragma unroll 1
  for (std::int32_t i = thread & (width - 1); i < count; i += width) {
    const Copy copy = copies[i];
    const bool valid = copy.to >= 0;
    const T* from = channel + copy.from;
    T* target = to + (first * plan.plane + (valid ? copy.to : -1 - copy.to));
    if (c0 + B::kChunk <= shape.c) {
#pragma unroll 4
      for (std::int32_t step = 0; step < plan.copy_steps; ++step) {
        CopyUnit<kUnit>(true, target, from, valid);
        from += ahead;
        target += to_ahead;
      }
    } else {
#pragma unroll 1
      for (std::int32_t step = 0; step < plan.copy_steps; ++step) {
        const bool there = c0 + first + step * plan.copy_step < shape.c;
        CopyUnit<kUnit>(true, target, there ? from : x, valid && there);
        from += ahead;
        target += to_ahead;
      }
    }
  }
}

// NHWC: neighbouring threads take the units of a pixel's channels, then those of the next pixel. The tile's
// pixels lie kPitch elements apart.
template <class B, int kUnit, int kPitch, class T>
__device__ __forceinline__ void LoadPixels(const Shape& shape, const T* __restrict__ x, const Copy* copies,
                                           std::int32_t count, std::int32_t c0, T* to) {
  constexpr std::int32_t kUnits = B::kChunk / kUnit, kPixels = B::kThreads / kUnits;
  constexpr std::int32_t kAtOnce = 4;
  static_assert(B::kThreads % kUnits == 0);
  const std::int32_t thread = static_cast<std::int32_t>(threadIdx.x);
  const std::int32_t channel = thread % kUnits * kUnit;
  const bool there = c0 + channel < shape.c;
  const std::int32_t least = there ? 0 : 0x7fffffff;
  if (there) x += c0 + channel;
  to += channel + thread / kUnits * kPitch;
#pragma unroll 1
  for (std::int32_t first = thread / kUnits; first < count; first += kAtOnce * kPixels) {
    Copy mine[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) mine[i] = copies[first + i * kPixels];  // behind the end too
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      CopyUnit<kUnit>(first + i * kPixels < count, to + i * kPixels * kPitch, x + mine[i].from,
                      mine[i].to >= least);
    }
    to += kAtOnce * kPixels * kPitch;
  }
}

// Begins to copy a chunk's weights.
template <class B>
__device__ __forceinline__ void LoadWeights(const Plan& plan, const float* __restrict__ from, float* to) {
  const std::int32_t mine = 4 * static_cast<std::int32_t>(threadIdx.x);
  constexpr std::int32_t kAtOnce = 4 * B::kThreads, kFull = B::kPointwise / kAtOnce * kAtOnce;
#pragma unroll
  for (int i = 0; i < kFull; i += kAtOnce) device::CopyAsync16(to + mine + i, from + mine + i);
#pragma unroll 1
  for (std::int32_t i = kFull + mine; i < plan.record_words; i += kAtOnce) {
    device::CopyAsync16(to + i, from + i);
  }
}

}  // namespace assay::dsconv::tiled
