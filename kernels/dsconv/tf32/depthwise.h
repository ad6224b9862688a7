// The depthwise half in fp32 by FFMA: lane 4g + t computes column g of the warp's pixels, kRows rows of it,
// for four input channels, walking down the input tile so that a row of it serves several outputs. These
// results are what the lane holds of the B fragments of two products, kRows matrices each: they never leave
// its registers.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/vector.h"
#include "kernels/dsconv/tf32/plan.h"

namespace assay::dsconv::tf32 {

// The lane's first pixel: of the block's images, rows and columns.
struct PixelIn {
  std::int32_t image, row, column;
};

__device__ __forceinline__ PixelIn WarpPixel(const Plan& plan, int warp) {
  return {warp / (plan.warps_p * plan.warps_q), warp / plan.warps_q % plan.warps_p * kRows,
          warp % plan.warps_q * kColumns};
}

// Word offset in the input tile of what the lane's first tap reads for its first pixel and channel.
template <bool kChannelsLast>
__device__ __forceinline__ std::int32_t FirstWord(const Shape& shape, const Plan& plan, const PixelIn& warp,
                                                  int lane) {
  const std::int32_t row = warp.image * plan.halo_rows + warp.row * shape.stride_h;
  const std::int32_t column = (warp.column + lane / 4) * shape.stride_w;
  if (kChannelsLast) return (row * plan.pitch + column) * kGroup + lane % 4 * 4;
  return row * plan.pitch + plan.skew + column + lane % 4 * plan.plane;
}

// Square filters of a size known at compile time, without dilation. `from` is at FirstWord of a group.
template <bool kChannelsLast, int kSize, int kStride>
struct FixedWindow {
  static constexpr int kInputRows = (kRows - 1) * kStride + kSize;

  static __device__ __forceinline__ void Add(const Shape&, const Plan& plan, const float* from,
                                             const float* taps, int t, float (&values)[kRows][4]) {
    if constexpr (kChannelsLast) {
      AddVectors(plan.pitch * kGroup, from, taps + 4 * t, values);
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        AddChannel(plan.pitch, from + 4 * j * plan.plane, taps + (t + 4 * j) * kPadded, j, values);
      }
    }
  }

 private:
  static constexpr int kPadded = (kSize * kSize + 3) / 4 * 4;

  // NHWC: four channels at once, a column of taps after the other.
  static __device__ __forceinline__ void AddVectors(std::int32_t pitch, const float* from, const float* taps,
                                                    float (&values)[kRows][4]) {
#pragma unroll
    for (int s = 0; s < kSize; ++s) {
      float4 w[kSize];
#pragma unroll
      for (int r = 0; r < kSize; ++r) w[r] = device::LoadFloat4(taps + (r * kSize + s) * kGroup);
#pragma unroll
      for (int h = 0; h < kInputRows; ++h) {
        const float4 x = device::LoadFloat4(from + h * pitch + s * kGroup);
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
          const int r = h - i * kStride;
          if (r < 0 || r >= kSize) continue;
          values[i][0] = fmaf(w[r].x, x.x, values[i][0]);
          values[i][1] = fmaf(w[r].y, x.y, values[i][1]);
          values[i][2] = fmaf(w[r].z, x.z, values[i][2]);
          values[i][3] = fmaf(w[r].w, x.w, values[i][3]);
        }
      }
    }
  }

  // NCHW: channel j, a row of the input after the other.
  static __device__ __forceinline__ void AddChannel(std::int32_t pitch, const float* from, const float* taps,
                                                    int j, float (&values)[kRows][4]) {
    float w[kPadded];
#pragma unroll
    for (int i = 0; i < kPadded; i += 4) {
      const float4 four = device::LoadFloat4(taps + i);
      w[i] = four.x, w[i + 1] = four.y, w[i + 2] = four.z, w[i + 3] = four.w;
    }
#pragma unroll
    for (int h = 0; h < kInputRows; ++h) {
#pragma unroll
      for (int s = 0; s < kSize; ++s) {
        const float x = from[h * pitch + s];
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
          const int r = h - i * kStride;
          if (r >= 0 && r < kSize) values[i][j] = fmaf(w[r * kSize + s], x, values[i][j]);
        }
      }
    }
  }
};

