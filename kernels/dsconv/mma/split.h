// As kernel.h, for many output channels: the halves have warps of their own. A warpgroup makes the depthwise
// half of 128 pixels (strip.h), a chunk of 64 channels at a time, and leaves it in shared memory; two
// warpgroups multiply it by 256 columns of weights, by wgmma with both operands from shared memory, while the
// next chunk is made (sm_90a). Activations are clamps: a call of any other would take registers from all of
// these warps.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/dsconv/mma/kernel.h"
#include "kernels/dsconv/mma/strip.h"

namespace assay::dsconv::mma {

// A place in a ring, and how often it went round.
struct RingAt {
  std::int32_t slot = 0;
  std::uint32_t round = 0;

  __device__ __forceinline__ void Next(std::int32_t slots) {
    if (++slot == slots) slot = 0, ++round;
  }
  // Of the phase that filling the slot in this round completes; of the one that freed it for this round.
  __device__ __forceinline__ std::uint32_t filled() const { return round & 1; }
  __device__ __forceinline__ std::uint32_t freed() const { return (round & 1) ^ 1; }
};

// What the warps of a block share.
template <class T>
struct SplitBlock {
  static constexpr std::int32_t kMostStages = 4;

  const Shape& shape;
  const Plan& plan;
  const CUtensorMap& map;
  const char* weights;
  std::uint64_t *x_filled, *x_free, *w_filled, *w_free, *a_filled, *a_free;
  char *x_ring, *w_ring, *a_ring;
  std::int32_t pointwise_bytes;  // of a chunk

  __device__ __forceinline__ SplitBlock(const Shape& of_shape, const Plan& of_plan, const CUtensorMap& of_x,
                                        const char* packed, char* shared)
      : shape(of_shape), plan(of_plan), map(of_x), weights(packed) {
    x_filled = reinterpret_cast<std::uint64_t*>(shared - kSplitBarrierBytes);
    x_free = x_filled + kMostStages, w_filled = x_free + kMostStages, w_free = w_filled + kMostStages;
    a_filled = w_free + kMostStages, a_free = a_filled + kOperandStages;
    pointwise_bytes = plan.weight_bytes - plan.depthwise_bytes;
    a_ring = shared, w_ring = a_ring + kOperandStages * kOperandBytes;
    x_ring = w_ring + kWeightStages * pointwise_bytes;
    if (threadIdx.x == 0) {
      for (int i = 0; i < kMostStages; ++i) {
        device::InitBarrier(x_filled + i, 1);
        device::InitBarrier(x_free + i, 4);
        device::InitBarrier(w_filled + i, 1);
        device::InitBarrier(w_free + i, 8);
      }
      for (int i = 0; i < kOperandStages; ++i) {
        device::InitBarrier(a_filled + i, 4);
        device::InitBarrier(a_free + i, 8);
      }
      device::FenceBarrierInit();
    }
  }

  // A chunk's input tile and depthwise weights.
  __device__ __forceinline__ void LoadInput(const TileAt& at, std::int32_t chunk, std::int32_t slot) const {
    char* to = x_ring + slot * plan.stage_bytes;
    std::uint64_t* barrier = x_filled + slot;
    device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(plan.x_copied + plan.depthwise_bytes));
    const std::int32_t h0 = at.p0(plan) * shape.stride_h - shape.pad_h;
    const std::int32_t w0 = at.q0(plan) * shape.stride_w - shape.pad_w;
    const std::int32_t c0 = chunk * plan.chunk, n0 = at.n * plan.images;
    device::CopyBox4(to, &map, barrier, c0, w0, h0, n0);
    if (plan.odd != 0) device::CopyBox4(to + plan.odd * plan.chunk * 2, &map, barrier, c0, w0 + 1, h0, n0);
    device::CopyBulk(to + plan.x_bytes, weights + static_cast<std::int64_t>(chunk) * plan.weight_bytes,
                     static_cast<std::uint32_t>(plan.depthwise_bytes), barrier);
  }

  __device__ __forceinline__ void LoadPointwise(std::int32_t chunk, std::int32_t slot) const {
    const auto bytes = static_cast<std::uint32_t>(pointwise_bytes);
    device::ArriveAndExpect(w_filled + slot, bytes);
    device::CopyBulk(w_ring + slot * pointwise_bytes,
                     weights + static_cast<std::int64_t>(chunk) * plan.weight_bytes + plan.depthwise_bytes,
                     bytes, w_filled + slot);
  }
};

