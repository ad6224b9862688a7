// The copies of x, with the depthwise weights, and of the pointwise weights, by a thread each.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/dsconv/sparse/block.h"

namespace assay::dsconv::sparse {

// The slots that are filled at once are announced before all else.
__device__ __forceinline__ void InitInput(const Block& block) {
  for (std::int32_t i = 0; i < block.plan.tile.inputs; ++i) device::InitBarrier(block.x_filled + i, 1);
  device::FenceBarrierInit();
}
template <int kJobs>
__device__ __forceinline__ void InitFreeInput(const Block& block) {
  for (std::int32_t i = 0; i < block.plan.tile.inputs; ++i) {
    device::InitBarrier(block.x_free + i, 32 * (kJobs < kMakers ? kJobs : kMakers));
  }
  device::InitBarrier(block.rehearsed, 32 * kMakers);
  device::FenceBarrierInit();
}
__device__ __forceinline__ void InitWeights(const Block& block) {
  for (std::int32_t i = 0; i < block.plan.tile.weights; ++i) {
    device::InitBarrier(block.w_filled + i, 1);
    device::InitBarrier(block.w_free + i,
                        static_cast<std::uint32_t>(kMultiplyWarps * block.plan.tile.cluster));
  }
  device::FenceBarrierInit();
}
template <int kJobs>
__device__ __forceinline__ void InitOperands(const Block& block) {
  for (std::int32_t i = 0; i < block.plan.tile.operands; ++i) {
    device::InitBarrier(block.a_filled + i, kJobs < kMakers ? kJobs : kMakers);
    device::InitBarrier(block.a_free + i, kMultiplyWarps);
  }
  device::FenceBarrierInit();
}

// Chunks of x in turn, those of all tiles.
template <int kStride>
struct InputLoader {
  const Block& block;
  const CUtensorMap* map;
  RingAt at;
  std::int32_t round = 0, chunk = 0, h, n;

  __device__ __forceinline__ InputLoader(const Block& of_block, const CUtensorMap* of_map)
      : block(of_block), map(of_map) {
    BeginTile();
  }
  __device__ __forceinline__ bool IsDone() const { return round == block.plan.rounds; }
  __device__ __forceinline__ void LoadNext() {
    const Plan& plan = block.plan;
    char* to = block.x_ring + at.slot * plan.input_bytes;
    std::uint64_t* barrier = block.x_filled + at.slot;
    device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(kStride * plan.box_bytes + kFilterBytes));
#pragma unroll
    for (std::int32_t plane = 0; plane < kStride; ++plane) {
      device::CopyBox4(to + (plane * plan.plane_pixels + plan.box_at) * kPixelBytes, map, barrier,
                       plane * block.shape.c + chunk * kChunk, 0, h, n);
    }
    device::CopyBulk(to + plan.stage_pixels * kPixelBytes,
                     block.workspace + plan.filters_from + chunk * kFilterBytes, kFilterBytes, barrier);
    at.Next(plan.tile.inputs);
    if (++chunk == plan.chunks) {
      chunk = 0, ++round;
      BeginTile();
    }
  }

 private:
  __device__ __forceinline__ void BeginTile() {
    const TileAt tile = block.PlaceOf(block.TileOf(round));
    n = tile.n, h = tile.p0 * kStride + block.plan.first_row;
  }
};

// Each block of a cluster copies a part of every chunk's weights, to all of them.
__device__ __forceinline__ void LoadWeights(const Block& block) {
  const Plan& plan = block.plan;
  RingAt at;
  const std::int32_t cluster = plan.tile.cluster, part = plan.weight_bytes / cluster;
  const std::int32_t times = plan.resident ? plan.chunks : plan.rounds * plan.chunks;
  for (std::int32_t i = 0, chunk = 0; i < times; ++i) {
    device::WaitBarrier(block.w_free + at.slot, at.parity ^ 1);
    char* to = block.w_ring + at.slot * plan.weight_bytes + block.rank * part;
    const char* from = block.workspace + plan.weights_from +
                       static_cast<std::int64_t>(chunk) * plan.weight_bytes + block.rank * part;
    std::uint64_t* barrier = block.w_filled + at.slot;
    device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(plan.weight_bytes));
    if (cluster == 1) {
      device::CopyBulk(to, from, static_cast<std::uint32_t>(part), barrier);
    } else {
      device::CopyBulkToBlocks(to, from, static_cast<std::uint32_t>(part), barrier, (1u << cluster) - 1);
    }
    at.Next(plan.tile.weights);
    if (++chunk == plan.chunks) chunk = 0;
  }
}

}  // namespace assay::dsconv::sparse

#endif
