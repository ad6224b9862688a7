// The pointwise half of a chunk, from shared memory into registers.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/vector.h"
#include "kernels/dsconv/tiled/block.h"

namespace assay::dsconv::tiled {

// Where a thread stands in its block's product. Its pixels are first_pixel + 32 h + i, its output channels
// first_out + 16 g + j, with i and j below 4. Of the lanes that read a fragment at once, neighbours read the
// same one, so that shared memory answers half a warp at a time.
template <class B>
struct Lane {
  std::int32_t warp_pixel, warp_out;
  std::int32_t pixels, outs;  // the lane's place in the warp: 0 to 7, and 0 to 3

  static __device__ __forceinline__ Lane Of() {
    const std::int32_t lane = static_cast<std::int32_t>(threadIdx.x) % 32;
    const std::int32_t warp = static_cast<std::int32_t>(threadIdx.x) / 32;
    return {warp % B::kWarpsPixels * B::kWarpPixels, warp / B::kWarpsPixels * B::kWarpOut, (lane >> 1) & 7,
            (lane & 1) | ((lane >> 3) & 2)};
  }
  __device__ __forceinline__ std::int32_t first_pixel() const { return warp_pixel + 4 * pixels; }
  __device__ __forceinline__ std::int32_t first_out() const { return warp_out + 4 * outs; }
};

template <class B>
using Sums = float[B::kPerPixels][B::kPerOut];

// sums += mid^T w_pw over the chunk's channels.
template <class B>
__device__ __forceinline__ void Multiply(const float (*mid)[B::kMidPitch], const float* w_pw,
                                         const Lane<B>& lane, Sums<B>& sums) {
  const float* a = &mid[0][lane.first_pixel()];
  const float* b = w_pw + lane.first_out();
#pragma unroll
  for (int c = 0; c < B::kChunk; ++c) {
    float pixels[B::kPerPixels], weights[B::kPerOut];
#pragma unroll
    for (int h = 0; h < B::kPerPixels / 4; ++h) {
      const float4 four = device::LoadFloat4(a + c * B::kMidPitch + 32 * h);
      pixels[4 * h] = four.x, pixels[4 * h + 1] = four.y;
      pixels[4 * h + 2] = four.z, pixels[4 * h + 3] = four.w;
    }
#pragma unroll
    for (int g = 0; g < B::kPerOut / 4; ++g) {
      const float4 four = device::LoadFloat4(b + c * B::kOut + 16 * g);
      weights[4 * g] = four.x, weights[4 * g + 1] = four.y;
      weights[4 * g + 2] = four.z, weights[4 * g + 3] = four.w;
    }
    // To and fro, so that at each turn the weight too is the one just read: two registers of three then come
    // from the banks at once without conflict more often.
#pragma unroll
    for (int i = 0; i < B::kPerPixels; ++i) {
#pragma unroll
      for (int step = 0; step < B::kPerOut; ++step) {
        const int j = i % 2 == 0 ? step : B::kPerOut - 1 - step;
        sums[i][j] = fmaf(weights[j], pixels[i], sums[i][j]);
      }
    }
  }
}

}  // namespace assay::dsconv::tiled
