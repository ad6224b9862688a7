// The kernel that `hopper_tf32` and `hopper_tf32x3` share: they differ in the parts of an operand.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/cluster.h"
#include "kernels/device/ptx/cluster_copy.h"
#include "kernels/device/shared_memory.h"
#include "kernels/dsconv/hopper_tf32/depthwise_nchw.h"
#include "kernels/dsconv/hopper_tf32/depthwise_nhwc.h"
#include "kernels/dsconv/hopper_tf32/load.h"
#include "kernels/dsconv/hopper_tf32/plan.h"
#include "kernels/dsconv/hopper_tf32/product.h"
#include "kernels/dsconv/hopper_tf32/product_ffma.h"
#include "kernels/dsconv/hopper_tf32/strips_nhwc.h"

namespace assay::dsconv::hopper_tf32 {

struct alignas(16) Storage {
  std::uint32_t words[4];  // the rest follows
};

// Registers a thread of blocks of 512, where up to 128 sums leave no room for equal shares. Strips have more
// under way than other depthwise halves, and so have products by FFMA, which hold operands in registers.
__host__ __device__ constexpr int MultiplyRegisters(bool strips, int parts, bool turns) {
  if (turns && parts != 0) return 192;
  return !strips ? 176 : (parts == 0 ? 168 : 160);
}
__host__ __device__ constexpr int OtherRegisters(bool strips, int parts, bool turns) {
  return 256 - MultiplyRegisters(strips, parts, turns);
}

template <bool kChannelsLast, int kSize, int kStride, int kChunk, int kParts, class Act>
struct DepthwiseOf {
  using Type = PlaneDepthwise<kSize, kStride, kChunk, kParts, Act>;
};
template <int kSize, int kStride, int kChunk, int kParts, class Act>
struct DepthwiseOf<true, kSize, kStride, kChunk, kParts, Act> {
  using Type = PixelDepthwise<kSize, kStride, kChunk, kParts, Act>;
};
template <int kChunk, int kParts, class Act>
struct DepthwiseOf<true, 3, 1, kChunk, kParts, Act> {
  using Type = StripDepthwise<kParts, Act>;
};

template <int kParts>
__device__ __forceinline__ void ArriveFilled(const Block& block, std::int32_t reader, std::int32_t slot,
                                             int lane) {
  if constexpr (ArrivesByLane(kParts)) device::ArriveBarrier(block.AFilled(reader, slot));
  __syncwarp();
  if constexpr (!ArrivesByLane(kParts)) {
    if (lane == 0) device::ArriveBarrier(block.AFilled(reader, slot));
  }
}

// Tells those that multiply that there are no more operands. Those that take turns are each told by stages as
// of a tile, since they count these.
template <int kParts, bool kTurns>
__device__ __forceinline__ void EndOperands(const Block& block, RingAt a, std::int32_t reader, int warp,
                                            int lane) {
  const std::int32_t chunks = kTurns ? block.plan.chunks : 1, stages = kTurns ? 2 * chunks : 1;
#pragma unroll 1
  for (std::int32_t i = 0; i < stages; ++i, a.Next(block.plan.operand_stages)) {
    if (i == chunks) reader ^= 1;
    device::WaitBarrier(block.a_free + a.slot, a.freed());
    if (warp == 0 && lane == 0) block.AItem(a.slot) = kNoItem;
    ArriveFilled<kParts>(block, reader, a.slot, lane);
  }
}

// Warp `warp` of depthwise group `group`, of which there may be one alone.
template <int kParts, bool kTurns, bool kAlone, class Depthwise>
__device__ __forceinline__ void MakeOperands(const Block& block, int group, int warp, int lane) {
  const Plan& plan = block.plan;
  RingAt x, a;
  std::int32_t turn = 0, reader = 0;
  Depthwise depthwise(block.shape, plan, warp, lane);
#pragma unroll 1
  for (;;) {
#pragma unroll 1
    for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
      if (kAlone || turn == group) {
        device::WaitBarrier(block.XFilled(group, x.slot), x.round >> plan.x_round_shift & 1);
        const std::int32_t item = block.XItem(x.slot);
        if (item < 0) {
          if (item == kNoItem) EndOperands<kParts, kTurns>(block, a, reader, warp, lane);
          return;
        }
        depthwise.MoveTo(TileAt(plan, item, block.rank));
        device::WaitBarrier(block.a_free + a.slot, a.freed());
        if (warp == 0 && lane == 0) block.AItem(a.slot) = item;
        const char* stage = block.XStage(x.slot);
        depthwise(reinterpret_cast<const float*>(stage), reinterpret_cast<const float*>(stage + plan.x_bytes),
                  block.a_ring + a.slot * block.operand_bytes);
        if constexpr (kParts != 0) device::FenceAsyncProxy();  // the matrix unit reads what was written
        ArriveFilled<kParts>(block, reader, a.slot, lane);
        if (lane == 0) device::ArriveBarrier(block.x_free + x.slot);
      }
      if (!kAlone && ++turn == plan.depthwise_groups) turn = 0;
      x.Next(plan.x_stages), a.Next(plan.operand_stages);
    }
    if constexpr (kTurns) reader ^= 1;
  }
}

