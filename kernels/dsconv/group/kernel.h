// The kernel of `hopper_group` (hopper_group.cu says what it does), and the one that packs its weights.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/shared_memory.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/group/plan.h"
#include "kernels/dsconv/ring.h"
#include "kernels/dsconv/wide/weights.h"

#ifndef ASSAY_SIMT
#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/device/ptx/wgmma_shared.h"
#include "kernels/dsconv/group/depthwise.h"
#endif

namespace assay::dsconv::group {

// Matrices of eight columns whose channels stand together: a lane has columns 2t and 2t + 1 of every matrix.
__host__ __device__ constexpr std::int32_t Together(std::int32_t columns) {
  return columns % 32 == 0 ? 4 : 2;
}
// The output channel, within a block's, of column n.
__host__ __device__ constexpr std::int32_t ChannelOf(std::int32_t columns, std::int32_t n) {
  const std::int32_t together = Together(columns);
  return n / (8 * together) * (8 * together) + n % 8 / 2 * (2 * together) + n % (8 * together) / 8 * 2 +
         n % 2;
}

// The workspace: b_pw as floats; depthwise filters [units][taps, bias][8 channels]; pointwise weights [column
// blocks][chunks][columns][64 channels], swizzled as wgmma wants them; operands [groups][chunks][pixels][64
// channels], the same way; counters. Zeros stand for what lies beyond C and K; operands begin as zeros.
template <class T>
__global__ void PrepackKernel(const Plan plan, std::int32_t columns, std::int64_t operands_bytes,
                              std::int64_t counters, const T* __restrict__ w_dw, const T* __restrict__ b_dw,
                              const T* __restrict__ w_pw, const T* __restrict__ b_pw) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  wide::PackBiases(first, step, static_cast<std::int64_t>(plan.group) * columns, plan.k, b_pw,
                   reinterpret_cast<float*>(plan.workspace));
  const std::int32_t taps = plan.taps_h * plan.taps_w;
  T* filters = reinterpret_cast<T*>(plan.workspace + plan.filters_from);
  for (std::int64_t i = first; i < static_cast<std::int64_t>(plan.units) * (taps + 1) * 8; i += step) {
    const auto row = static_cast<std::int32_t>(i / 8), tap = row % (taps + 1);
    const std::int32_t c = row / (taps + 1) * 8 + static_cast<std::int32_t>(i % 8);
    T value = device::FromFloat<T>(0.0f);
    if (tap < taps) value = w_dw[static_cast<std::int64_t>(c) * taps + tap];
    if (tap == taps && b_dw != nullptr) value = b_dw[c];
    filters[i] = value;
  }
  wide::PackWeights(
      first, step, plan.group, plan.chunks, columns, plan.c, plan.k,
      [=](std::int32_t n) { return ChannelOf(columns, n); }, w_pw, plan.workspace + plan.weights_from);
  for (std::int64_t i = first; i < operands_bytes / 16; i += step) {
    device::StoreUint4(plan.workspace + plan.operands_from + i * 16, make_uint4(0, 0, 0, 0));
  }
  auto* words = reinterpret_cast<std::uint32_t*>(plan.workspace + plan.counters_from);
  for (std::int64_t i = first; i < counters; i += step) words[i] = 0;
}

#ifndef ASSAY_SIMT

struct Storage {
  unsigned char bytes[1024];  // and what follows
};

// What lies where in shared memory.
struct Shared {
  std::uint64_t *weights_filled, *filled,
      *free;  // of each copy of weights; of each stage: kWarps, or fewer used
  char *begin, *weights, *operands;

  __device__ __forceinline__ explicit Shared(const Plan& plan) {
    begin = reinterpret_cast<char*>(&dynamic_shared<Storage>());
    begin += -device::SharedAddress(begin) & (kAlignment - 1);
    weights_filled = reinterpret_cast<std::uint64_t*>(begin);
    filled = weights_filled + kWarps, free = filled + kWarps;
    weights = begin + kAlignment, operands = weights + plan.chunks * plan.weight_bytes;
  }
};

// By one thread: begins to copy a part of the weights, which stay.
__device__ __forceinline__ void LoadWeights(const Plan& plan, const Shared& shared, std::int32_t place,
                                            std::int32_t copy) {
  const std::int32_t first = copy * plan.weight_batch;
  const std::int32_t bytes = min(plan.weight_batch, plan.chunks - first) * plan.weight_bytes;
  const std::int64_t from =
      plan.weights_from + static_cast<std::int64_t>(place * plan.chunks + first) * plan.weight_bytes;
  device::ArriveAndExpect(shared.weights_filled + copy, static_cast<std::uint32_t>(bytes));
  device::CopyBulk(shared.weights + first * plan.weight_bytes, plan.workspace + from,
                   static_cast<std::uint32_t>(bytes), shared.weights_filled + copy);
}

