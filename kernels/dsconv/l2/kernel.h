// The kernel of `hopper_l2` and `hopper_l2_tf32` (hopper_l2.cu says what it does), and the one that packs its
// weights.
#pragma once

#include <cuda_runtime.h>

#include "kernels/dsconv/l2/plan.h"
#include "kernels/dsconv/wide/weights.h"

#ifndef ASSAY_SIMT
#include "kernels/dsconv/l2/depthwise.h"
#include "kernels/dsconv/l2/load.h"
#include "kernels/dsconv/l2/multiply.h"
#endif

namespace assay::dsconv::l2 {

// And begins the counters, which every launch leaves as it found them.
template <class T>
__global__ void PrepackKernel(const Shape shape, const Plan plan, const T* __restrict__ w_dw,
                              const T* __restrict__ b_dw, const T* __restrict__ w_pw,
                              const T* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int32_t columns = plan.tile.columns;
  wide::PackBiases(first, step, std::int64_t{plan.column_tiles} * columns, shape.k, b_pw,
                   reinterpret_cast<float*>(packed));
  wide::PackFilters(first, step, plan.chunks, shape, w_dw, b_dw,
                    reinterpret_cast<float*>(packed + plan.filters_from));
  // As TypeOf<T>::Matrices.
  const bool by_fours = sizeof(T) == 4 || columns % 32 != 0;
  const auto channel_of = [by_fours](std::int32_t n) {
    return by_fours ? wide::ChannelOfFloats(n) : wide::ChannelOf(n);
  };
  wide::PackWeights(first, step, plan.column_tiles, Products<PlanesOf(sizeof(T))>(shape, plan), columns,
                    shape.c, shape.k, channel_of, w_pw, packed + plan.weights_from);
  auto* counters = reinterpret_cast<std::uint32_t*>(packed + plan.counters_from);
  for (std::int64_t i = first; i < plan.counters; i += step) counters[i] = 0;
}

#ifndef ASSAY_SIMT

// By all threads of a block, when all its work is done: the last block clears the counters.
__device__ __forceinline__ void End(const Block& block) {
  __syncthreads();
  bool last = false;
  if (threadIdx.x == 0) {
    __threadfence();
    last = atomicAdd(block.Counters() + Plan::kEnded, 1u) == gridDim.x - 1;
    __threadfence();
  }
  if (__syncthreads_or(last) == 0) return;
  for (std::int64_t i = threadIdx.x; i < block.plan.counters; i += blockDim.x) block.Counters()[i] = 0;
}

template <class T, int kTiles, int kWarps = wide::DepthwiseWarps(kTiles * 8)>
__global__ void __launch_bounds__(32 * (kMultiplyWarps + kWarps + 1), 1)
    L2Kernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan, const T* __restrict__ x,
             char* workspace, T* __restrict__ y) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  constexpr bool kFew = kWarps == kFewMakers;
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const auto block = [&] { return Block(shape, plan, workspace); };
  if (warp == 0) block().InitBarriers(lane);
  __syncthreads();
  if (plan.tile.pixel_blocks > 1) device::MeetInCluster();
  if (warp < kMultiplyWarps) {
    // With the others' 88, of 4 x 128 or 5 x 96; with 136, of 3 x 168.
    device::TakeRegisters<(kFew ? 184 : kTiles > 16 ? 168 : 104)>();
    MultiplyOperands<T, kTiles, kFew>(block(), y, warp, lane);
  } else {
    device::GiveRegisters<(kFew ? 136 : 88)>();
    if (warp == kMultiplyWarps + kWarps) {
      Loader<TypeOf<T>::kPlanes>(block(), lane).LoadAll();
    } else if (shape.stride_h == 1) {
      // Where there are more makers they lack registers for another walk.
      const bool clamps = !kFew || !IsNone(plan.middle);
      if (clamps) {
        MakeBands<T, 1, true, kWarps>(shape, plan, workspace, x);
      } else {
        MakeBands<T, 1, !kFew, kWarps>(shape, plan, workspace, x);
      }
    } else {
      MakeBands<T, 2, true, kWarps>(shape, plan, workspace, x);
    }
  }
  End(block());
  // Others may still arrive here, or write here.
  if (plan.tile.pixel_blocks > 1) device::MeetInCluster();
#else
  __trap();
#endif
}

#endif

}  // namespace assay::dsconv::l2
