// Input tiles and weights by bulk copies (TMA; sm_90).
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/cluster_copy.h"
#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/dsconv/mma/load.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

#ifndef ASSAY_SIMT

namespace assay::dsconv::mma {

// A warp of its own copies the chunks of a block's tiles into a ring of stages, as soon as every computing
// warp has left a stage; those do not wait for each other. It is one of the last warpgroup, which leaves its
// registers to the others: what the register file holds is theirs.
template <class T>
struct BulkLoader {
#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
  static constexpr bool kAvailable = false;
#else
  static constexpr bool kAvailable = true;  // on the architecture that is compiled for
#endif
  // For each stage a barrier that it is full and one that it is empty, and one for the weights that stay.
  static constexpr int kWarps = 4, kMostStages = 12, kMostBlocks = 1, kLoadingRegisters = 24;
  static constexpr std::int32_t kMostPixels = 256;  // of a box (CUDA driver API, cuTensorMapEncodeTiled)
  static constexpr std::int32_t kBarrierBytes = (2 * kMostStages + 1) * 8;
  static constexpr int WarpsOf(int, int most) { return most + kWarps; }
  struct Source {
    CUtensorMap map, last;  // of x: (c, w, h, n), boxes of one input tile; of its last chunk
  };

  const Shape& shape;
  const Plan& plan;
  const Source& source;
  const char* weights;
  std::uint64_t *full, *empty, *weights_full;
  char *resident, *ring;
  device::SharedPlace resident_place, exchange_place, ring_place;
  std::int32_t slot = 0;
  std::uint32_t parity = 0;

  __device__ __forceinline__ BulkLoader(const Shape& of_shape, const Plan& of_plan, const Source& from,
                                        const char* packed, char* shared)
      : shape(of_shape),
        plan(of_plan),
        source(from),
        weights(packed),
        full(reinterpret_cast<std::uint64_t*>(shared - kBarrierBytes)),
        empty(full + kMostStages),
        weights_full(empty + kMostStages),
        resident(shared),
        ring(shared + of_plan.resident_bytes + of_plan.exchange_bytes),
        resident_place(device::PlaceOf(resident)),
        exchange_place(resident_place + of_plan.resident_bytes),
        ring_place(device::PlaceOf(ring)) {
    if (threadIdx.x == 0) {
      device::PrefetchMap(&source.map);
      if (plan.chunks > 1) device::PrefetchMap(&source.last);
      for (std::int32_t i = 0; i < plan.stages; ++i) {
        device::InitBarrier(full + i, 1);
        device::InitBarrier(empty + i, static_cast<std::uint32_t>(plan.warps));
      }
      device::InitBarrier(weights_full, 1);
      device::FenceBarrierInit();
    }
  }

  __device__ __forceinline__ bool IsLoading() const { return threadIdx.x + 128 >= blockDim.x; }

  // Of the loading warpgroup: all tiles of the block.
  __device__ __forceinline__ void Run() {
    device::GiveRegisters<kLoadingRegisters>();
    if (threadIdx.x + 128 != blockDim.x) return;
    TileAt at = FirstTile(plan);
    bool weights_wanted = plan.resident;
    for (std::int32_t tile = static_cast<std::int32_t>(blockIdx.x); tile < plan.tiles;
         tile += static_cast<std::int32_t>(gridDim.x), at.Next(plan)) {
      for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
        device::WaitBarrier(empty + slot, parity ^ 1);
        Load(at, chunk);
        Advance();
        if (weights_wanted) {
          const auto bytes = static_cast<std::uint32_t>(plan.steps * plan.step_bytes);
          device::ArriveAndExpect(weights_full, bytes);
          device::CopyBulk(resident, weights, bytes, weights_full);
          weights_wanted = false;
        }
      }
    }
  }

  // Of the others, before their first chunk.
  template <int kMostWarps>
  __device__ __forceinline__ void BeginComputing() {
    // Of 512 a lane in a quarter of a multiprocessor.
    device::TakeRegisters<(512 - kLoadingRegisters) / (kMostWarps / 4) / 8 * 8>();
    if (plan.resident) device::WaitBarrier(weights_full, 0);
  }

  // The next chunk's input tile, once it is there.
  __device__ __forceinline__ device::SharedPlace Acquire() {
    device::WaitBarrier(full + slot, parity);
    return ring_place + slot * plan.stage_bytes;
  }

  // The chunk has been read by this warp.
  __device__ __forceinline__ void Release(int lane) {
    __syncwarp();
    if (lane == 0) device::ArriveBarrier(empty + slot);
    Advance();
  }

 private:
  __device__ __forceinline__ void Advance() {
    if (++slot == plan.stages) slot = 0, parity ^= 1;
  }

  __device__ __forceinline__ void Load(const TileAt& at, std::int32_t chunk) {
    char* to = ring + slot * plan.stage_bytes;
    std::uint64_t* barrier = full + slot;
    const std::int32_t weight_bytes = plan.resident ? 0 : StepsOf(plan, chunk) * plan.step_bytes;
    const bool last = chunk + 1 == plan.chunks;
    const std::int32_t image_bytes = last ? plan.last_image_bytes : plan.image_bytes;
    device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(plan.images * image_bytes + weight_bytes));
    device::CopyBox4(to, last ? &source.last : &source.map, barrier, chunk * plan.chunk,
                     at.q0(plan) * shape.stride_w - shape.pad_w, at.p0(plan) * shape.stride_h - shape.pad_h,
                     at.n * plan.images);
    if (!plan.resident) {
      device::CopyBulk(to + plan.x_bytes,
                       weights + static_cast<std::int64_t>(chunk) * (plan.chunk / 16) * plan.step_bytes,
                       static_cast<std::uint32_t>(weight_bytes), barrier);
    }
  }
};

}  // namespace assay::dsconv::mma

#endif
