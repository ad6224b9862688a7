// The kernel of `hopper_keep` (hopper_keep.cu says what it does).
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/shared_memory.h"
#include "kernels/dsconv/keep/prepack.h"
#include "kernels/dsconv/keep/window.h"
#include "kernels/dsconv/mma/depthwise.h"
#include "kernels/dsconv/mma/epilogue.h"
#include "kernels/dsconv/mma/kernel.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/mma/tma_load.h"
#include "kernels/dsconv/shape.h"

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/wgmma_shared.h"

namespace assay::dsconv::keep {

// The products of 16 channels, enqueued by all warps of a warpgroup.
template <class T, int kTiles>
__device__ __forceinline__ void EnqueueProducts(const std::uint32_t (&a)[4], device::SharedPlace at,
                                                float (&sums)[kTiles][4]) {
  // MatrixDescriptor, of an address that is known.
  const std::uint64_t b = static_cast<std::uint64_t>(kNextColumns >> 4) << 32 |
                          static_cast<std::uint32_t>(kNextK >> 4) << 16 | (at & 0x3ffffu) >> 4;
  device::MultiplyFrom(sums, a, b, device::ElementTag<T>{});
}

// The products of kSteps times 16 channels.
template <class T, int kSteps, int kTiles>
__device__ __forceinline__ void EnqueueSteps(const mma::Plan& plan, std::uint32_t (&a)[kSteps][4],
                                             device::SharedPlace weights, float (&sums)[kTiles][4]) {
#pragma unroll
  for (int i = 0; i < kSteps; ++i) device::HoldOperand(a[i]);
  device::FenceProducts();
#pragma unroll
  for (int i = 0; i < kSteps; ++i) {
    EnqueueProducts<T>(a[i], weights + (i * plan.step_bytes + plan.depthwise_bytes), sums);
  }
  device::CommitProducts();
}

// The steps of a chunk, an even number, 3 x 3 at stride 1: the depthwise half of 32 channels at once, whose
// four sums do not wait for each other, while the products of the 32 before are under way.
template <class T, int kTiles>
__device__ __forceinline__ void ComputePairs(const Shape& shape, const mma::Plan& plan,
                                             const mma::Clamping& middle, SharedWindow<T, 3>& window,
                                             device::SharedPlace weights, std::int32_t steps, int lane,
                                             std::uint32_t (&a)[2][4], float (&sums)[kTiles][4]) {
  std::int32_t step = 0;
#pragma unroll 1
  do {
    float made[4][1][4];
    window.template Sum<4>(shape, plan, weights, 2 * step, lane, made);
    device::WaitProducts<0>();  // operands are made anew
#pragma unroll
    for (int half = 0; half < 4; ++half) {
      device::HoldSums(made[half]);
      const float(&four)[4] = made[half][0];
      a[half / 2][half % 2 * 2] = mma::PackClamped<T>(middle, four[0], four[1]);
      a[half / 2][half % 2 * 2 + 1] = mma::PackClamped<T>(middle, four[2], four[3]);
    }
    EnqueueSteps<T>(plan, a, weights, sums);
    weights += 2 * plan.step_bytes;
    step += 2;
  } while (step < steps);
}

// Other filters: 16 channels at once, and two operands that take turns.
template <class T, int kTiles, class Window>
__device__ __forceinline__ void ComputeTurns(const Shape& shape, const mma::Plan& plan,
                                             const mma::Clamping& middle, Window& window,
                                             device::SharedPlace weights, std::int32_t steps, int lane,
                                             std::uint32_t (&a)[2][4], float (&sums)[kTiles][4]) {
  std::int32_t step = 0;
#pragma unroll 1
  do {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      auto& operand = *reinterpret_cast<std::uint32_t(*)[1][4]>(&a[i]);
      mma::Depthwise<T, 2, 1>(shape, plan, middle, window, weights, step + i, lane, operand);
      EnqueueSteps<T>(plan, operand, weights, sums);
      device::WaitProducts<1>();
      weights += plan.step_bytes;
    }
    step += 2;
  } while (step < steps);
}

