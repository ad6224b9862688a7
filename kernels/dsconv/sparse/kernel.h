// The kernel of `hopper_sparse` (hopper_sparse.cu says what it does), and the one that packs its weights.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/pair.h"
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

// Depthwise weights of each 16 channels, and b_dw (plan.h).
template <class T>
__device__ __forceinline__ void PackSteps(std::int64_t first, std::int64_t step, std::int32_t chunks,
                                          const Shape& shape, const T* __restrict__ w_dw,
                                          const T* __restrict__ b_dw, char* __restrict__ to) {
  constexpr std::int32_t kWords = kStepBytes / 4, kTapWords = kStepTapBytes / 4;
  const auto tap = [&](std::int32_t c, std::int32_t r, std::int32_t s) {
    return device::BitsOf(w_dw[static_cast<std::int64_t>(c) * 9 + r * 3 + s]);
  };
  for (std::int64_t i = first; i < static_cast<std::int64_t>(chunks) * kSteps * kWords; i += step) {
    const auto c0 = static_cast<std::int32_t>(i / kWords) * 16, word = static_cast<std::int32_t>(i % kWords);
    std::uint32_t value = 0;
    if (word < kTapWords) {
      const std::int32_t c = c0 + word / 16 % 2 * 8 + word / 2 % 8, s = word / 32;
      if (c < shape.c) value = word % 2 == 0 ? tap(c, 0, s) | tap(c, 1, s) << 16 : tap(c, 2, s);
    } else {
      const std::int32_t c = c0 + word - kTapWords;
      if (b_dw && c < shape.c) value = __float_as_uint(device::ToFloat(b_dw[c]));
    }
    reinterpret_cast<std::uint32_t*>(to)[i] = value;
  }
}

template <class T>
__global__ void PrepackKernel(const Shape shape, const Plan plan, const T* __restrict__ w_dw,
                              const T* __restrict__ b_dw, const T* __restrict__ w_pw,
                              const T* __restrict__ b_pw, char* __restrict__ packed) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  wide::PackBiases(first, step, plan.columns, shape.k, b_pw, reinterpret_cast<float*>(packed));
  PackSteps(first, step, plan.chunks, shape, w_dw, b_dw, packed + plan.filters_from);
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
  const std::int32_t above = plan.box_at * 8, below = above + plan.box_bytes / 16,
                     count = above + plan.plane_pixels * 8 - below;
  for (std::int32_t stage = 0; stage < plan.tile.inputs; ++stage) {
    for (std::int32_t plane = 0; plane < plan.stride; ++plane) {
      char* to = block.x_ring + stage * plan.input_bytes + plane * plan.plane_pixels * kPixelBytes;
      for (std::int32_t i = thread; i < count; i += threads) {
        device::StoreUint4(to + (i < above ? i : i - above + below) * 16, make_uint4(0, 0, 0, 0));
      }
    }
  }
}

template <class T, int kStride, int kTiles, int kPitch, int kPairs>
__global__ void __launch_bounds__(kThreads, 1)
    SparseKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                 const __grid_constant__ CUtensorMap map, const __grid_constant__ mma::Tensors<T> tensors,
                 const char* __restrict__ packed) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  char* shared = reinterpret_cast<char*>(&dynamic_shared<Storage>());
  shared += (1024 - device::SharedAddress(shared) % 1024) % 1024;  // the swizzle counts rows from there
  const Block block(shape, plan, packed, shared);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0);
  constexpr int kBegun = 1, kJobs = kSteps * kPitch / 8;
  const bool clustered = plan.tile.cluster > 1;
  if (warp < kMultiplyWarps) {
    device::TakeRegisters<224>();  // with 8 x 128 and 4 x 32: of 16 x 128
    if (clustered) device::ArriveInCluster();
    device::SyncThreadsOf(kBegun, kThreads);
    if (clustered) device::WaitInCluster();
    MultiplyOperands<T, kTiles, kPitch, kPairs>(block, tensors, warp, lane);
  } else if (warp < kMultiplyWarps + kMakers) {
    if (clustered) device::ArriveInCluster();
    ClearBorders(block, static_cast<std::int32_t>(threadIdx.x) - 32 * kMultiplyWarps, 32 * kMakers);
    device::SyncThreadsOf(kBegun, kThreads);
    MakeOperands<T, kStride, kPitch, kPairs>(block, warp - kMultiplyWarps, lane);
    __syncwarp();
    if (clustered) device::WaitInCluster();
  } else {
    device::GiveRegisters<32>();
    // Of these none waits for others of the block before its copies are under way.
    const int role = warp - kMultiplyWarps - kMakers;
    if (role == 0 && lane == 0) {
      device::PrefetchMap(&map);
      InitInput(block);
    }
    InputLoader<kStride> loader(block, &map);
    if (role == 0 && lane == 0) {
      for (std::int32_t i = 0; i + 1 < plan.tile.inputs && !loader.IsDone(); ++i) loader.LoadNext();
      InitFreeInput<kJobs>(block);
    }
    if (role == 1 && lane == 0) InitWeights(block);
    if (role == 2 && lane == 0) InitOperands<kJobs>(block);
    __syncwarp();
    if (clustered) device::ArriveInCluster();
    device::ArriveThreadsOf(kBegun, kThreads);
    if (role == 1 && clustered) device::WaitInCluster();
    if (role == 0 && lane == 0) {
      device::WaitBarrier(block.rehearsed, 0);
      for (; !loader.IsDone(); loader.LoadNext()) {
        device::WaitBarrier(block.x_free + loader.at.slot, loader.at.parity ^ 1);
      }
    }
    if (role == 1 && lane == 0) LoadWeights(block);
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