// Warp `warp` of those that do not multiply.
template <bool kChannelsLast, int kSize, int kStride, int kChunk, int kParts, bool kTurns, bool kAlone>
__device__ __forceinline__ void MakeOrLoad(const Block& block, int warp, int warps, int lane) {
  const Plan& plan = block.plan;
  const int depthwise_warps = plan.depthwise_groups * plan.depthwise_warps;
  if (warp < depthwise_warps) {
    const int group = warp / plan.depthwise_warps, in_group = warp - group * plan.depthwise_warps;
    const auto make = [&](auto activation) {
      using Act = decltype(activation);
      MakeOperands<kParts, kTurns, kAlone,
                   typename DepthwiseOf<kChannelsLast, kSize, kStride, kChunk, kParts, Act>::Type>(
          block, group, in_group, lane);
    };
    IsClamp(block.shape.act_mid) ? make(Clamp(block.shape.act_mid)) : make(Curve(block.shape.act_mid));
  } else if constexpr (kTurns) {
    if (lane != 0) return;
    LoadPointwise(block);
    LoadInputsBy<false, kChannelsLast, kChunk>(block, 0);
  } else if (warp < warps - 1) {
    LoadInputs<kChannelsLast, kChunk>(block, (warp - depthwise_warps) * 32 + lane);
  } else if (lane == 0) {
    LoadPointwise(block);
  }
}

// All blocks of the cluster have begun their barriers.
__device__ __forceinline__ void SyncBlocks(const Plan& plan) {
  if (plan.cluster == 2) {
    device::SyncCluster();
  } else {
    __syncthreads();
  }
}

// Whether what is compiled for has wgmma. Elsewhere the kernel is a trap, and WhyNot keeps it from being
// launched.
#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
inline constexpr bool kAvailable = false;
#else
inline constexpr bool kAvailable = true;
#endif

// In shared memory: barriers, the rings of input tiles, of weights (or all of them) and of operands.
template <bool kChannelsLast, int kSize, int kStride, int kChunk, int kMatrices, int kParts, bool kTurns>
__global__ void __launch_bounds__(32 * WarpsOf(kMatrices, kParts, kTurns), 1)
    FusedKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                const __grid_constant__ CUtensorMap map, const __grid_constant__ CUtensorMap y_map,
                const float* __restrict__ x, const char* __restrict__ packed, float* __restrict__ y) {
  if constexpr (!kAvailable) {
    __trap();
  } else {
    constexpr bool kShares = WarpsOf(kMatrices, kParts, kTurns) == 16;
    constexpr bool kStrips = kChannelsLast && kSize == 3 && kStride == 1;
    char* shared = reinterpret_cast<char*>(&dynamic_shared<Storage>());
    shared += (128 - device::SharedAddress(shared) % 128) % 128;
    const Block block(shape, plan, map, y_map, x, packed, shared, AllOperandBytes(kChunk, kParts));
    if (threadIdx.x == 0) block.InitBarriers(kParts);
    SyncBlocks(plan);
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    if (warp < kMultiplyWarps) {
      if constexpr (kShares) device::TakeRegisters<MultiplyRegisters(kStrips, kParts, kTurns)>();
      if constexpr (kParts == 0) {
        MultiplyByFfma<kChannelsLast, kMatrices, kChunk>(block, y, warp, lane);
      } else {
        MultiplyOperands<kChannelsLast, kMatrices, kChunk, kParts, kTurns>(block, y, warp / 4, warp % 4,
                                                                           lane);
      }
    } else {
      if constexpr (kShares) device::GiveRegisters<OtherRegisters(kStrips, kParts, kTurns)>();
      MakeOrLoad<kChannelsLast, kSize, kStride, kChunk, kParts, kTurns, kShares>(
          block, warp - kMultiplyWarps, WarpsOf(kMatrices, kParts, kTurns) - kMultiplyWarps, lane);
    }
    __syncwarp();
    if (plan.cluster == 2) device::MeetInCluster();  // the other block may still write here
  }
}

}  // namespace assay::dsconv::hopper_tf32

#endif
