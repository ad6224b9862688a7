// Input tiles and weights by bulk copies (TMA; sm_90).
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/mma/load.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

#ifndef ASSAY_SIMT

namespace assay::dsconv::mma {

// A warp of its own copies the chunks of a block's tiles into a ring of stages, as soon as every computing
// warp has left a stage; those do not wait for each other. It is one of the last warpgroup, which leaves its
// registers to the others: what the register file holds is theirs. A block's first tiles are gridDim.x apart,
// the last ones of the launch are taken by whatever block comes for them: multiprocessors are not equally far
// from memory. Which tile a stage begins stands beside its barriers.
template <class T>
struct BulkLoader {
#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
  static constexpr bool kAvailable = false;
#else
  static constexpr bool kAvailable = true;  // on the architecture that is compiled for
#endif
  // For each stage a barrier that it is full, one that it is empty, and the tile that it begins.
  static constexpr int kWarps = 4, kMostStages = 12, kMostBlocks = 1;
  static constexpr int kLoadingRegisters = 40;      // of a lane of the loading warpgroup
  static constexpr std::int32_t kMostPixels = 256;  // of a box (CUDA driver API, cuTensorMapEncodeTiled)
  static constexpr std::int32_t kBarrierBytes = kMostStages * (8 + 8 + 16);
  static constexpr bool kBulk = true;
  static constexpr int WarpsOf(int, int most) { return most + kWarps; }
  // Of a lane when a block begins, as launch bounds make the compiler choose them: equal shares of the 512 in
  // a quarter of a multiprocessor, a multiple of 8. What that leaves over is never the block's.
  __host__ __device__ static constexpr int FirstRegisters(int most) {
    return 512 / (most / kWarps + 1) / 8 * 8;
  }
  // Of a lane that computes: its own, and what the loading warpgroup gives up. For more than that it would
  // wait for ever.
  __host__ __device__ static constexpr int ComputingRegisters(int most) {
    return (FirstRegisters(most) + (FirstRegisters(most) - kLoadingRegisters) / (most / kWarps)) / 8 * 8;
  }
  struct Source {
    CUtensorMap map, last;  // of x: (c, w, h, n), boxes of one input tile; of its last chunk
  };

  const Shape& shape;
  const Plan& plan;
  const Source& source;
  const char* weights;
  std::uint64_t *full, *empty;
  char* tiles;
  char *resident, *ring;
  device::SharedPlace resident_place, exchange_place, ring_place;
  // A stage of the ring, and the parity of the phase that its barriers are in.
  struct Turn {
    std::int32_t slot;
    std::uint32_t parity;

    __device__ __forceinline__ void Next(const Plan& plan) {
      if (++slot == plan.stages) slot = 0, parity ^= 1;
    }
  };
  Turn reading = {0, 0};
  // Of what is loaded next.
  Turn loading;
  TileAt at;
  std::int32_t tile, tile_after, chunk;

  __device__ __forceinline__ BulkLoader(const Shape& of_shape, const Plan& of_plan, const Source& from,
                                        const char* packed, char* shared)
      : shape(of_shape),
        plan(of_plan),
        source(from),
        weights(packed),
        full(reinterpret_cast<std::uint64_t*>(shared - kBarrierBytes)),
        empty(full + kMostStages),
        tiles(reinterpret_cast<char*>(empty + kMostStages)),
        resident(shared),
        ring(shared + of_plan.resident_bytes + of_plan.exchange_bytes),
        resident_place(device::PlaceOf(resident)),
        exchange_place(resident_place + of_plan.resident_bytes),
        ring_place(device::PlaceOf(ring)) {
    if (!IsFirstLoading()) return;
    loading = {0, 0}, tile = static_cast<std::int32_t>(blockIdx.x), at = PlaceOfTile(plan, tile), chunk = 0;
    for (std::int32_t i = 0; i < plan.stages; ++i) {
      device::InitBarrier(full + i, 1);
      device::InitBarrier(empty + i, static_cast<std::uint32_t>(plan.warps));
    }
    device::FenceBarrierInit();
    // The others need not know the barriers for loads to begin; but they wait for this thread.
    for (std::int32_t i = 0; i < min(plan.stages, 3) && tile < plan.tiles; ++i) LoadNext();
  }

  __device__ __forceinline__ bool IsLoading() const { return threadIdx.x + 128 >= blockDim.x; }

  // Of the loading warpgroup: all further tiles of the block.
  template <int kMostWarps>
  __device__ __forceinline__ void Run() {
    device::GiveRegisters<kLoadingRegisters>();
    if (!IsFirstLoading()) return;
    while (tile < plan.tiles) {
      device::WaitBarrier(empty + loading.slot, loading.parity ^ 1);
      LoadNext();
    }
    Finish();
  }

