// The kernel of `hopper_phases` and `hopper_phases_tf32` (hopper_phases.cu says what it does), and the one
// that packs its weights.
#pragma once

#include <cuda_runtime.h>

#include "kernels/dsconv/phases/plan.h"
#include "kernels/dsconv/wide/weights.h"

#ifndef ASSAY_SIMT
#include <cuda.h>

#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/phases/depthwise.h"
#include "kernels/dsconv/phases/load.h"
#include "kernels/dsconv/phases/multiply.h"
#endif

namespace assay::dsconv::phases {

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
  wide::PackFilters<kPixelBytes / sizeof(T)>(first, step, plan.chunks, shape, w_dw, b_dw,
                                             reinterpret_cast<float*>(packed + plan.filters_from));
  // In fp32 a lane stores its columns as they are, four channels in a row.
  wide::PackWeights(
      first, step, plan.column_tiles, plan.chunks, columns, shape.c, shape.k,
      [](std::int32_t n) { return sizeof(T) == 4 ? wide::ChannelOfFloats(n) : n; }, w_pw,
      packed + plan.weights_from);
  auto* counters = reinterpret_cast<std::uint32_t*>(packed + plan.counters_from);
  for (std::int64_t i = first; i < Plan::kCounters; i += step) counters[i] = 0;
}

#ifndef ASSAY_SIMT

// Operands in the workspace, as they are copied.
template <class T>
cudaError_t DescribeOperands(const Plan& plan, const assay_buffers& buffers, CUtensorMap& map) {
  const auto* operands = static_cast<const char*>(buffers.workspace) + plan.operands_from;
  return device::DescribeNhwc(reinterpret_cast<const T*>(operands), {plan.chunk, plan.pixels, plan.chunks, 1},
                              {plan.chunk, kPixels, 1, 1}, CU_TENSOR_MAP_SWIZZLE_128B,
                              CU_TENSOR_MAP_L2_PROMOTION_NONE, map);
}

template <class T, int kTiles, int kStride, int kSpan, int kWarps>
__global__ void __launch_bounds__(32 * kWarps, 1)
    PhasesKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                 const __grid_constant__ CUtensorMap x_map, const __grid_constant__ CUtensorMap operands_map,
                 const __grid_constant__ CUtensorMap y_map, char* workspace, T* y) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  // Of a block's registers those that multiply have 2 x 232, the other one or two warpgroups what is left.
  constexpr int kLeft = kWarps == kLeastWarps ? 40 : 24;
  // From one lane, so that the compiler knows that what follows from it is the same in all.
  const int lane = static_cast<int>(threadIdx.x) % 32,
            warp = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0);
  const Block block(shape, plan, workspace);
  block.InitBarriers(warp, lane);
  MakeOperands<T, kStride, kSpan>(block, &x_map, warp, lane);
  // Weights are copied to both blocks, where x lay, and both have begun their barriers.
  if (plan.tile.pixel_blocks > 1) device::MeetInCluster();
  if (warp < kCopyWarps) {
    device::GiveRegisters<kLeft>();
    if (warp == 0 && lane == 0) LoadOperands(block, &operands_map);
    if (warp == 1 && lane == 0) LoadWeights(block);
    __syncwarp();
  } else if (warp < kCopyWarps + kMultiplyWarps) {
    device::TakeRegisters<232>();
    const int multiplier = warp - kCopyWarps;
    if constexpr (sizeof(T) == 4) {
      MultiplyFloats<kTiles>(block, multiplier, lane, StoreToPixels{block, y, multiplier, lane});
    } else {
      MultiplyOperands<T, kTiles>(block, &y_map, multiplier, lane);
    }
  } else {
    device::GiveRegisters<kLeft>();
  }
  // Others may still arrive here, or write here.
  if (plan.tile.pixel_blocks > 1) device::MeetInCluster();
#else
  __trap();
#endif
}

#endif

}  // namespace assay::dsconv::phases
