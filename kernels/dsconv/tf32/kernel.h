// The kernel that `tf32` and `tf32x3` share: they differ in the parts of an operand (product.h).
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/shared_memory.h"
#include "kernels/dsconv/tf32/depthwise.h"
#include "kernels/dsconv/tf32/epilogue.h"
#include "kernels/dsconv/tf32/load.h"
#include "kernels/dsconv/tf32/plan.h"
#include "kernels/dsconv/tf32/product.h"

namespace assay::dsconv::tf32 {

struct alignas(16) Storage {
  std::uint32_t words[4];  // the rest follows
};

template <bool kChannelsLast, int kSize, int kStride>
struct WindowOf {
  using Type = FixedWindow<kChannelsLast, kSize, kStride>;
};
template <bool kChannelsLast>
struct WindowOf<kChannelsLast, 0, 0> {
  using Type = AnyWindow<kChannelsLast>;
};

// The depthwise half of a group's four channels of the lane, from b_dw on to act_mid.
template <bool kChannelsLast, int kSize, int kStride, bool kClamps>
__device__ __forceinline__ void Depthwise(const Shape& shape, const Plan& plan, const float* __restrict__ x,
                                          const float* tile, const float* weights, const PixelAt& pixel,
                                          std::int32_t c0, int t, float (&values)[kRows][4]) {
  const float4 bias = device::LoadFloat4(weights + 4 * t);
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    values[i][0] = bias.x, values[i][1] = bias.y, values[i][2] = bias.z, values[i][3] = bias.w;
  }
  const float* taps = weights + kGroup;
  if (kSize == 0 && plan.direct) {
    AddDirect<kChannelsLast>(shape, plan, x, pixel.n, pixel.p, pixel.q, c0, taps, t, values);
  } else {
    WindowOf<kChannelsLast, kSize, kStride>::Type::Add(shape, plan, tile, taps, t, values);
  }
  ActivateAll<kClamps>(shape.act_mid, values);
}

// Every sum starts as its channel's b_pw.
template <int kMatrices>
__device__ __forceinline__ void StartSums(const float* biases, int g, float (&sums)[kMatrices][kRows][4]) {
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) {
    const float first = biases[m * 16 + g], second = biases[m * 16 + g + 8];
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      sums[m][i][0] = sums[m][i][1] = first;
      sums[m][i][2] = sums[m][i][3] = second;
    }
  }
}

// In shared memory: b_pw, weights that stay, the ring of stages. With kClamps only for activations that are.
template <bool kChannelsLast, int kSize, int kStride, bool kClamps, int kMatrices, int kParts>
__global__ void __launch_bounds__(32 * WarpsPerSm(kMatrices))
    FusedKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                const float* __restrict__ x, const char* __restrict__ packed, float* __restrict__ y) {
  char* shared = reinterpret_cast<char*>(&dynamic_shared<Storage>());
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const PixelIn in_block = WarpPixel(plan, warp);
  packed += blockIdx.y * plan.packed_bytes;
  Loader<kChannelsLast> loader(shape, plan, x, packed + HeadBytes(kMatrices), shared + HeadBytes(kMatrices));
  float* biases = reinterpret_cast<float*>(shared);
  if (threadIdx.x < kMatrices * 16) biases[threadIdx.x] = reinterpret_cast<const float*>(packed)[threadIdx.x];
  __syncthreads();

  const std::int32_t first_word = FirstWord<kChannelsLast>(shape, plan, in_block, lane);
  TileAt tile_at = FirstTile(plan);
  for (std::int32_t tile = static_cast<std::int32_t>(blockIdx.x); tile < plan.tiles;
       tile += static_cast<std::int32_t>(gridDim.x)) {
    const PixelAt pixel = {tile_at.n * plan.images + in_block.image, tile_at.p0(plan) + in_block.row,
                           tile_at.q0(plan) + in_block.column,
                           static_cast<std::int32_t>(blockIdx.y) * plan.channels_out};
    float sums[kMatrices][kRows][4];
    StartSums<kMatrices>(biases, lane / 4, sums);
    for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
      const char* stage = loader.Acquire();
      const char* weights =
          plan.resident ? loader.resident + chunk * plan.weight_bytes : stage + plan.x_bytes;
      const float* tile_words = reinterpret_cast<const float*>(stage) + first_word;
      const std::int32_t groups = min(plan.groups, plan.all_groups - chunk * plan.groups);
      for (std::int32_t group = 0; group < groups; ++group) {
        const PixelAt of_lane = {pixel.n, pixel.p, pixel.q + lane / 4, pixel.k0};
        float values[kRows][4];
        Depthwise<kChannelsLast, kSize, kStride, kClamps>(
            shape, plan, x, tile_words, reinterpret_cast<const float*>(weights), of_lane,
            (chunk * plan.groups + group) * kGroup, lane % 4, values);
        AddGroup<kMatrices, kParts>(values, weights + DepthwiseWords(plan.taps_padded) * 4, lane, sums);
        weights += plan.group_bytes, tile_words += plan.group_x_words;
      }
    }
    StoreOutputs<kChannelsLast, kClamps, kMatrices>(
        shape, plan, {pixel.n, pixel.p, pixel.q + lane % 4 * 2, pixel.k0}, lane, y, sums);
    tile_at.Next(plan);
  }
}

}  // namespace assay::dsconv::tf32