  // Of the others, before their first chunk.
  template <int kMostWarps>
  __device__ __forceinline__ void BeginComputing() {
    device::TakeRegisters<ComputingRegisters(kMostWarps)>();
  }

  // The block's next tile, once its first chunk is there; false where there is none.
  __device__ __forceinline__ bool BeginTile(TileAt& next) {
    device::WaitBarrier(full + reading.slot, reading.parity);
    // Read by the lane that gives it back: racecheck takes no lane's word for what others of its warp read.
    uint4 four{};
    if (threadIdx.x % 32 == 0) four = device::LoadFour(device::PlaceOf(tiles) + reading.slot * 16);
    const auto of_warp = [](std::uint32_t word) {
      return static_cast<std::int32_t>(__shfl_sync(0xffffffffu, word, 0));
    };
    next = {of_warp(four.x), of_warp(four.y), of_warp(four.z)};
    return of_warp(four.w) != 0;
  }

  // The next chunk's input tile, once it is there.
  __device__ __forceinline__ device::SharedPlace Acquire() {
    device::WaitBarrier(full + reading.slot, reading.parity);
    return ring_place + reading.slot * plan.stage_bytes;
  }

  // The chunk has been read by this warp.
  __device__ __forceinline__ void Release(int lane) {
    __syncwarp();
    if (lane == 0) device::ArriveBarrier(empty + reading.slot);
    reading.Next(plan);
  }

 private:
  __device__ __forceinline__ bool IsFirstLoading() const { return threadIdx.x + 128 == blockDim.x; }

  // Two in the workspace, behind the weights, which the last block of a launch leaves as it found them: tiles
  // taken, and blocks that are done.
  __device__ __forceinline__ unsigned* Counters() const {
    return reinterpret_cast<unsigned*>(
        const_cast<char*>(weights + static_cast<std::int64_t>(plan.steps) * plan.step_bytes));
  }

  __device__ __forceinline__ std::int32_t TileAfter() const {
    const std::int32_t further = tile + static_cast<std::int32_t>(gridDim.x);
    if (further < plan.fixed_tiles) return further;
    return plan.fixed_tiles + static_cast<std::int32_t>(atomicAdd(Counters(), 1u));
  }

  // Says that there is no further tile.
  __device__ __forceinline__ void Finish() {
    device::WaitBarrier(empty + loading.slot, loading.parity ^ 1);
    device::StoreUint4(tiles + loading.slot * 16, make_uint4(0, 0, 0, 0));
    device::ArriveBarrier(full + loading.slot);
    if (plan.fixed_tiles >= plan.tiles) return;
    unsigned* counters = Counters();
    if (atomicAdd(counters + 1, 1u) + 1 == gridDim.x) counters[0] = counters[1] = 0;
  }

  // A chunk of the input tile, and of weights those that it is the first to need.
  __device__ __forceinline__ void LoadNext() {
    if (chunk == 0) {
      device::StoreUint4(tiles + loading.slot * 16,
                         make_uint4(static_cast<unsigned>(at.n), static_cast<unsigned>(at.down),
                                    static_cast<unsigned>(at.across), 1));
      tile_after = TileAfter();  // early: it may take as long as a load
    }
    char* to = ring + loading.slot * plan.stage_bytes;
    std::uint64_t* barrier = full + loading.slot;
    const bool last = chunk + 1 == plan.chunks;
    const bool wants_weights = !plan.resident || tile == static_cast<std::int32_t>(blockIdx.x);
    const std::int32_t weight_bytes = wants_weights ? StepsOf(plan, chunk) * plan.step_bytes : 0;
    const std::int32_t image_bytes = last ? plan.last_image_bytes : plan.image_bytes;
    device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(plan.images * image_bytes + weight_bytes));
    device::CopyBox4(to, last ? &source.last : &source.map, barrier, chunk * plan.chunk,
                     at.q0(plan) * shape.stride_w - shape.pad_w, at.p0(plan) * shape.stride_h - shape.pad_h,
                     at.n * plan.images);
    if (wants_weights) {
      const std::int32_t before = chunk * (plan.chunk / 16) * plan.step_bytes;
      device::CopyBulk(plan.resident ? resident + before : to + plan.x_bytes, weights + before,
                       static_cast<std::uint32_t>(weight_bytes), barrier);
    }
    if (++chunk == plan.chunks) chunk = 0, tile = tile_after, at = PlaceOfTile(plan, tile);
    loading.Next(plan);
  }
};

}  // namespace assay::dsconv::mma

#endif
