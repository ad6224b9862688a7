// The kernel of `hopper_sparse` (hopper_sparse.cu says what it does), and the one that packs its weights.
#pragma once

#include <cuda_runtime.h>

#include "kernels/dsconv/sparse/plan.h"
#include "kernels/dsconv/wide/weights.h"

#ifndef ASSAY_SIMT
#include "kernels/device/ptx/barrier.h"
#include "kernels/device/shared_memory.h"
#include "kernels/dsconv/sparse/depthwise.h"
#include "kernels/dsconv/sparse/load.h"
#include "kernels/dsconv/sparse/multiply.h"
#endif

namespace assay::dsconv::sparse {

// Word `word` of four, of a lane that holds weights, of column `s` of taps: see depthwise.h. Rows 0 and 1 of
// four of x are those of words 0 and 1, the others of 2 and 3; outputs of the upper row have even words.
template <class T>
__device__ __forceinline__ std::uint32_t FilterWord(const Shape& shape, const T* w_dw, std::int32_t c0,
                                                    std::int32_t s, std::int32_t holder, std::int32_t word) {
  const std::int32_t channel = holder / 2, row = word / 2 * 2 + holder % 2;
  const std::int32_t tap = row - word % 2 * shape.stride_h;
  if (tap < 0 || tap > 2 || c0 + channel >= shape.c) return 0;
  const std::uint32_t bits = device::BitsOf(w_dw[static_cast<std::int64_t>(c0 + channel) * 9 + tap * 3 + s]);
  return channel % 4 == 3 ? bits << 16 : bits;
}

template <class T>
__global__ void PrepackKernel(const Shape shape, const Plan plan, const T* __restrict__ w_dw,
                              const T* __restrict__ b_dw, const T* __restrict__ w_pw,
                              const T* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  wide::PackBiases(first, step, plan.columns, shape.k, b_pw, reinterpret_cast<float*>(packed));
  const std::int32_t stride = shape.stride_w, kWords = StepBytes(stride) / 4;
  for (std::int64_t i = first; i < static_cast<std::int64_t>(plan.chunks) * kSteps * kWords; i += step) {
    const auto c0 = static_cast<std::int32_t>(i / kWords) * 16, word = static_cast<std::int32_t>(i % kWords);
    std::uint32_t value = 0;
    if (word < kStepFilterBytes / 4) {
      const std::int32_t part = word / 64;
      value = FilterWord(shape, w_dw, c0 + part % 2 * 8, part / 2, word / 4 % 16, word % 4);
    } else if (word >= kStepFilterBytes / 4 + 64) {
      // What is left of stride 2: the last tap of the lower row of outputs.
      const std::int32_t at = word - kStepFilterBytes / 4 - 64, c = c0 + at / 8 % 2 * 8 + at % 8;
      if (c < shape.c) {
        const std::uint32_t bits = device::BitsOf(w_dw[static_cast<std::int64_t>(c) * 9 + 6 + at / 16]);
        value = c % 4 == 3 ? bits << 16 : bits;
      }
    } else {
      const std::int32_t c = c0 + (word - kStepFilterBytes / 4) / 4;
      if (b_dw && c < shape.c) value = __float_as_uint(device::ToFloat(b_dw[c]));
    }
    reinterpret_cast<std::uint32_t*>(packed + plan.filters_from)[i] = value;
  }
  wide::PackWeights(first, step, 1, plan.chunks, plan.columns, shape.c, shape.k, wide::ChannelOf, w_pw,
                    packed + plan.weights_from);
}

#ifndef ASSAY_SIMT

struct Storage {
  unsigned char bytes[1024];  // and what follows
};

// What no copy writes of the input stages.
__device__ __forceinline__ void ClearBorders(const Block& block, std::int32_t thread, std::int32_t threads) {
  const Plan& plan = block.plan;
  const std::int32_t above = plan.box_at * 8, from = (plan.box_at + plan.box_rows * plan.pitch) * 8,
                     count = above + plan.plane_pixels * 8 - from, planes = block.shape.stride_w;
  for (std::int32_t i = thread; i < plan.tile.inputs * planes * count; i += threads) {
    const std::int32_t number = i / count, unit = i - number * count, stage = number / planes;
    device::StoreUint4(block.x_ring + stage * plan.input_bytes +
                           (number - stage * planes) * plan.plane_pixels * kPixelBytes +
                           (unit < above ? unit : unit - above + from) * 16,
                       make_uint4(0, 0, 0, 0));
  }
}

template <class T, int kStride, int kTiles, int kBlocks, int kPitch, int kPairs, int kMakers, By kBy>
__global__ void __launch_bounds__(Threads(kMakers), 1)
    SparseKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                 const __grid_constant__ CUtensorMap map, const __grid_constant__ mma::Tensors<T> tensors,
                 const char* __restrict__ packed) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  char* shared = reinterpret_cast<char*>(&dynamic_shared<Storage>());
  shared += (1024 - device::SharedAddress(shared) % 1024) % 1024;  // the swizzle counts rows from there
  const Block block(shape, plan, packed, shared);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0);
  if (warp == 0) { STAMP(0); GTIME(1); }
  constexpr int kBegun = 1, kThreads = Threads(kMakers);
  const bool clustered = plan.tile.cluster > 1;
  if (warp < kMultiplyWarps) {
    device::TakeRegisters<(kMakers == 8 ? 232 : 192)>();
    if (clustered) device::ArriveInCluster();
    device::SyncThreadsOf(kBegun, kThreads);
    if (clustered) device::WaitInCluster();
    if (warp == 0) STAMP(2);
    MultiplyOperands<T, kTiles, kBlocks>(block, tensors, warp, lane);
  } else if (warp < kMultiplyWarps + kMakers) {
    if constexpr (kMakers == 12) device::GiveRegisters<88>();
    if (clustered) device::ArriveInCluster();
    ClearBorders(block, static_cast<std::int32_t>(threadIdx.x) - 32 * kMultiplyWarps, 32 * kMakers);
    device::SyncThreadsOf(kBegun, kThreads);
    MakeOperands<T, kStride, kPitch, kPairs, kMakers, kBy>(block, warp - kMultiplyWarps, lane);
    __syncwarp();
    if (clustered) device::WaitInCluster();
  } else {
    device::GiveRegisters<24>();
    // Of these none waits for others of the block before its copies are under way.
    const int role = warp - kMultiplyWarps - kMakers;
    if (lane == 0) {
      if (role == 0) InitInput(block);
      if (role == 1) InitWeights(block);
      if (role == 2) InitOperands(block);
    }
    __syncwarp();
    if (clustered) device::ArriveInCluster();
    device::ArriveThreadsOf(kBegun, kThreads);
    if (role == 1 && clustered) device::WaitInCluster();
    if (lane == 0 && role == 0) LoadInput(block, &map);
    if (lane == 0 && role == 1) LoadWeights(block);
    __syncwarp();
    if (role != 1 && clustered) device::WaitInCluster();
  }
  // Others may still arrive here, or write here.
  __syncwarp();
  if (clustered) device::MeetInCluster();
#else
  __trap();
#endif
}

#endif

}  // namespace assay::dsconv::sparse
