// From a block's sums to the output tensor.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/activation.h"
#include "kernels/device/element.h"
#include "kernels/device/ptx/clamp.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/tiled/place.h"
#include "kernels/dsconv/tiled/product.h"

namespace assay::dsconv::tiled {

// Adds the biases; clamps too.
template <class B>
__device__ __forceinline__ void AddBias(const Plan& plan, const float* __restrict__ b_pw, std::int32_t k,
                                        Sums<B>& sums) {
#pragma unroll
  for (int g = 0; g < B::kPerOut / 4; ++g) {
    const float4 four = device::LoadFloat4(b_pw + k + 16 * g);
    const float bias[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int i = 0; i < B::kPerPixels; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        float& sum = sums[i][4 * g + j];
        sum += bias[j];
        if (!plan.out_plain) sum = device::ClampNan(sum, plan.out_low, plan.out_high);
      }
    }
  }
}

// NCHW: four pixels of a channel at a time; eight lanes fill 128 bytes.
template <class B>
__device__ __forceinline__ void StorePlanes(const Shape& shape, const std::int64_t* y_at, std::int32_t pixel,
                                            std::int32_t k, float* __restrict__ y, const Sums<B>& sums) {
#pragma unroll
  for (int h = 0; h < B::kPerPixels / 4; ++h) {
    const std::int64_t at = y_at[pixel + 32 * h];
    if (at < 0) continue;
    float* to = y + (at + k * shape.y.c);
#pragma unroll
    for (int j = 0; j < B::kPerOut; ++j) {
      if (k + 16 * (j / 4) + j % 4 < shape.k) {
        device::StoreFloat4(
            to, make_float4(sums[4 * h][j], sums[4 * h + 1][j], sums[4 * h + 2][j], sums[4 * h + 3][j]));
      }
      to += j % 4 == 3 ? 13 * shape.y.c : shape.y.c;
    }
  }
}

// NHWC: four channels of a pixel at a time; four lanes fill 64 bytes.
template <class B>
__device__ __forceinline__ void StorePixels(const Shape& shape, const std::int64_t* y_at, std::int32_t pixel,
                                            std::int32_t k, float* __restrict__ y, const Sums<B>& sums) {
#pragma unroll
  for (int i = 0; i < B::kPerPixels; ++i) {
    const std::int64_t at = y_at[pixel + 32 * (i / 4) + i % 4];
    if (at < 0) continue;
    float* to = y + (at + k);
#pragma unroll
    for (int g = 0; g < B::kPerOut / 4; ++g) {
      if (k + 16 * g < shape.k) {
        device::StoreFloat4(to + 16 * g, make_float4(sums[i][4 * g], sums[i][4 * g + 1], sums[i][4 * g + 2],
                                                     sums[i][4 * g + 3]));
      }
    }
  }
}

// Any alignment, dtype and activation: a warp's results go through shared memory, 32 pixels at a time, and
// its lanes store neighbouring elements.
template <class B, bool kChannelsLast, class T>
__device__ __forceinline__ void StoreStaged(const Shape& shape, const Plan& plan, const std::int64_t* y_at,
                                            std::int32_t k0, const Lane<B>& lane, float* stage,
                                            T* __restrict__ y, const Sums<B>& sums) {
  const std::int32_t in_warp = static_cast<std::int32_t>(threadIdx.x) % 32;
#pragma unroll
  for (int h = 0; h < B::kPerPixels / 4; ++h) {
#pragma unroll
    for (int g = 0; g < B::kPerOut / 4; ++g) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if constexpr (kChannelsLast) {  // rows of channels
          device::StoreFloat4(stage + (4 * lane.pixels + i) * B::kStagePitch + 16 * g + 4 * lane.outs,
                              make_float4(sums[4 * h + i][4 * g], sums[4 * h + i][4 * g + 1],
                                          sums[4 * h + i][4 * g + 2], sums[4 * h + i][4 * g + 3]));
        } else {  // rows of pixels
          device::StoreFloat4(stage + (16 * g + 4 * lane.outs + i) * B::kStagePitch + 4 * lane.pixels,
                              make_float4(sums[4 * h][4 * g + i], sums[4 * h + 1][4 * g + i],
                                          sums[4 * h + 2][4 * g + i], sums[4 * h + 3][4 * g + i]));
        }
      }
    }
    __syncwarp();
    const std::int64_t* at = y_at + lane.warp_pixel + 32 * h;
    const std::int32_t channels = min(B::kWarpOut, shape.k - k0);
    const std::int32_t rows = kChannelsLast ? 32 : channels;
    T* to = y;
    bool there = false;
    if constexpr (kChannelsLast) {
      there = in_warp < channels;
      to += k0 + in_warp;
    } else {
      there = at[in_warp] >= 0;
      if (there) to += at[in_warp] + k0 * shape.y.c;
    }
    const auto store = [&](std::int32_t row, float value) {
      if constexpr (kChannelsLast) {
        if (there && at[row] >= 0) to[at[row]] = device::FromFloat<T>(value);
      } else {
        if (there) to[row * shape.y.c] = device::FromFloat<T>(value);
      }
    };
    if (plan.out_clamps) {
#pragma unroll 4
      for (std::int32_t row = 0; row < rows; ++row) store(row, stage[row * B::kStagePitch + in_warp]);
    } else {
#pragma unroll 1
      for (std::int32_t row = 0; row < rows; ++row) {
        store(row, device::Activate(shape.act_out, stage[row * B::kStagePitch + in_warp]));
      }
    }
    __syncwarp();
  }
}

}  // namespace assay::dsconv::tiled