// By one thread of each warp, each its own, whether they are used or not: racecheck takes a barrier that a
// predicate leaves out for one at another address. Others wait for them only after all have met.
__device__ __forceinline__ void BeginBarriers(const Plan& plan, const Shared& shared, std::int32_t warp) {
  static_assert(kMostWeightCopies <= kWarps && kMostStages <= kWarps);
  device::InitBarrier(shared.weights_filled + warp, 1);
  device::InitBarrier(shared.filled + warp, 1);
  device::InitBarrier(shared.free + warp, static_cast<std::uint32_t>(plan.multiply_warps));
  device::FenceBarrierInit();
}

// Where a group's operands are in the workspace.
__device__ __forceinline__ std::int64_t OperandsFrom(const Plan& plan, std::int32_t group) {
  return plan.operands_from + static_cast<std::int64_t>(group * plan.chunks) * plan.operand_bytes;
}

// By one thread: says that the block's share is there, begins to copy what is left of the weights, waits for
// the group's shares, and copies all of them.
__device__ __forceinline__ void LoadOperands(const Plan& plan, const Shared& shared, std::int32_t group,
                                             std::int32_t place, std::int32_t operand_bytes,
                                             std::uint32_t launches) {
  auto* counter =
      reinterpret_cast<std::uint32_t*>(plan.workspace + plan.counters_from) + group * kCounterStep;
  device::ReleaseAdd(counter, 1);
#pragma unroll 1
  for (std::int32_t copy = plan.early_copies; copy < plan.weight_copies; ++copy) {
    LoadWeights(plan, shared, place, copy);
  }
  const std::uint32_t all = (launches + 1) * static_cast<std::uint32_t>(plan.group);
  while (device::LoadAcquire(counter) != all) {
  }
  device::FenceGlobalForCopies();
  const char* from = plan.workspace + OperandsFrom(plan, group);
  RingAt at;
#pragma unroll 1
  for (std::int32_t chunk = 0; chunk < plan.chunks; chunk += plan.batch) {
    if (chunk >= plan.stages * plan.batch) device::WaitBarrier(shared.free + at.slot, at.parity ^ 1);
    const auto bytes = static_cast<std::uint32_t>(min(plan.batch, plan.chunks - chunk) * operand_bytes);
    std::uint64_t* barrier = shared.filled + at.slot;
    device::ArriveAndExpect(barrier, bytes);
    char* to = shared.operands + at.slot * plan.batch * operand_bytes;
    device::CopyBulk(to, from, bytes, barrier);
    from += bytes;
    at.Next(plan.stages);
  }
}

// All products of a warpgroup, enqueued copy by copy of its operands: only in a ring they are waited for
// between.
template <class T, int kTiles>
__device__ __forceinline__ void MultiplyAll(const Plan& plan, const Shared& shared,
                                            std::int32_t operand_bytes, int warp, int lane,
                                            float (&sums)[kTiles][4]) {
  // With many columns to a product it is faster to wait for each chunk before the next but one (an H200).
  constexpr bool kWaits = kTiles >= 8;
  const bool ring = plan.stages * plan.batch < plan.chunks;
  const std::uint64_t left = device::SwizzledDescriptor(shared.operands + warp / 4 * (kPixels * kRowBytes));
  std::uint64_t right = device::SwizzledDescriptor(shared.weights);
  RingAt at;
  std::int32_t weights_there = 0, copy = 0, before = -1;
#pragma unroll 1
  for (std::int32_t chunk = 0; chunk < plan.chunks;) {
    const std::int32_t end = min(chunk + plan.batch, plan.chunks);
    for (; weights_there < end; weights_there += plan.weight_batch, ++copy) {
      device::WaitBarrier(shared.weights_filled + copy, 0);
    }
    if (!plan.alone) device::WaitBarrier(shared.filled + at.slot, at.parity);
    std::uint64_t a = left + static_cast<std::uint32_t>(at.slot * plan.batch * operand_bytes / 16);
#pragma unroll 1
    for (; chunk < end; ++chunk) {
      device::FenceProducts();
#pragma unroll
      for (int i = 0; i < kChunk / 16; ++i) {
        device::MultiplyShared(sums, a + static_cast<std::uint64_t>(2 * i),
                               right + static_cast<std::uint64_t>(2 * i), device::ElementTag<T>{});
      }
      device::CommitProducts();
      if (kWaits) device::WaitProducts<1>();
      a += static_cast<std::uint32_t>(operand_bytes / 16);
      right += static_cast<std::uint32_t>(plan.weight_bytes / 16);
    }
    if (ring) {
      if (!kWaits) device::WaitProducts<1>();
      if (before >= 0 && lane == 0) device::ArriveBarrier(shared.free + before);
      before = at.slot;
    }
    at.Next(plan.stages);
  }
  device::WaitProducts<0>();
  device::HoldSums(sums);
}

