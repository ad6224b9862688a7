// The kernels of the `few` variants (few.cu says how they work).
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/shared_memory.h"
#include "kernels/dsconv/few/depthwise.h"
#include "kernels/dsconv/few/product.h"
#include "kernels/dsconv/few/store.h"

namespace assay::dsconv::few {

// Weights as the plan has them; zeros in what the depthwise half never writes; and the counters, which every
// launch leaves as it found them.
template <class Kind>
__global__ void PrepackKernel(const Shape shape, const Plan plan,
                              const typename Kind::Type* __restrict__ w_dw,
                              const typename Kind::Type* __restrict__ b_dw,
                              const typename Kind::Type* __restrict__ w_pw,
                              const typename Kind::Type* __restrict__ b_pw, char* __restrict__ packed) {
  using T = typename Kind::Type;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int64_t columns = static_cast<std::int64_t>(plan.column_tiles) * plan.tile.columns;
  auto* biases = reinterpret_cast<float*>(packed);
  for (std::int64_t k = first; k < columns; k += step)
    biases[k] = b_pw != nullptr && k < shape.k ? device::ToFloat(b_pw[k]) : 0.0f;
  auto* filters = reinterpret_cast<float*>(packed + plan.filters_from);
  const std::int64_t taps = static_cast<std::int64_t>(shape.r) * shape.s;
  for (std::int64_t i = first; i < (taps + 1) * plan.channels; i += step) {
    const std::int64_t c = i % plan.channels, tap = i / plan.channels;
    filters[i] = 0.0f;
    if (c < shape.c && tap < taps) filters[i] = device::ToFloat(w_dw[c * taps + tap]);
    if (c < shape.c && tap == taps && b_dw != nullptr) filters[i] = device::ToFloat(b_dw[c]);
  }
  auto* weights = reinterpret_cast<T*>(packed + plan.weights_from);
  for (std::int64_t i = first; i < columns * plan.channels; i += step) {
    const std::int64_t c = i % plan.channels, k = i / plan.channels;
    const bool is = c < shape.c && k < shape.k;
    weights[i] = device::FromFloat<T>(is ? Kind::Rounded(device::ToFloat(w_pw[k * shape.c + c])) : 0.0f);
  }
  auto* middle = reinterpret_cast<T*>(packed + plan.middle_from);
  const std::int64_t rows = static_cast<std::int64_t>(plan.pixel_tiles) * plan.tile.pixels;
  for (std::int64_t i = first; i < rows * plan.channels; i += step) middle[i] = device::FromFloat<T>(0.0f);
  auto* counters = reinterpret_cast<std::uint32_t*>(packed + plan.counters_from);
  for (std::int64_t i = first; i < Plan::kCounters; i += step) counters[i] = 0;
}

// What a launch does: both halves, with all blocks at the same time; or one of them, where blocks cannot wait
// for each other.
enum class Halves { kBoth, kDepthwise, kPointwise };

// The depthwise half of all blocks is in the workspace when this returns, to blocks that `need` it.
__device__ __forceinline__ void MeetOthers(const Plan& plan, char* workspace, bool need) {
#ifndef ASSAY_SIMT
  auto* counters = reinterpret_cast<std::uint32_t*>(workspace + plan.counters_from);
  __syncthreads();
  if (threadIdx.x == 0) {
    device::ReleaseAdd(counters + Plan::kMade, 1);
    while (need && device::LoadAcquire(counters + Plan::kMade) != gridDim.x) {
    }
    // The last one that needs no more leaves the counters as the launch found them.
    if (atomicAdd(counters + Plan::kSeen, 1u) == gridDim.x - 1) {
      counters[Plan::kMade] = 0, counters[Plan::kSeen] = 0;
    }
  }
  __syncthreads();
#else
  (void)plan, (void)workspace, (void)need;
#endif
}

// Which pixels and which output channels a tile of the product has, each counted in tiles. Neighbours have
// the same weights.
struct TileAt {
  std::int32_t pixels, columns;

  __device__ __forceinline__ TileAt(const Plan& plan, std::int32_t tile)
      : columns(plan.by_pixel_tiles.Quotient(tile)) {
    pixels = tile - columns * plan.pixel_tiles;
  }
};

template <class Kind, bool kChannelsLast, int kMatrices, int kTiles, Halves kHalves>
__global__ void __launch_bounds__(kThreads, 1)
    FewKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
              const typename Kind::Type* __restrict__ x, char* workspace,
              typename Kind::Type* __restrict__ y) {
  using Product = WarpProduct<Kind, kMatrices, kTiles>;
  struct alignas(16) Storage {
    char bytes[SharedBytes(Product::kPixels, Product::kColumns)];
  };
  if constexpr (kHalves == Halves::kDepthwise) {
    MakeMiddle<Kind, kChannelsLast>(shape, plan, x, workspace);
  } else {
    constexpr int kWarpBytes = Product::kStages * Product::kStageBytes;
    using Out = Sums<kChannelsLast, kMatrices, kTiles>;
    static_assert(Out::kRows * Out::kPitch * 4 <= kWarpBytes, "a warp's sums lie where its stages were");
    char* const shared = dynamic_shared<Storage>().bytes;
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const auto product_of = [&](const TileAt& at) {
      return Product(plan, workspace, shared + warp * kWarpBytes, warp, lane, at.pixels, at.columns);
    };
    const auto blocks = static_cast<std::int32_t>(gridDim.x), block = static_cast<std::int32_t>(blockIdx.x);
    if (block < plan.tiles) product_of(TileAt(plan, block)).CopyWeights();
    if constexpr (kHalves == Halves::kBoth) {
      MakeMiddle<Kind, kChannelsLast>(shape, plan, x, workspace);
      MeetOthers(plan, workspace, block < plan.tiles);
    }
    for (std::int32_t tile = block; tile < plan.tiles; tile += blocks) {
      const TileAt at(plan, tile);
      const Product product = product_of(at);
      if (tile != block) product.CopyWeights();
      float sums[kMatrices][kTiles][4] = {};
      product.Multiply(sums);
      Out::Write(sums, reinterpret_cast<float*>(shared + warp * kWarpBytes), lane);
      __syncthreads();
      AddUpAndStore<typename Kind::Type, kChannelsLast, kMatrices, kTiles>(
          shape, plan, shared, kWarpBytes, plan.chunks < kWarps ? plan.chunks : kWarps,
          reinterpret_cast<const float*>(workspace), at.pixels * Product::kPixels,
          at.columns * Product::kColumns, y);
      __syncthreads();
    }
  }
}

}  // namespace assay::dsconv::few
