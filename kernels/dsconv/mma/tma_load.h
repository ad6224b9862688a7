// Input tiles and weights by bulk copies (TMA; sm_90).
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/dsconv/mma/load.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

#ifndef ASSAY_SIMT

namespace assay::dsconv::mma {

// Copies the chunks of a block's tiles into a ring of stages, all stages ahead. One thread begins the copies.
template <class T>
struct BulkLoader {
  // A barrier for each of up to 8 stages, and one for the weights that stay.
  static constexpr std::int32_t kBarrierBytes = 128, kWeights = 8;
  using Source = CUtensorMap;  // of x: (c, w, h, n), boxes of one input tile, or of its even or odd columns

  const Shape& shape;
  const Plan& plan;
  const CUtensorMap& map;
  const char* weights;
  std::uint64_t* barriers;
  char *resident, *ring;
  TileAt at;
  std::int32_t tile = static_cast<std::int32_t>(blockIdx.x), chunk;
  std::int32_t slot = 0;
  std::uint32_t parity = 0;

  __device__ __forceinline__ BulkLoader(const Shape& of_shape, const Plan& of_plan, const Source& from,
                                        const char* packed, char* shared)
      : shape(of_shape),
        plan(of_plan),
        map(from),
        weights(packed),
        barriers(reinterpret_cast<std::uint64_t*>(shared - kBarrierBytes)),
        resident(shared),
        ring(shared),
        at(FirstTile(of_plan)),
        chunk(FirstChunk(of_plan)) {
    if (plan.resident) ring += plan.resident_bytes;
    if (threadIdx.x == 0) {
      for (int i = 0; i <= kWeights; ++i) device::InitBarrier(barriers + i, 1);
      device::FenceBarrierInit();
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      for (std::int32_t i = 0; i < plan.stages; ++i) Load(i);
      if (plan.resident) {
        const std::uint32_t bytes = static_cast<std::uint32_t>(plan.chunks * plan.weight_bytes);
        device::ArriveAndExpect(barriers + kWeights, bytes);
        device::CopyBulk(resident, weights, bytes, barriers + kWeights);
      }
    }
    if (plan.resident) device::WaitBarrier(barriers + kWeights, 0);
  }

  // The next chunk's input tile, once it is there.
  __device__ __forceinline__ const char* Acquire() {
    device::WaitBarrier(barriers + slot, parity);
    return ring + slot * plan.stage_bytes;
  }

  // The chunk has been read by this thread.
  template <class Product>
  __device__ __forceinline__ void Release() {
    Product::BeforeRelease(plan.resident);
    __syncthreads();
    if (threadIdx.x == 0) Load(slot);
    if (++slot == plan.stages) slot = 0, parity ^= 1;
  }

 private:
  __device__ __forceinline__ void Load(std::int32_t to_slot) {
    if (tile >= plan.tiles) return;
    char* to = ring + to_slot * plan.stage_bytes;
    std::uint64_t* barrier = barriers + to_slot;
    device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(
                                         plan.resident ? plan.x_copied : plan.x_copied + plan.weight_bytes));
    const std::int32_t h0 = at.p0(plan) * shape.stride_h - shape.pad_h;
    const std::int32_t w0 = at.q0(plan) * shape.stride_w - shape.pad_w;
    device::CopyBox4(to, &map, barrier, chunk * plan.chunk, w0, h0, at.n * plan.images);
    if (plan.odd != 0) {
      device::CopyBox4(to + plan.odd * plan.chunk * 2, &map, barrier, chunk * plan.chunk, w0 + 1, h0,
                       at.n * plan.images);
    }
    if (!plan.resident) {
      device::CopyBulk(to + plan.x_bytes, weights + static_cast<std::int64_t>(chunk) * plan.weight_bytes,
                       static_cast<std::uint32_t>(plan.weight_bytes), barrier);
    }
    if (++chunk == EndChunk(plan)) {
      chunk = FirstChunk(plan), tile += static_cast<std::int32_t>(gridDim.x), at.Next(plan);
    }
  }
};

}  // namespace assay::dsconv::mma

#endif
