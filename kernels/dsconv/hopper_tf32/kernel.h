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
  if (turns && parts != 0) return strips ? 176 : 184;
  return !strips ? 176 : (parts == 0 ? 168 : 160);
}
__host__ __device__ constexpr int OtherRegisters(bool strips, int parts, bool turns) {
  return 256 - MultiplyRegisters(strips, parts, turns);
}

// Of blocks of 640, which begin with 96 a thread, where the loading warps have no need of theirs, by the sums
// of a lane that multiplies. In all not more than 640 x 96.
struct Registers {
  int multiply, depthwise, load;
};
__host__ __device__ constexpr Registers RegistersOf(Sharing sharing, int sums) {
  if (sharing == Sharing::kColumns) return {120, 88, 64};
  if (sums <= 80) return {136, 96, 56};
  return sums <= 96 ? Registers{160, 88, 56} : Registers{176, 80, 64};
}

template <bool kChannelsLast, int kSize, int kStride, int kChunk, int kParts, int kTileSlots, class Act>
struct DepthwiseOf {
  using Type = PlaneDepthwise<kSize, kStride, kChunk, kParts, Act>;
};
template <int kSize, int kStride, int kChunk, int kParts, int kTileSlots, class Act>
struct DepthwiseOf<true, kSize, kStride, kChunk, kParts, kTileSlots, Act> {
  using Type = PixelDepthwise<kSize, kStride, kChunk, kParts, Act>;
};
template <int kStride, int kParts, int kTileSlots, class Act>
struct DepthwiseOf<true, 3, kStride, 32, kParts, kTileSlots, Act> {
  using Type = StripDepthwise<kStride, kParts, kTileSlots, Act>;
};

// Tells those that multiply that there are no more operands. Those that take turns are each told by stages as
// of a tile, since they count these.
template <bool kTurns>
__device__ __forceinline__ void EndOperands(const Block& block, RingAt a, std::int32_t reader, int warp,
                                            int lane) {
  const std::int32_t chunks = kTurns ? block.plan.chunks : 1, stages = kTurns ? 2 * chunks : 1;
#pragma unroll 1
  for (std::int32_t i = 0; i < stages; ++i, a.Next(block.plan.operand_stages)) {
    if (i == chunks) reader ^= 1;
    device::WaitBarrier(block.a_free + a.slot, a.freed());
    if (warp == 0 && lane == 0) block.AItem(a.slot) = kNoItem;
    device::ArriveBarrier(block.AFilled(reader, a.slot));
  }
}

// Warp `warp` of depthwise group `group`, of which there may be one alone.
template <int kParts, bool kTurns, bool kAlone, bool kThree, class Depthwise>
__device__ __forceinline__ void MakeOperands(const Block& block, int group, int warp, int lane) {
  const Plan& plan = block.plan;
  RingAt x, a;
  // Of three groups' stages of x: one in three rounds, or each, is a group's.
  [[maybe_unused]] std::uint32_t phases = 0;
  std::int32_t turn = 0, reader = 0, at_item = kNoItem;
  Depthwise depthwise(block.shape, plan, warp, lane);
#pragma unroll 1
  for (;;) {
#pragma unroll 1
    for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
      if (kAlone || turn == group) {
        device::WaitBarrier(block.XFilled(group, x.slot),
                            (kThree ? phases >> x.slot : x.round >> (plan.x_alternates ? 1 : 0)) & 1);
        if constexpr (kThree) phases ^= 1u << x.slot;
        const std::int32_t item = block.XItem(x.slot);
        if (item < 0) {
          if (item == kNoItem) EndOperands<kTurns>(block, a, reader, warp, lane);
          return;
        }
        const auto wait = [&] {
          device::WaitBarrier(block.a_free + a.slot, a.freed());
          if (warp == 0 && lane == 0) block.AItem(a.slot) = item;
        };
        if constexpr (Depthwise::kStays) {
          if (item != at_item) depthwise.MoveTo(TileAt(plan, item, block.rank));
          at_item = item;
        } else {
          depthwise.MoveTo(TileAt(plan, item, block.rank));
          wait();
        }
        const char* stage = block.XStage(x.slot);
        const auto *tile = reinterpret_cast<const float*>(stage),
                   *weights = reinterpret_cast<const float*>(stage + plan.x_bytes);
        char* operand = block.a_ring + a.slot * block.operand_bytes;
        if constexpr (Depthwise::kStays) {
          depthwise(tile, weights, operand, wait);
        } else {
          depthwise(tile, weights, operand);
        }
        if constexpr (kParts != 0) device::FenceAsyncProxy();  // the matrix unit reads what was written
        device::ArriveBarrier(block.AFilled(reader, a.slot));
        device::ArriveBarrier(block.x_free + x.slot);
        __syncwarp();  // lanes go on together
      }
      if (!kAlone && ++turn == plan.depthwise_groups) turn = 0;
      x.Next(plan.x_stages), a.Next(plan.operand_stages);
    }
    if constexpr (kTurns) reader ^= 1;
  }
}

// What a kernel is made for.
template <bool kChannelsLast_, int kSize_, int kStride_, int kChunk_, int kMatrices_, int kParts_,
          Sharing kSharing_, int kTileSlots_>