// Operands of 4 x 8 pixels and 64 channels, from their sums in fp32 on.
template <class T>
struct OperandStore {
  const Clamping& middle;
  char* to;                // row 0 of the strip's first 16 rows
  std::int32_t next_pair;  // bytes to its second 16 rows
  int lane;

  __device__ __forceinline__ void operator()(int column, float2 (&sums)[kStripRows]) const {
    // Unit u of row j stands at u ^ j % 8.
    char* at = to + column * 128 + ((lane * 4) ^ (column << 4));
#pragma unroll
    for (int p = 0; p < kStripRows; ++p) {
      *reinterpret_cast<std::uint32_t*>(at + p / 2 * next_pair + p % 2 * (8 * 128)) =
          PackClamped<T>(middle, sums[p].x, sums[p].y);
    }
  }
};

// Warps 8 to 11 of a block: the depthwise half, by each warp of the pixels of two warps that multiply, one
// below the other.
template <class T, class StripType>
__device__ __forceinline__ void MakeOperands(const SplitBlock<T>& block, int warp, int lane) {
  const Shape& shape = block.shape;
  const Plan& plan = block.plan;
  const Clamping middle = ClampingOf<T>(shape.act_mid);
  const std::int32_t upper = warp / plan.warps_q * 2 * plan.warps_q + warp % plan.warps_q;
  const WarpIn in = PlaceOfWarp<1>(shape, plan, upper);
  const std::int32_t first_place = PlaceOf(plan, in.halo_row, in.column * shape.stride_w);
  const bool loads = warp == 0 && lane == 0;

  TileAt next_at = FirstTile(plan);
  std::int32_t next_tile = static_cast<std::int32_t>(blockIdx.x), next_chunk = 0;
  RingAt next;
  const auto load_next = [&] {
    if (next_tile >= plan.tiles) return;
    if (next.round != 0) device::WaitBarrier(block.x_free + next.slot, next.freed());
    block.LoadInput(next_at, next_chunk, next.slot);
    next.Next(plan.stages);
    if (++next_chunk < plan.chunks) return;
    next_chunk = 0, next_tile += static_cast<std::int32_t>(gridDim.x), next_at.Next(plan);
  };
  if (loads) {
    for (std::int32_t i = 0; i < plan.stages; ++i) load_next();
  }

  RingAt x, a;
  for (std::int32_t tile = static_cast<std::int32_t>(blockIdx.x); tile < plan.tiles;
       tile += static_cast<std::int32_t>(gridDim.x)) {
    for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
      device::WaitBarrier(block.x_filled + x.slot, x.filled());
      if (a.round != 0) device::WaitBarrier(block.a_free + a.slot, a.freed());
      char* operand = block.a_ring + a.slot * kOperandBytes + upper * 16 * 128;
      const char* stage = block.x_ring + x.slot * plan.stage_bytes;
      StripType::Run(shape, plan, stage + first_place * kPixelBytes + lane * 4,
                     stage + plan.x_bytes + lane * 8,
                     OperandStore<T>{middle, operand, plan.warps_q * 16 * 128, lane});
      device::FenceAsyncProxy();
      __syncwarp();
      if (lane == 0) {
        device::ArriveBarrier(block.a_filled + a.slot);
        device::ArriveBarrier(block.x_free + x.slot);
      }
      if (loads) load_next();
      __syncwarp();
      x.Next(plan.stages), a.Next(kOperandStages);
    }
  }
}

