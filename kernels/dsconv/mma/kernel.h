// The kernel that `mma` and `hopper` share: they differ in how operands are multiplied (product.h).
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/shared_memory.h"
#include "kernels/dsconv/mma/depthwise.h"
#include "kernels/dsconv/mma/epilogue.h"
#include "kernels/dsconv/mma/load.h"
#include "kernels/dsconv/mma/parts.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/mma/product.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

struct alignas(16) Storage {
  std::uint32_t words[4];  // the rest follows
};

// Bulk copies swizzle by address: stages begin at multiples of 1024 bytes.
__device__ __forceinline__ char* AlignTo1024(char* shared) {
#ifdef ASSAY_SIMT
  return shared + (1024 - reinterpret_cast<std::uintptr_t>(shared) % 1024) % 1024;
#else
  const std::uint32_t address = device::SharedAddress(shared);
  return shared + ((address + 1023) / 1024 * 1024 - address);
#endif
}

template <class T, int kSize, int kStride, int kRows>
struct WindowOf {
  using Type = FixedWindow<T, kSize, kStride, kRows>;
};
template <class T, int kRows>
struct WindowOf<T, 0, 0, kRows> {
  using Type = AnyWindow<T, kRows>;
};

// One chunk: depthwise half of 16 channels at a time, then their part of the pointwise sums. Operands take
// turns, since the product before may still read its own.
template <class T, int kRows, int kTiles, class Window, class Product>
__device__ __forceinline__ void ComputeChunk(const Shape& shape, const Plan& plan, const Clamping& middle,
                                             const Window& window, const char* tile, const char* weights,
                                             int lane, float (&sums)[kRows][kTiles][4]) {
  const char* pointwise = weights + plan.depthwise_bytes;
  for (std::int32_t step = 0; step < plan.chunk / 16; step += 2) {
    std::uint32_t first[kRows][4], second[kRows][4];
    Depthwise<T, kRows>(shape, plan, middle, window, tile, weights, step, lane, first);
    Product::Add(first, pointwise + step * kTiles * 256, lane, sums);
    if (Product::kOddSteps && step + 1 == plan.chunk / 16) break;
    Depthwise<T, kRows>(shape, plan, middle, window, tile, weights, step + 1, lane, second);
    Product::Add(second, pointwise + (step + 1) * kTiles * 256, lane, sums);
  }
}

// Every sum starts as its channel's b_pw.
template <int kRows, int kTiles>
__device__ __forceinline__ void StartSums(const char* biases, int lane, float (&sums)[kRows][kTiles][4]) {
#pragma unroll
  for (int i = 0; i < kTiles; ++i) {
    const float* two = reinterpret_cast<const float*>(biases) + i * 8 + lane % 4 * 2;
    const float first = two[0], second = two[1];
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      sums[j][i][0] = sums[j][i][2] = first;
      sums[j][i][1] = sums[j][i][3] = second;
    }
  }
}

// Blocks that may share input channels (parts.h): small ones, with products that need sm_90 anyway.
template <class Product, int kRows, int kTiles>
inline constexpr bool kSharesChannels = !Product::kOddSteps && kRows == 1 && kTiles <= kMostSharingTiles;

// In shared memory: b_pw, the loader's barriers, weights that stay, the ring of stages.
template <class T, int kSize, int kStride, int kRows, int kTiles, class Product, class Loader>
__device__ __forceinline__ void RunBlock(const Shape& shape, const Plan& plan, const Tensors<T>& tensors,
                                         const typename Loader::Source& source,
                                         const char* __restrict__ packed) {
  constexpr std::int32_t kBiasBytes = kTiles * 32, kHeadBytes = HeadBytes(kTiles, Loader::kBarrierBytes);
  char* shared = AlignTo1024(reinterpret_cast<char*>(&dynamic_shared<Storage>()));
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const WarpIn at = PlaceOfWarp<kRows>(shape, plan, warp);
  packed += static_cast<std::int64_t>(blockIdx.y) * plan.packed_bytes;

  Loader loader(shape, plan, source, packed + kBiasBytes, shared + kHeadBytes);
  for (int i = static_cast<int>(threadIdx.x); i < kTiles * 8; i += static_cast<int>(blockDim.x)) {
    // Of several parts the first has b_pw.
    reinterpret_cast<float*>(shared)[i] = blockIdx.z == 0 ? reinterpret_cast<const float*>(packed)[i] : 0.0f;
  }
  __syncthreads();

  using Window = typename WindowOf<T, kSize, kStride, kRows>::Type;
  Window window;
  window.Init(shape, plan, at, lane);
  const Clamping middle = ClampingOf<T>(shape.act_mid);
  TileAt tile_at = FirstTile(plan);
  for (std::int32_t tile = static_cast<std::int32_t>(blockIdx.x); tile < plan.tiles;
       tile += static_cast<std::int32_t>(gridDim.x)) {
    float sums[kRows][kTiles][4];
    StartSums<kRows, kTiles>(shared, lane, sums);
    for (std::int32_t chunk = FirstChunk(plan); chunk < EndChunk(plan); ++chunk) {
      const char* stage = loader.Acquire();
      const char* weights =
          plan.resident ? loader.resident + chunk * plan.weight_bytes : stage + plan.x_bytes;
      ComputeChunk<T, kRows, kTiles, Window, Product>(shape, plan, middle, window, stage, weights, lane,
                                                      sums);
      loader.template Release<Product>();
    }
    Product::Finish(sums);
    const auto pixels_of = [&](const WarpIn& in) {
      return WarpAt{tile_at.n * plan.images + in.image, tile_at.p0(plan) + in.row,
                    tile_at.q0(plan) + in.column, static_cast<std::int32_t>(blockIdx.y) * plan.channels_out};
    };
#ifndef ASSAY_SIMT
    if constexpr (kSharesChannels<Product, kRows, kTiles>) {
      if (plan.parts > 1) {
        AddPartsAndStore<T, kRows, kTiles>(
            shape, plan, tensors, reinterpret_cast<float*>(shared + kHeadBytes), warp, lane, sums,
            [&](int of) { return pixels_of(PlaceOfWarp<kRows>(shape, plan, of)); });
        return;  // it has one tile
      }
    }
#endif
    StoreOutputs<T, kRows, kTiles>(shape, pixels_of(at), tensors, lane, sums);
    tile_at.Next(plan);
  }
}

template <class T, int kSize, int kStride, int kRows, int kTiles, class Product, class Loader>
__global__ void __launch_bounds__(256, 1)
    FusedKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                const __grid_constant__ Tensors<T> tensors,
                const __grid_constant__ typename Loader::Source source, const char* __restrict__ packed) {
  if constexpr (!Product::kAvailable) {
    __trap();
  } else {
    RunBlock<T, kSize, kStride, kRows, kTiles, Product, Loader>(shape, plan, tensors, source, packed);
  }
}

}  // namespace assay::dsconv::mma