struct Kind {
  static constexpr bool kChannelsLast = kChannelsLast_, kTurns = kSharing_ == Sharing::kTurns;
  static constexpr int kSize = kSize_, kStride = kStride_, kChunk = kChunk_, kMatrices = kMatrices_,
                       kParts = kParts_, kTileSlots = kTileSlots_;
  static constexpr Sharing kSharing = kSharing_;
  static constexpr int kWarps = WarpsOf(kMatrices, kParts, kSharing), kMultiply = MultiplyWarps(kSharing);
  // Blocks of 512 share registers out in two parts, and have one depthwise group; some of 640 in three.
  static constexpr bool kSharesTwo = kWarps == 16;
  static constexpr bool kSharesThree = kSharing == Sharing::kOne || kSharing == Sharing::kColumns;
  static constexpr bool kStrips = kChannelsLast && kSize == 3 && kChunk == 32;
  static constexpr Registers kRegisters = RegistersOf(kSharing, kTileSlots / 8 * kMatrices);
};

// Warp `warp` of those that do not multiply.
template <class Kind>
__device__ __forceinline__ void MakeOrLoad(const Block& block, int warp, int lane) {
  constexpr bool kChannelsLast = Kind::kChannelsLast;
  constexpr int kChunk = Kind::kChunk, kParts = Kind::kParts;
  const Plan& plan = block.plan;
  const int depthwise_warps = plan.depthwise_groups * plan.depthwise_warps;
  if (warp < depthwise_warps) {
    if constexpr (Kind::kSharesThree && Kind::kRegisters.depthwise < 96) {
      device::GiveRegisters<Kind::kRegisters.depthwise>();
    }
    const int group = warp / plan.depthwise_warps, in_group = warp - group * plan.depthwise_warps;
    const auto make = [&](auto activation) {
      using Act = decltype(activation);
      MakeOperands<kParts, Kind::kTurns, Kind::kSharesTwo, Kind::kSharing == Sharing::kOne,
                   typename DepthwiseOf<kChannelsLast, Kind::kSize, Kind::kStride, kChunk, kParts,
                                        Kind::kTileSlots, Act>::Type>(block, group, in_group, lane);
    };
    const device::Activation middle = block.shape.act_mid;
    if (!IsClamp(middle)) {
      make(Curve(middle));
    } else if constexpr (!kChannelsLast || kParts != 1) {
      make(Clamp(middle));
    } else {
      middle == device::Activation::kNone ? make(Identity(middle)) : make(FromZero(middle));
    }
  } else if constexpr (Kind::kTurns) {
    if (lane != 0) return;
    LoadPointwise(block);
    LoadInputsBy<false, kChannelsLast, kChunk>(block, 0);
  } else {
    if constexpr (Kind::kSharesThree) device::GiveRegisters<Kind::kRegisters.load>();
    if (warp < Kind::kWarps - Kind::kMultiply - 1) {
      LoadInputs<kChannelsLast, kChunk>(block, (warp - depthwise_warps) * 32 + lane);
    } else if (lane == 0) {
      LoadPointwise(block);
    }
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
template <class Kind>
__global__ void __launch_bounds__(32 * Kind::kWarps, 1)
    FusedKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                const __grid_constant__ CUtensorMap map, const __grid_constant__ CUtensorMap y_map,
                const float* __restrict__ x, const char* __restrict__ packed, float* __restrict__ y) {
  if constexpr (!kAvailable) {
    __trap();
  } else {
    constexpr int kParts = Kind::kParts;
    char* shared = reinterpret_cast<char*>(&dynamic_shared<Storage>());
    shared += (128 - device::SharedAddress(shared) % 128) % 128;
    const Block block(shape, plan, map, y_map, x, packed, shared,
                      AllOperandBytes(Kind::kChunk, kParts, Kind::kTileSlots));
    if (threadIdx.x == 0) block.InitBarriers(kParts, Kind::kTurns);
    SyncBlocks(plan);
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    if (warp < Kind::kMultiply) {
      if constexpr (Kind::kSharesTwo) {
        device::TakeRegisters<MultiplyRegisters(Kind::kStrips, kParts, Kind::kTurns)>();
      }
      if constexpr (Kind::kSharesThree) device::TakeRegisters<Kind::kRegisters.multiply>();
      if constexpr (kParts == 0) {
        MultiplyByFfma<Kind::kChannelsLast, Kind::kMatrices, Kind::kChunk>(block, y, warp, lane);
      } else {
        const int thread = device::ThreadAgain();
        MultiplyOperands<Kind::kChannelsLast, Kind::kMatrices, Kind::kChunk, kParts, Kind::kSharing,
                         Kind::kTileSlots>(block, y, thread / 128, thread / 32 % 4, thread % 32);
      }
    } else {
      if constexpr (Kind::kSharesTwo) {
        device::GiveRegisters<OtherRegisters(Kind::kStrips, kParts, Kind::kTurns)>();
      }
      MakeOrLoad<Kind>(block, warp - Kind::kMultiply, lane);
    }
    __syncwarp();
    if (plan.cluster == 2) device::MeetInCluster();  // the other block may still write here
  }
}

}  // namespace assay::dsconv::hopper_tf32

#endif