// Lane `lane` has columns 2t and 2t + 1, t = lane % 4, of each matrix, which ChannelOf makes neighbours.
template <int kTiles>
__device__ __forceinline__ void StartSums(const float* biases, int lane, float (&sums)[kTiles][4]) {
  constexpr int kTogether = Together(kTiles * 8);
#pragma unroll
  for (int i = 0; i < kTiles; ++i) {
    const float2 two = device::LoadFloat2(biases + i / kTogether * kTogether * 8 + lane % 4 * 2 * kTogether +
                                          i % kTogether * 2);
    sums[i][0] = sums[i][2] = two.x, sums[i][1] = sums[i][3] = two.y;
  }
}

template <class T, int kTiles, bool kAny>
__device__ __forceinline__ void StoreSums(const Plan& plan, std::int32_t group, std::int32_t place, int warp,
                                          int lane, float (&sums)[kTiles][4]) {
  constexpr int kTogether = Together(kTiles * 8);
  const mma::Clamping out = mma::ClampingOf<T>(plan.act_out);
  if constexpr (kAny) {
#pragma unroll
    for (int i = 0; i < kTiles; ++i) mma::ActivateUnlessClamp(out, sums[i]);
  }
  const std::int32_t k0 = place * (kTiles * 8) + lane % 4 * 2 * kTogether;
#pragma unroll
  for (int lower = 0; lower < 2; ++lower) {
    const std::int32_t row = warp * 16 + lane / 4 + 8 * lower, pixel = group * plan.block_pixels + row;
    if (row >= plan.block_pixels || pixel >= plan.pixels) continue;
    T* to = static_cast<T*>(plan.y) + static_cast<std::int64_t>(pixel) * plan.k;
#pragma unroll
    for (int i = 0; i < kTiles; i += kTogether) {
      const std::int32_t k = k0 + i * 8;
      std::uint32_t pairs[kTogether];
#pragma unroll
      for (int j = 0; j < kTogether; ++j) {
        pairs[j] = mma::PackClamped<T>(out, sums[i + j][2 * lower], sums[i + j][2 * lower + 1]);
      }
      if (plan.k % (2 * kTogether) == 0) {
        if (k >= plan.k) continue;
        if constexpr (kTogether == 4) {
          device::StoreUint4(to + k, make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]));
        } else {
          device::StoreUint2(to + k, make_uint2(pairs[0], pairs[1]));
        }
      } else {
#pragma unroll
        for (int j = 0; j < 2 * kTogether; ++j) {
          if (k + j < plan.k) {
            to[k + j] = device::FromBits<T>(static_cast<std::uint16_t>(pairs[j / 2] >> j % 2 * 16));
          }
        }
      }
    }
  }
}

template <class T, int kTiles, bool kAny>
__global__ void __launch_bounds__(kThreads, 1) GroupKernel(const __grid_constant__ Plan plan) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  const auto block = static_cast<std::int32_t>(blockIdx.x);
  const std::int32_t group = plan.by_group.Quotient(block), place = block - group * plan.group;
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const Shared shared(plan);
  // With all warps multiplying, all operands have room and nobody waits for their copies to be begun.
  const int loader = plan.multiply_warps < kWarps ? plan.multiply_warps : 0;
  std::uint32_t* const launched =
      reinterpret_cast<std::uint32_t*>(plan.workspace + plan.launches_from) + block;
  const std::uint32_t launches = warp == loader && !plan.alone ? *launched : 0;
  const Share share(plan, group, place);
  LoadInput<T>(plan, share, shared.begin);
  if (lane == 0) {
    BeginBarriers(plan, shared, warp);
    if (warp < plan.early_copies) LoadWeights(plan, shared, place, warp);
  }
  char* const operands = plan.alone ? shared.operands : plan.workspace + OperandsFrom(plan, group);
  Maker<T, kAny> maker;
  maker.Find(plan, share, shared.begin, operands);
  device::WaitCopies<0>();
  __syncthreads();
  maker.MakeAll(plan, share, shared.begin, operands);
  device::FenceAsyncProxy();  // copies follow to where the input was
  if (!plan.alone) device::FenceGlobalForCopies();
  __syncthreads();
  if (warp == loader && lane == 0 && !plan.alone) {
    LoadOperands(plan, shared, group, place, share.operand_bytes, launches);
    *launched = launches + 1;
  }
  __syncwarp();
  if (warp >= plan.multiply_warps) return;
  float sums[kTiles][4];
  StartSums<kTiles>(reinterpret_cast<const float*>(plan.workspace) + place * (kTiles * 8), lane, sums);
  MultiplyAll<T, kTiles>(plan, shared, share.operand_bytes, warp, lane, sums);
  StoreSums<T, kTiles, kAny>(plan, group, place, warp, lane, sums);
#else
  __trap();
#endif
}

#endif

}  // namespace assay::dsconv::group
