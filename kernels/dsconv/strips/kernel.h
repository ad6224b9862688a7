// The kernel of `hopper_strips` (hopper_strips.cu says what it does), and the one that packs its weights.
#pragma once

#include <cuda_runtime.h>

#include "kernels/dsconv/sparse/kernel.h"
#include "kernels/dsconv/strips/plan.h"

#ifndef ASSAY_SIMT
#include "kernels/device/shared_memory.h"
#include "kernels/dsconv/strips/depthwise.h"
#include "kernels/dsconv/strips/multiply.h"
#endif

namespace assay::dsconv::strips {

template <class T>
__global__ void PrepackKernel(const Shape shape, const Plan plan, const T* __restrict__ w_dw,
                              const T* __restrict__ b_dw, const T* __restrict__ w_pw,
                              const T* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int32_t columns = plan.tile.columns;
  wide::PackBiases(first, step, std::int64_t{plan.blocks_out} * columns, shape.k, b_pw,
                   reinterpret_cast<float*>(packed));
  sparse::PackSteps(first, step, plan.chunks, shape, w_dw, b_dw, packed + plan.filters_from);
  const auto channel_of = [](std::int32_t n) { return n; };
  wide::PackWeights(first, step, plan.blocks_out, plan.chunks, columns, shape.c, shape.k, channel_of, w_pw,
                    packed + plan.weights_from);
}

#ifndef ASSAY_SIMT

struct Storage {
  unsigned char bytes[1024];  // and what follows
};

// Barriers, and the first copies, by a thread of each of three warps; b_pw by those that multiply.
template <int kStride, bool kShared>
__device__ __forceinline__ void BeginCopies(const Block& block, const CUtensorMap* whole,
                                            const CUtensorMap* half, int warp) {
  const Plan& plan = block.plan;
  if (warp == kMultiplyWarps) {
    device::PrefetchMap(whole);
    device::PrefetchMap(half);
    for (std::int32_t i = 0; i < plan.tile.inputs; ++i) device::InitBarrier(block.x_filled + i, 1);
    device::FenceBarrierInit();
    InputLoader<kStride> loader(block, whole, half);
    for (std::int32_t i = 0; i < min(plan.tile.inputs, plan.rounds * plan.chunks); ++i) {
      loader.Load(), loader.Skip(1), loader.SkipSlots(1);
    }
  } else if (warp == kMultiplyWarps + 1) {
    device::InitBarrier(block.f_filled, 1);
    for (std::int32_t i = 0; i < plan.chunks; ++i) device::InitBarrier(block.w_filled + i, 1);
    device::FenceBarrierInit();
    LoadWeights(block);
  } else if (warp == kMultiplyWarps + 2) {
    for (std::int32_t i = 0; i < plan.tile.operands; ++i) {
      device::InitBarrier(block.a_filled + i, kSteps);
      device::InitBarrier(block.a_free + i, kTeamWarps * (kShared ? kTeams : 1));
    }
    device::FenceBarrierInit();
  }
}

template <class T, int kStride, int kTiles, int kPairs, bool kShared, int kBoxes, bool kFromZero>
__global__ void __launch_bounds__(kThreads, 1)
    StripsKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                 const __grid_constant__ CUtensorMap whole, const __grid_constant__ CUtensorMap half,
                 const __grid_constant__ CUtensorMap out, const __grid_constant__ mma::Tensors<T> tensors,
                 const char* __restrict__ packed) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  char* shared = reinterpret_cast<char*>(&dynamic_shared<Storage>());
  shared += (1024 - device::SharedAddress(shared) % 1024) % 1024;  // the swizzle counts rows from there
  const Block block(shape, plan, packed, shared);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0);
  if (lane == 0) BeginCopies<kStride, kShared>(block, &whole, &half, warp);
  const auto* biases = reinterpret_cast<const float*>(packed) + blockIdx.y * kTiles * 8;
  const auto thread = static_cast<int>(threadIdx.x);
  if (thread < kTiles * 8) block.biases[PlaceOfBias(thread)] = biases[thread];
  static_assert(kTiles * 8 <= 32 * kMultiplyWarps);
  __syncthreads();
  if (warp < kMultiplyWarps) {
    MultiplyOperands<T, kStride, kTiles, kPairs, kShared, kBoxes>(block, &whole, &half, &out, tensors, warp,
                                                                  lane);
  } else {
    MakeOperands<T, kStride, kPairs, kFromZero>(block, warp - kMultiplyWarps, lane);
  }
#else
  __trap();
#endif
}

#endif

}  // namespace assay::dsconv::strips
