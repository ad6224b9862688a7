// The kernel of the `hopper_dilated` variants (hopper_dilated.cu says what it does), and the one that packs
// its weights.
#pragma once

#include <cuda_runtime.h>

#include "kernels/dsconv/dilated/plan.h"
#include "kernels/dsconv/dilated/weights.h"

#ifndef ASSAY_SIMT
#include "kernels/device/ptx/barrier.h"
#include "kernels/dsconv/dilated/depthwise.h"
#include "kernels/dsconv/dilated/load.h"
#include "kernels/dsconv/dilated/multiply.h"
#endif

namespace assay::dsconv::dilated {

#ifndef ASSAY_SIMT

template <class Kind, class Depthwise>
__global__ void __launch_bounds__(kThreads, 1)
    DilatedKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                  const __grid_constant__ CUtensorMap map, const char* __restrict__ workspace,
                  typename Kind::Element* __restrict__ y) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const Block block(shape, plan, workspace);
  constexpr int kBegun = 1;  // a barrier of the block: those in shared memory and the zeros are there
  if (warp < kMultiplyWarps) {
    ClearGuards(block, warp, lane);
    device::SyncThreadsOf(kBegun, kThreads);
    device::TakeRegisters<176>();  // with 3 x 88 and 40: of 5 x 96
    MultiplyOperands<Kind>(block, y, warp, lane);
  } else if (warp < kMultiplyWarps + kDepthwiseWarps) {
    device::GiveRegisters<88>();
    ClearGuards(block, warp, lane);
    device::SyncThreadsOf(kBegun, kThreads);
    MakeOperands<Depthwise>(block, warp - kMultiplyWarps, lane);
  } else {
    device::GiveRegisters<40>();
    // Of these none waits for others before its copies are under way.
    const int role = warp - kMultiplyWarps - kDepthwiseWarps;
    if (role == 0) block.InitInput(lane);
    if (role == 1) block.InitWeights(lane);
    if (role == 2) block.InitOperands(lane);
    device::ArriveThreadsOf(kBegun, kThreads);
    if (role == 0) LoadInput(block, &map, lane);
    if (role == 1) LoadWeights(block, lane);
  }
#else
  __trap();
#endif
}

#endif

}  // namespace assay::dsconv::dilated
