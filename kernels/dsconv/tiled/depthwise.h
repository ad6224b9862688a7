// The depthwise half of a chunk: from the input tile in shared memory to mid[channel][pixel].
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/activation.h"
#include "kernels/device/ptx/clamp.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/depthwise.h"
#include "kernels/dsconv/tiled/block.h"
#include "kernels/dsconv/tiled/place.h"
#include "kernels/dsconv/tiled/plan.h"

namespace assay::dsconv::tiled {

// kCount neighbours, clamped, to shared memory, 16 bytes at a time if there are four.
template <int kCount>
__device__ __forceinline__ void StoreMid(const Plan& plan, const float (&sums)[kCount], float* mid) {
  float values[kCount];
#pragma unroll
  for (int i = 0; i < kCount; ++i) values[i] = sums[i];
  if (!plan.mid_plain) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) values[i] = device::ClampNan(sums[i], plan.mid_low, plan.mid_high);
  }
  if constexpr (kCount == 4) {
    device::StoreFloat4(mid, make_float4(values[0], values[1], values[2], values[3]));
  } else {
#pragma unroll
    for (int i = 0; i < kCount; ++i) mid[i] = values[i];
  }
}

// Activations that are no clamp, in shared memory, after a barrier: in registers they would take the
// product's.
template <class B>
__device__ __forceinline__ void ActivateMid(const Shape& shape, float (*mid)[B::kMidPitch]) {
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x); i < B::kChunk * B::kPixels; i += B::kThreads) {
    float& value = mid[i / B::kPixels][i % B::kPixels];
    value = device::Activate(shape.act_mid, value);
  }
}

// Adds a row of a 3 x 3 filter to a strip of four pixels. `row` holds the strip's input columns.
template <int kStride>
__device__ __forceinline__ void AddRow(const float (&row)[3 * kStride + 3], float w0, float w1, float w2,
                                       float (&sums)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    sums[i] = fmaf(w0, row[kStride * i], sums[i]);
    sums[i] = fmaf(w1, row[kStride * i + 1], sums[i]);
    sums[i] = fmaf(w2, row[kStride * i + 2], sums[i]);
  }
}

// NCHW: a thread makes strips of one channel; their second columns are aligned to 16 bytes.
template <class B, int kStride>
__device__ __forceinline__ void StripsOfPlanes(const Plan& plan, const float* x, const float* weights,
                                               const std::int32_t* x_at, float (*mid)[B::kMidPitch]) {
  constexpr int kStrips = B::kPixels / 4, kItems = B::kChunk * kStrips;
#pragma unroll 1
  for (int first = 0; first < kItems; first += B::kThreads) {
    const int item = first + static_cast<int>(threadIdx.x);
    if (kItems % B::kThreads != 0 && item >= kItems) break;
    const int c = item / kStrips, strip = item % kStrips;
    const float* filter = weights + c * 12;
    const float4 w0 = device::LoadFloat4(filter), w1 = device::LoadFloat4(filter + 4);
    const float2 w2 = device::LoadFloat2(filter + 8);
    const float* from = x + c * plan.plane + x_at[4 * strip];
    float sums[4] = {w2.y, w2.y, w2.y, w2.y};
#pragma unroll
    for (int r = 0; r < 3; ++r, from += plan.pitch) {
      float row[3 * kStride + 3];
      row[0] = from[0];
      const float4 four = device::LoadFloat4(from + 1);
      row[1] = four.x, row[2] = four.y, row[3] = four.z, row[4] = four.w;
      if constexpr (kStride == 1) {
        row[5] = from[5];
      } else {
        const float4 more = device::LoadFloat4(from + 5);
        row[5] = more.x, row[6] = more.y, row[7] = more.z, row[8] = more.w;
      }
      if (r == 0) AddRow<kStride>(row, w0.x, w0.y, w0.z, sums);
      if (r == 1) AddRow<kStride>(row, w0.w, w1.x, w1.y, sums);
      if (r == 2) AddRow<kStride>(row, w1.z, w1.w, w2.x, sums);
    }
    StoreMid(plan, sums, &mid[c][4 * strip]);
  }
}

// NHWC: a thread makes a strip of two channels. The tile's pixels lie kPitch elements apart.
template <class B, int kStride, int kPitch>
__device__ __forceinline__ void StripsOfPixels(const Plan& plan, const float* x, const float* weights,
                                               const std::int32_t* x_at, float (*mid)[B::kMidPitch]) {
  constexpr int kPairs = B::kChunk / 2, kItems = kPairs * (B::kPixels / 4);
#pragma unroll 1
  for (int first = 0; first < kItems; first += B::kThreads) {
    const int item = first + static_cast<int>(threadIdx.x);
    if (kItems % B::kThreads != 0 && item >= kItems) break;
    const int c = item % kPairs * 2, strip = item / kPairs;
    const float* from = x + c + x_at[4 * strip];
    const float* filter = weights + c;
    const float2 bias = device::LoadFloat2(filter + 9 * B::kChunk);
    float sums[2][4] = {{bias.x, bias.x, bias.x, bias.x}, {bias.y, bias.y, bias.y, bias.y}};
#pragma unroll 1
    for (int r = 0; r < 3; ++r, from += plan.pitch, filter += 3 * B::kChunk) {
      float row[2][3 * kStride + 3];
#pragma unroll
      for (int i = 0; i < 3 * kStride + 3; ++i) {
        const float2 two = device::LoadFloat2(from + i * kPitch);
        row[0][i] = two.x, row[1][i] = two.y;
      }
      const float2 w0 = device::LoadFloat2(filter);
      const float2 w1 = device::LoadFloat2(filter + B::kChunk);
      const float2 w2 = device::LoadFloat2(filter + 2 * B::kChunk);
      AddRow<kStride>(row[0], w0.x, w1.x, w2.x, sums[0]);
      AddRow<kStride>(row[1], w0.y, w1.y, w2.y, sums[1]);
    }
    StoreMid(plan, sums[0], &mid[c][4 * strip]);
    StoreMid(plan, sums[1], &mid[c + 1][4 * strip]);
  }
}