// Four channels' weights of one tap.
template <bool kChannelsLast>
__device__ __forceinline__ float4 TapOf(const Plan& plan, const float* taps, std::int32_t tap, int t) {
  if (kChannelsLast) return device::LoadFloat4(taps + tap * kGroup + 4 * t);
  const float* from = taps + t * plan.taps_padded + tap;
  const std::int32_t step = 4 * plan.taps_padded;
  return make_float4(from[0], from[step], from[2 * step], from[3 * step]);
}

__device__ __forceinline__ void AddTap(const float4& w, const float4& x, float (&values)[4]) {
  values[0] = fmaf(w.x, x.x, values[0]);
  values[1] = fmaf(w.y, x.y, values[1]);
  values[2] = fmaf(w.z, x.z, values[2]);
  values[3] = fmaf(w.w, x.w, values[3]);
}

// Any filter, stride and dilation: every tap of every pixel is loaded for itself.
template <bool kChannelsLast>
struct AnyWindow {
  static __device__ __forceinline__ void Add(const Shape& shape, const Plan& plan, const float* from,
                                             const float* taps, int t, float (&values)[kRows][4]) {
    constexpr std::int32_t kColumn = kChannelsLast ? kGroup : 1;
    const std::int32_t pitch = plan.pitch * kColumn, channel = 4 * plan.plane;
    std::int32_t tap = 0;
    for (std::int32_t r = 0; r < shape.r; ++r) {
      for (std::int32_t s = 0; s < shape.s; ++s, ++tap) {
        const float4 w = TapOf<kChannelsLast>(plan, taps, tap, t);
        const float* at = from + r * shape.dilation_h * pitch + s * shape.dilation_w * kColumn;
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
          const float* row = at + i * shape.stride_h * pitch;
          AddTap(w,
                 kChannelsLast ? device::LoadFloat4(row)
                               : make_float4(row[0], row[channel], row[2 * channel], row[3 * channel]),
                 values[i]);
        }
      }
    }
  }
};

// The four channels of the lane at one pixel of x, read from global memory; zeros outside the image.
template <bool kChannelsLast>
__device__ __attribute__((noinline)) float4 LoadDirect(const Shape& shape, const float* __restrict__ image,
                                                       std::int32_t h, std::int32_t w, std::int32_t c) {
  constexpr std::int32_t kStep = kChannelsLast ? 1 : 4;
  if (h < 0 || h >= shape.h || w < 0 || w >= shape.w) return make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  const float* from = image + h * shape.x.h + w * shape.x.w;
  const auto channel = [&](std::int32_t at) { return at < shape.c ? from[at * shape.x.c] : 0.0f; };
  return make_float4(channel(c), channel(c + kStep), channel(c + 2 * kStep), channel(c + 3 * kStep));
}

// Any filter, with x read from global memory: `n`, `p` and `q` are the lane's first pixel, c0 is the group's
// first channel.
template <bool kChannelsLast>
__device__ __forceinline__ void AddDirect(const Shape& shape, const Plan& plan, const float* __restrict__ x,
                                          std::int32_t n, std::int32_t p, std::int32_t q, std::int32_t c0,
                                          const float* taps, int t, float (&values)[kRows][4]) {
  if (n >= shape.n) return;
  const float* image = x + n * shape.x.n;
  const std::int32_t c = c0 + ChannelIn<kChannelsLast>(t, 0);
  std::int32_t tap = 0;
  for (std::int32_t r = 0; r < shape.r; ++r) {
    for (std::int32_t s = 0; s < shape.s; ++s, ++tap) {
      const float4 w = TapOf<kChannelsLast>(plan, taps, tap, t);
      const std::int32_t row = p * shape.stride_h - shape.pad_h + r * shape.dilation_h;
      const std::int32_t column = q * shape.stride_w - shape.pad_w + s * shape.dilation_w;
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        AddTap(w, LoadDirect<kChannelsLast>(shape, image, row + i * shape.stride_h, column, c), values[i]);
      }
    }
  }
}

}  // namespace assay::dsconv::tf32