// Warps 0 to 7 of a block: the pointwise half, each of 16 pixels.
template <class T, int kTiles>
__device__ __forceinline__ void MultiplyOperands(const SplitBlock<T>& block, const Tensors<T>& tensors,
                                                 const char* biases, int warp, int lane) {
  const Shape& shape = block.shape;
  const Plan& plan = block.plan;
  const WarpIn in = PlaceOfWarp<1>(shape, plan, warp);
  const bool loads = warp == 0 && lane == 0;

  std::int32_t next_tile = static_cast<std::int32_t>(blockIdx.x), next_chunk = 0;
  RingAt next;
  const auto load_next = [&] {
    if (next_tile >= plan.tiles) return;
    if (next.round != 0) device::WaitBarrier(block.w_free + next.slot, next.freed());
    block.LoadPointwise(next_chunk, next.slot);
    next.Next(kWeightStages);
    if (++next_chunk == plan.chunks) next_chunk = 0, next_tile += static_cast<std::int32_t>(gridDim.x);
  };
  if (loads) {
    for (std::int32_t i = 0; i < kWeightStages - 1; ++i) load_next();
  }

  RingAt w, a, w_used, a_used;
  TileAt tile_at = FirstTile(plan);
  const auto release = [&] {
    __syncwarp();
    if (lane == 0) {
      device::ArriveBarrier(block.w_free + w_used.slot);
      device::ArriveBarrier(block.a_free + a_used.slot);
    }
    w_used.Next(kWeightStages), a_used.Next(kOperandStages);
  };
  for (std::int32_t tile = static_cast<std::int32_t>(blockIdx.x); tile < plan.tiles;
       tile += static_cast<std::int32_t>(gridDim.x)) {
    float sums[1][kTiles][4];
    StartSums<1, kTiles>(biases, lane, sums);
    for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
      device::WaitBarrier(block.w_filled + w.slot, w.filled());
      device::WaitBarrier(block.a_filled + a.slot, a.filled());
      const std::uint64_t operand =
          device::SwizzledDescriptor(block.a_ring + a.slot * kOperandBytes + warp / 4 * (64 * 128));
      const std::uint64_t columns =
          device::MatrixDescriptor(block.w_ring + w.slot * block.pointwise_bytes, 128, kTiles * 128);
      device::FenceProducts();
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        device::MultiplyAsync(sums[0], operand + static_cast<std::uint64_t>(step * 2),
                              columns + static_cast<std::uint64_t>(step * kTiles * 16),
                              device::ElementTag<T>{});
      }
      device::CommitProducts();
      if (chunk > 0) {
        device::WaitProducts<1>();
        release();
      }
      if (loads) load_next();
      __syncwarp();
      w.Next(kWeightStages), a.Next(kOperandStages);
    }
    device::WaitProducts<0>();
    // Nothing that reads the sums may move up across the wait.
#pragma unroll
    for (int i = 0; i < kTiles * 4; ++i) {
      asm volatile("" : "+f"(sums[0][i / 4][i % 4])::"memory");
    }
    release();
    const WarpAt pixels = {tile_at.n * plan.images + in.image, tile_at.p0(plan) + in.row,
                           tile_at.q0(plan) + in.column,
                           static_cast<std::int32_t>(blockIdx.y) * plan.channels_out};
    StoreOutputs<T, 1, kTiles, false>(shape, pixels, tensors, lane, sums);
    tile_at.Next(plan);
  }
}

// In shared memory: b_pw, barriers, operands, the rings of weights and of input tiles.
template <class T, int kSize, int kStride, int kTiles>
__global__ void __launch_bounds__(kSplitThreads, 1)
    SplitKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                const __grid_constant__ Tensors<T> tensors, const __grid_constant__ CUtensorMap map,
                const char* __restrict__ packed) {
  if constexpr (!WarpgroupProduct<T, 1, kTiles>::kAvailable) {
    __trap();
  } else {
    constexpr std::int32_t kBiasBytes = kTiles * 32, kHeadBytes = HeadBytes(kTiles, kSplitBarrierBytes);
    char* shared = AlignTo1024(reinterpret_cast<char*>(&dynamic_shared<Storage>()));
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    packed += static_cast<std::int64_t>(blockIdx.y) * plan.packed_bytes;
    const SplitBlock<T> block(shape, plan, map, packed + kBiasBytes, shared + kHeadBytes);
    for (int i = static_cast<int>(threadIdx.x); i < kTiles * 8; i += static_cast<int>(blockDim.x)) {
      reinterpret_cast<float*>(shared)[i] = reinterpret_cast<const float*>(packed)[i];
    }
    __syncthreads();
    if (warp >= 8) {
      device::GiveRegisters<136>();
      MakeOperands<T, Strip<T, kSize, kStride>>(block, warp - 8, lane);
    } else {
      device::TakeRegisters<184>();
      MultiplyOperands<T, kTiles>(block, tensors, shared, warp, lane);
    }
  }
}

}  // namespace assay::dsconv::mma

#endif
