// The kernel of `hopper_wide` (hopper_wide.cu says what it does).
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/shared_memory.h"
#include "kernels/dsconv/wide/depthwise.h"
#include "kernels/dsconv/wide/load.h"
#include "kernels/dsconv/wide/multiply.h"

namespace assay::dsconv::wide {

struct Storage {
  unsigned char bytes[1024];  // and what follows
};

template <class T, int kWarps>
__device__ __forceinline__ void MakeOperandsOf(const Block& block, int warp, int lane) {
  switch (block.plan.walk) {
    case Walk::kStride1:
      return MakeOperands<T, Walk::kStride1, kWarps>(block, warp, lane);
    case Walk::kStride2:
      return MakeOperands<T, Walk::kStride2, kWarps>(block, warp, lane);
    case Walk::kSpread:
      return MakeOperands<T, Walk::kSpread, kWarps>(block, warp, lane);
    default:
      return MakeOperands<T, Walk::kAny, kWarps>(block, warp, lane);
  }
}

template <class T, int kTiles>
__global__ void __launch_bounds__(Threads(kTiles * 8), 1)
    WideKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
               const __grid_constant__ InputMaps maps, const char* __restrict__ packed, T* __restrict__ y) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  char* shared = reinterpret_cast<char*>(&dynamic_shared<Storage>());
  shared += (1024 - device::SharedAddress(shared) % 1024) % 1024;  // the swizzle counts rows from there
  constexpr int kWarps = DepthwiseWarps(kTiles * 8);
  const Block block(shape, plan, shared);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  if (threadIdx.x == 0) block.InitBarriers();
  __syncthreads();
  if (plan.tile.pixel_blocks * plan.tile.column_blocks > 1) device::MeetInCluster();
  if (warp < kMultiplyWarps) {
    device::TakeRegisters<(kTiles > 16 ? 168 : 104)>();
    MultiplyOperands<T, kTiles>(block, reinterpret_cast<const float*>(packed), y, warp, lane);
  } else {
    device::GiveRegisters<88>();
    if (warp < kMultiplyWarps + kWarps) {
      MakeOperandsOf<T, kWarps>(block, warp - kMultiplyWarps, lane);
    } else {
      CopyAll(block, maps, packed, lane);
    }
  }
  // Others may still arrive here, or write here.
  __syncwarp();
  if (plan.tile.pixel_blocks * plan.tile.column_blocks > 1) device::MeetInCluster();
#else
  __trap();
#endif
}

}  // namespace assay::dsconv::wide

#endif
