// The kernel of `hopper_rows` (hopper_rows.cu says what it does), and the one that packs its weights.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/ptx/barrier.h"
#include "kernels/dsconv/rows/depthwise.h"
#include "kernels/dsconv/rows/multiply.h"
#include "kernels/dsconv/rows/plan.h"
#include "kernels/dsconv/swizzled_shared.h"
#include "kernels/dsconv/wide/weights.h"

namespace assay::dsconv::rows {

template <class T>
__global__ void PrepackKernel(const Shape shape, const Plan plan, const T* __restrict__ w_dw,
                              const T* __restrict__ b_dw, const T* __restrict__ w_pw,
                              const T* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  wide::PackBiases(first, step, std::int64_t{plan.pieces} * plan.tile.columns, shape.k, b_pw,
                   reinterpret_cast<float*>(packed + plan.biases_from));
  wide::PackFilters(first, step, plan.chunks, shape, w_dw, b_dw, reinterpret_cast<float*>(packed));
  wide::PackWeights(first, step, plan.pieces, plan.chunks, plan.tile.columns, shape.c, shape.k,
                    wide::ChannelOf, w_pw, packed + plan.weights_from);
}

#ifndef ASSAY_SIMT

// What copies leave as it is: zeros on either side of the rows of x, and operands of channels that there are
// none of.
__device__ __forceinline__ void ClearRest(const Block& block, int thread) {
  const Plan& plan = block.plan;
  const std::int32_t before = plan.pad_bytes / 16, behind = (plan.pad_bytes + plan.row_bytes) / 16,
                     cleared = before + plan.pitch / 16 - behind;
  for (std::int32_t i = thread; i < plan.stages * plan.stage_rows * cleared; i += kWorkers) {
    const std::int32_t row = i / cleared, unit = i - row * cleared;
    device::StoreUint4(block.x_ring + row * plan.pitch + (unit < before ? unit : unit - before + behind) * 16,
                       make_uint4(0, 0, 0, 0));
  }
  if (block.shape.c % kChunk == 0) return;
  for (std::int32_t i = thread; i < kSlots * plan.slot_bytes / 16; i += kWorkers)
    device::StoreUint4(block.operands + i * 16, make_uint4(0, 0, 0, 0));
}

__device__ __forceinline__ void InitBarriers(const Block& block) {
  const auto makers = static_cast<std::uint32_t>(block.plan.makers);
  for (std::int32_t i = 0; i < block.plan.stages; ++i) {
    device::InitBarrier(block.x_filled + i, 1);
    device::InitBarrier(block.x_free + i, makers);
  }
  for (std::int32_t i = 0; i < kSlots; ++i) {
    device::InitBarrier(block.a_filled + i, makers);
    device::InitBarrier(block.a_free + i, kMultiplyWarps);
  }
  device::InitBarrier(block.w_filled, 1);
  device::FenceBarrierInit();
}

__device__ __forceinline__ void LoadWeights(const Block& block) {
  const auto bytes = static_cast<std::uint32_t>(block.plan.workspace_bytes - block.plan.weights_from);
  device::ArriveAndExpect(block.w_filled, bytes);
  device::CopyBulk(block.weights, block.workspace + block.plan.weights_from, bytes, block.w_filled);
}

template <class T, int kStride, int kSpan, int kTiles>
__global__ void __launch_bounds__(kThreads, 1)
    RowsKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
               const char* __restrict__ x, const char* __restrict__ packed, T* __restrict__ y) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  const Block block(shape, plan, packed, SwizzledShared());
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  const int warp = __shfl_sync(0xffffffffu, thread / 32, 0);
  if (warp >= kMakeWarps + kMultiplyWarps) {
    device::GiveRegisters<kLoadRegisters>();
    if (warp > kMakeWarps + kMultiplyWarps) return;
    if (lane == 0) InitBarriers(block);
    __syncwarp();
    device::ArriveThreadsOf(kReady, kWorkers + 32);
    // Copies begin while the others are still at what follows here.
    if (lane == 0) LoadWeights(block), LoadBands(block, x);
    return;
  }
  ClearRest(block, thread);
  device::FenceAsyncProxy();
  device::SyncThreadsOf(kReady, kWorkers + 32);
  if (warp < kMultiplyWarps) {
    device::TakeRegisters<kMultiplyRegisters>();
    if (shape.act_out == device::Activation::kNone) {
      MultiplyBands<T, kTiles, false>(block, y, warp, lane);
    } else {
      MultiplyBands<T, kTiles, true>(block, y, warp, lane);
    }
    return;
  }
  device::TakeRegisters<kMakeRegisters>();
  const int maker = thread - 32 * kMultiplyWarps;
  if (maker >= plan.makers) return;
  if (shape.act_mid == device::Activation::kNone) {
    MakeBands<T, kStride, kSpan, false>(block, maker);
  } else {
    MakeBands<T, kStride, kSpan, true>(block, maker);
  }
#else
  __trap();
#endif
}

#endif

}  // namespace assay::dsconv::rows