// sums[i] += a filter over the windows that begin at from[at[i]]; kSize 0: of any size.
template <int kSize, class T, int kCount>
__device__ __forceinline__ void AddWindows(const Shape& shape, const Plan& plan, const T* from,
                                           const float* filter, std::int32_t filter_step,
                                           const std::int32_t (&at)[kCount], float (&sums)[kCount]) {
  if constexpr (kSize != 0) {
#pragma unroll
    for (int r = 0; r < kSize; ++r, from += plan.row_step) {
#pragma unroll
      for (int s = 0; s < kSize; ++s) {
        const float weight = filter[(r * kSize + s) * filter_step];
#pragma unroll
        for (int i = 0; i < kCount; ++i) {
          sums[i] = fmaf(weight, device::ToFloat(from[at[i] + s * plan.column_step]), sums[i]);
        }
      }
    }
  } else {
    for (std::int32_t r = 0; r < shape.r; ++r) {
      for (std::int32_t s = 0; s < shape.s; ++s) {
        const float weight = *filter;
        filter += filter_step;
        const T* tap = from + r * plan.row_step + s * plan.column_step;
#pragma unroll
        for (int i = 0; i < kCount; ++i) sums[i] = fmaf(weight, device::ToFloat(tap[at[i]]), sums[i]);
      }
    }
  }
}

// NCHW: neighbouring lanes make neighbouring pixels of one channel.
template <class B, int kSize, class T>
__device__ __forceinline__ void GatherFromPlanes(const Shape& shape, const Plan& plan, const T* x,
                                                 const float* weights, const std::int32_t* x_at,
                                                 float (*mid)[B::kMidPitch]) {
  constexpr int kCount = 4, kGroups = B::kPixels / (32 * kCount) > 0 ? B::kPixels / (32 * kCount) : 1;
  constexpr int kPixels = B::kPixels / (32 * kGroups);  // of a lane at once
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll 1
  for (int item = warp; item < B::kChunk * kGroups; item += B::kWarps) {
    const int c = item / kGroups, first = item % kGroups * 32 * kPixels + lane;
    const float* filter = weights + c * plan.taps_pitch;
    const float bias = filter[shape.r * shape.s];
    std::int32_t at[kPixels];
    float sums[kPixels];
#pragma unroll
    for (int i = 0; i < kPixels; ++i) at[i] = x_at[first + 32 * i], sums[i] = bias;
    AddWindows<kSize>(shape, plan, x + c * plan.plane, filter, 1, at, sums);
#pragma unroll
    for (int i = 0; i < kPixels; ++i) {
      const float sum[1] = {sums[i]};
      StoreMid(plan, sum, &mid[c][first + 32 * i]);
    }
  }
}

// NHWC: neighbouring lanes make neighbouring channels of a pixel.
template <class B, int kSize, class T>
__device__ __forceinline__ void GatherFromPixels(const Shape& shape, const Plan& plan, const T* x,
                                                 const float* weights, const std::int32_t* x_at,
                                                 float (*mid)[B::kMidPitch]) {
  constexpr int kCount = 4, kPixels = B::kThreads / B::kChunk;  // pixels side by side
  static_assert(B::kThreads % B::kChunk == 0);
  const int c = static_cast<int>(threadIdx.x) % B::kChunk;
  const float* filter = weights + c;
  const float bias = filter[shape.r * shape.s * B::kChunk];
#pragma unroll 1
  for (int first = static_cast<int>(threadIdx.x) / B::kChunk; first < B::kPixels; first += kCount * kPixels) {
    std::int32_t at[kCount];
    float sums[kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int pixel = first + i * kPixels;
      at[i] = x_at[pixel < B::kPixels ? pixel : 0], sums[i] = bias;
    }
    AddWindows<kSize>(shape, plan, x + c, filter, B::kChunk, at, sums);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int pixel = first + i * kPixels;
      const float sum[1] = {sums[i]};
      if (pixel < B::kPixels) StoreMid(plan, sum, &mid[c][pixel]);
    }
  }
}

// Without an input tile.
template <class B, class T>
__device__ __forceinline__ void FromMemory(const Shape& shape, const Plan& plan, const Place& place,
                                           const T* __restrict__ x, const T* __restrict__ w_dw,
                                           const T* __restrict__ b_dw, std::int32_t c0,
                                           float (*mid)[B::kMidPitch]) {
#pragma unroll 1
  for (int item = static_cast<int>(threadIdx.x); item < B::kChunk * B::kPixels; item += B::kThreads) {
    const int c = item / B::kPixels, pixel = item % B::kPixels;
    float sum[1] = {0.0f};
    if (c0 + c < shape.c && pixel < place.pixels) {
      const PixelAt at(plan, place, pixel);
      Shape bare = shape;
      bare.act_mid = device::Activation::kNone;
      sum[0] = DepthwisePixel(bare, x + ((place.n0 + at.image) * shape.x.n + (c0 + c) * shape.x.c),
                              w_dw + static_cast<std::int64_t>(c0 + c) * shape.r * shape.s,
                              b_dw ? device::ToFloat(b_dw[c0 + c]) : 0.0f,
                              at.p * shape.stride_h - shape.pad_h, at.q * shape.stride_w - shape.pad_w);
    }
    StoreMid(plan, sum, &mid[c][pixel]);
  }
}

}  // namespace assay::dsconv::tiled
