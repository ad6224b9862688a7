// The kernel of `hopper_planes_tf32` (hopper_planes_tf32.cu says what it does).
#pragma once

#include <cuda_runtime.h>

#include "kernels/dsconv/phases/kernel.h"
#include "kernels/dsconv/planes/plan.h"

#ifndef ASSAY_SIMT

#include "kernels/dsconv/planes/depthwise.h"
#include "kernels/dsconv/planes/store.h"

namespace assay::dsconv::planes {

// Pixels of a channel four at once where every plane of y begins at a multiple of four.
template <int kTiles>
__device__ __forceinline__ void MultiplyToPlanes(const phases::Block& block, const Plan& plan, float* y,
                                                 int warp, int lane) {
  if (plan.by_plane.divisor % 4 == 0) {
    phases::MultiplyFloats<kTiles>(block, warp, lane, StoreToPlanes<4>(block, plan.by_plane, y, warp, lane));
  } else {
    phases::MultiplyFloats<kTiles>(block, warp, lane, StoreToPlanes<1>(block, plan.by_plane, y, warp, lane));
  }
}

template <int kTiles, int kStride>
__global__ void __launch_bounds__(32 * phases::kLeastWarps, 1)
    PlanesKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                 const __grid_constant__ CUtensorMap operands_map, const float* __restrict__ x,
                 char* workspace, float* y) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  const int lane = static_cast<int>(threadIdx.x) % 32,
            warp = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0);
  const phases::Block block(shape, plan.products, workspace);
  block.InitBarriers(warp, lane);
  MakeOperands<kStride>(block, plan, x, warp, lane);
  // As in phases/kernel.h: weights are copied to both blocks, where x lay.
  const bool in_cluster = plan.products.tile.pixel_blocks > 1;
  if (in_cluster) device::MeetInCluster();
  if (warp >= phases::kCopyWarps) {
    device::TakeRegisters<232>();
    MultiplyToPlanes<kTiles>(block, plan, y, warp - phases::kCopyWarps, lane);
  } else {
    device::GiveRegisters<40>();
    if (warp == 0 && lane == 0) phases::LoadOperands(block, &operands_map);
    if (warp == 1 && lane == 0) phases::LoadWeights(block);
    __syncwarp();
  }
  if (in_cluster) device::MeetInCluster();
#else
  __trap();
#endif
}

}  // namespace assay::dsconv::planes

#endif