// What a warp does: the pixels of its patch in each of the block's tiles. Those beyond the image are computed
// from whatever is there: the warpgroup multiplies together.
// Loops around products run at least once: else sums would come two ways to what follows, and be moved while
// products are under way.
template <class T, int kSize, int kStride, class Block, class Loader>
__device__ __forceinline__ void ComputeKept(const Shape& shape, const mma::Plan& plan,
                                            const mma::Tensors<T>& tensors, Loader& loader,
                                            const char* shared, int warp, int lane) {
  constexpr int kTiles = Block::kTiles;
  constexpr bool kPairs = kSize == 3 && kStride == 1;
  const mma::PartOfSums whole = {0, 1, 1, loader.exchange_place};
  const device::SharedPlace starts = device::PlaceOf(shared);
  const mma::WarpIn in = mma::PlaceOfPatch<1>(plan, warp);
  typename WindowOf<T, kSize, kStride>::Type window;
  const std::int32_t ring_bytes = plan.stages * plan.stage_bytes;
  window.Init(shape, plan, loader.ring_place + (ring_bytes - plan.stage_bytes), in,
              lane);  // enters the first
  const mma::Clamping middle = mma::ClampingOf<T>(shape.act_mid);
  mma::TileAt tile_at;
  // By BeginTile's shuffle the compiler knows that warps do not part here; else it would wait for every
  // product.
#pragma unroll 1
  while (loader.BeginTile(tile_at)) {
    float sums[1][kTiles][4];
    mma::StartSums<1, kTiles>(starts, lane, sums);
    // Numbers from here on: as the words that were loaded they would be moved from product to product.
    device::HoldSums(sums[0]);
    std::uint32_t a[2][4];
    device::SharedPlace weights = loader.resident_place;
    std::int32_t chunk = 0;
#pragma unroll 1
    do {
      const device::SharedPlace stage = loader.Acquire();
      const std::int32_t steps = mma::StepsOf(plan, chunk);
      window.Enter(plan, stage, stage == loader.ring_place ? plan.stage_bytes - ring_bytes : plan.stage_bytes,
                   mma::WidthOf(plan, chunk));
      const bool narrow = plan.last_chunk < plan.chunk && chunk + 1 == plan.chunks;
      if (narrow) window.Widen(stage, plan.chunk, plan.last_chunk);
      if constexpr (kPairs) {
        ComputePairs<T>(shape, plan, middle, window, weights, steps, lane, a, sums[0]);
      } else {
        ComputeTurns<T>(shape, plan, middle, window, weights, steps, lane, a, sums[0]);
      }
      if (narrow) window.Widen(stage, plan.last_chunk, plan.chunk);
      weights += steps * plan.step_bytes;
      loader.Release(lane);
    } while (++chunk < plan.chunks);
    device::WaitProducts<0>();
    device::HoldSums(sums[0]);
    const mma::WarpAt at = {tile_at.n * plan.images + in.image, tile_at.p0(plan) + in.row,
                            tile_at.q0(plan) + in.column,
                            static_cast<std::int32_t>(blockIdx.y) * plan.channels_out};
    const bool any = at.n < shape.n && at.p < shape.p && at.q < shape.q;
    mma::StoreOutputs<T, 1, kTiles>(shape, at, any, whole, tensors, lane, sums);
  }
}

// In shared memory: starts of sums, the loader's barriers, weights, the ring of stages.
template <class T, int kSize, int kStride, class Block, class Loader>
__device__ __forceinline__ void RunKept(const Shape& shape, const mma::Plan& plan,
                                        const mma::Tensors<T>& tensors, const typename Loader::Source& source,
                                        const char* __restrict__ packed) {
  constexpr int kTiles = Block::kTiles;
  char* shared = mma::AlignTo1024(reinterpret_cast<char*>(&dynamic_shared<mma::Storage>()));
  const int lane = static_cast<int>(threadIdx.x) % 32;
  // The same in all lanes, and by the shuffle the compiler knows it.
  const int warp = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0);
  packed += static_cast<std::int64_t>(blockIdx.y) * plan.packed_bytes;
  Loader loader(shape, plan, source, packed + kTiles * 32,
                shared + mma::HeadBytes(kTiles, Loader::kBarrierBytes));
  for (int i = static_cast<int>(threadIdx.x); i < kTiles * 16; i += static_cast<int>(blockDim.x)) {
    reinterpret_cast<float*>(shared)[i] = mma::StartWord<kTiles>(reinterpret_cast<const float*>(packed), i);
  }
  __syncthreads();
  if (warp >= Block::kMostWarps) {
    loader.template Run<Block::kMostWarps>();
  } else {
    loader.template BeginComputing<Block::kMostWarps>();
    if (warp < plan.warps) {
      ComputeKept<T, kSize, kStride, Block>(shape, plan, tensors, loader, shared, warp, lane);
    }
  }
}

template <class T, int kSize, int kStride, class Block, class Loader>
__global__ void __launch_bounds__(32 * (Block::kMostWarps + Loader::kWarps), 1)
    KeepKernel(const __grid_constant__ Shape shape, const __grid_constant__ mma::Plan plan,
               const __grid_constant__ mma::Tensors<T> tensors,
               const __grid_constant__ typename Loader::Source source, const char* __restrict__ packed) {
  if constexpr (Loader::kAvailable) {
    RunKept<T, kSize, kStride, Block, Loader>(shape, plan, tensors, source, packed);
  } else {
    __trap();
  }
}

}  // namespace assay::dsconv::keep

#endif
