// What the warps of a block share.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/cluster_copy.h"
#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/device/shared_memory.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/dilated/plan.h"

namespace assay::dsconv::dilated {

struct Storage {
  unsigned char bytes[1024];  // and what follows
};

struct Block {
  const Shape& shape;
  const Plan& plan;
  const char* const workspace;
  std::uint64_t *w_filled, *w_free, *b_filled, *b_free, *x_filled, *x_free;  // x_filled: FilledBarrier()
  char *w_ring, *b_ring, *x_ring;

  __device__ __forceinline__ Block(const Shape& of_shape, const Plan& of_plan, const char* from_workspace)
      : shape(of_shape), plan(of_plan), workspace(from_workspace) {
    char* shared = reinterpret_cast<char*>(&dynamic_shared<Storage>());
    shared += (1024 - device::SharedAddress(shared) % 1024) % 1024;  // the swizzle counts rows from there
    w_filled = reinterpret_cast<std::uint64_t*>(shared), w_free = w_filled + kMostStages;
    b_filled = w_free + kMostStages, b_free = b_filled + kMostStages;
    x_free = b_free + kMostStages, x_filled = x_free + kMostStages;
    static_assert((5 + kTeams) * kMostStages * 8 <= kHeadBytes);
    w_ring = shared + kHeadBytes, b_ring = w_ring + plan.tile.weights * plan.weight_bytes;
    x_ring = b_ring + plan.tile.operands * plan.operand_bytes;
  }

  // Each by a warp: those that copy begin the barriers of what they copy, and need not wait for others.
  __device__ __forceinline__ void InitInput(int lane) const {
    for (std::int32_t team = 1; lane < plan.tile.inputs && team < kTeams; ++team)
      device::InitBarrier(x_filled + FilledBarrier(team, lane), 1);
    Init(x_filled, 1, x_free, 32 * kGroups, plan.tile.inputs, lane);
  }
  __device__ __forceinline__ void InitWeights(int lane) const {
    Init(w_filled, 1, w_free, kMultiplyWarps, plan.tile.weights, lane);
  }
  __device__ __forceinline__ void InitOperands(int lane) const {
    Init(b_filled, 32 * kGroups, b_free, kMultiplyWarps, plan.tile.operands, lane);
  }

  // Of an input stage: filters, then rows of x, each with zeros before it, and zeros behind the last.
  __device__ __forceinline__ std::int32_t RowAt(std::int32_t slot) const {
    return kFilterBytes + plan.guard * kPixelBytes + slot * plan.row_bytes;
  }
  __device__ __forceinline__ std::int32_t Segments() const { return plan.pairs ? 2 : 1; }

 private:
  __device__ __forceinline__ static void Init(std::uint64_t* filled, std::uint32_t fill, std::uint64_t* free,
                                              std::uint32_t release, std::int32_t stages, int lane) {
    if (lane < stages) {
      device::InitBarrier(filled + lane, fill);
      device::InitBarrier(free + lane, release);
    }
    device::FenceBarrierInit();
    __syncwarp();
  }
};

// A bit for each row of x that is copied, in the order in which they lie in a stage. By a warp.
__device__ __forceinline__ std::uint32_t CopiedRows(const Shape& shape, const TileAt& at, int lane) {
  return __ballot_sync(0xffffffffu, lane < kMostRows && at.Copied(shape, lane));
}
__device__ __forceinline__ std::int32_t SlotOf(std::uint32_t copied, std::int32_t number) {
  return __popc(copied & ((1u << number) - 1));
}

// The zeros beside rows, which no copy touches: those before a row by a warp.
__device__ __forceinline__ void ClearGuards(const Block& block, int warp, int lane) {
  const Plan& plan = block.plan;
  if (warp > plan.rows) return;
  char* to = block.x_ring + kFilterBytes + warp * plan.row_bytes;
  for (std::int32_t stage = 0; stage < plan.tile.inputs; ++stage, to += plan.input_bytes) {
    for (std::int32_t at = lane * 16; at < plan.guard * kPixelBytes; at += 32 * 16) {
      device::StoreUint4(to + at, make_uint4(0, 0, 0, 0));
    }
  }
}

}  // namespace assay::dsconv::dilated

#endif
