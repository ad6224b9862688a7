// The kernel of `hopper_small`; hopper_small.cu says what it does.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/async_copy.h"
#include "kernels/device/ptx/barrier.h"
#include "kernels/device/ptx/mma.h"
#include "kernels/device/shared_memory.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/small/depthwise.h"
#include "kernels/dsconv/small/load.h"
#include "kernels/dsconv/small/plan.h"
#include "kernels/dsconv/small/store.h"

namespace assay::dsconv::small {

struct alignas(16) Storage {
  std::uint32_t words[4];  // the rest follows
};

__device__ __forceinline__ char* AlignedShared() {
  char* shared = reinterpret_cast<char*>(&dynamic_shared<Storage>());
#ifdef ASSAY_SIMT
  const auto address = reinterpret_cast<std::uintptr_t>(shared);
#else
  const std::uint32_t address = device::SharedAddress(shared);
#endif
  return shared + (-address & (kAlignment - 1));
}

// Meeting of the warps that share slices of the input channels.
__device__ __forceinline__ void SyncGroup(const BlockAt& at) {
  if (at.warps_m == 1) {
    __syncwarp();
  } else {
    device::SyncThreadsOf(static_cast<int>(at.warp_c + 1), static_cast<int>(32 * at.warps_m));
  }
}

// A slice's part of the sums. `weights` are its pointwise ones.
template <class T, int kMatrices, int kTiles>
__device__ __forceinline__ void Multiply(const std::uint32_t (&a)[2][kMatrices][4], const char* weights,
                                         int lane, float (&sums)[kMatrices][kTiles][4]) {
#pragma unroll
  for (int i = 0; i < kTiles; ++i) {
    const uint4 b = device::LoadUint4(weights + i * 512 + lane * 16);
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      device::Mma16816(sums[m][i], a[0][m], b.x, b.y, device::ElementTag<T>{});
      device::Mma16816(sums[m][i], a[1][m], b.z, b.w, device::ElementTag<T>{});
    }
  }
}

// Registers are for 16 warps where there are few sums, else for 12 or 8.
__host__ __device__ constexpr int MostThreads(Filter filter, int matrices, int tiles) {
  if (matrices == 1 && tiles <= 4) return 512;
  return matrices * tiles > 8 || (matrices == 2 && filter == Filter::k3x3Stride2) ? 256 : 384;
}

// The largest block leaves no registers for the windows of stride 2.
__host__ __device__ constexpr bool HasRegisters(Filter filter, int matrices, int tiles) {
  return filter != Filter::k3x3Stride2 || matrices * tiles < 32;
}

// The slices of a warp, and how far it is with them.
struct Slices {
  std::int32_t first, step, count;
  std::int32_t at_once;  // loaded before the first one is worked on
  std::int32_t loaded;   // begun

  __device__ __forceinline__ Slices(const Plan& plan, const BlockAt& at) {
    first = static_cast<std::int32_t>(at.warp_c), step = static_cast<std::int32_t>(at.warps_c);
    count = plan.steps - (first + (plan.steps - 1) * step < plan.slices ? 0 : 1);
    at_once = loaded = min(count, plan.stages);
  }
  __device__ __forceinline__ std::int32_t operator[](std::int32_t i) const { return first + i * step; }
  // Each slice has two groups of copies; those of the slices that are loaded at once come in two rows, those
  // of later ones in turn. So many younger groups there are:
  __device__ __forceinline__ std::int32_t BehindDepthwise(std::int32_t i) const {
    return 2 * loaded - 1 - (i < at_once ? i : 2 * i);
  }
  __device__ __forceinline__ std::int32_t BehindPointwise(std::int32_t i) const {
    return 2 * loaded - 1 - (i < at_once ? at_once + i : 2 * i + 1);
  }
};

// Everything that is needed is asked for at once, as far as there is room; what is needed last comes last.
template <class T, Filter kFilter>
__device__ __forceinline__ void LoadAtOnce(const Plan& plan, const BlockAt& at, const Slices& slices,
                                           char* group) {
  char* stage = group;
#pragma unroll 1
  for (std::int32_t i = 0; i < slices.at_once; ++i, stage += plan.stage_bytes) {
    LoadDepthwise<T, kFilter>(plan, at, slices[i], stage);
    device::CommitCopies();
  }
  stage = group;
#pragma unroll 1
  for (std::int32_t i = 0; i < slices.at_once; ++i, stage += plan.stage_bytes) {
    LoadPointwise(plan, at, slices[i], stage);
    device::CommitCopies();
  }
}

template <class T, Filter kFilter, int kMatrices, int kTiles>
__global__ void __launch_bounds__(MostThreads(kFilter, kMatrices, kTiles), 1)
    SmallKernel(const __grid_constant__ Plan plan, const __grid_constant__ mma::Tensors<T> tensors) {
  // A first look at each line of the parameters; no tile is empty.
  if (plan.strips == 0 || plan.k == 0) return;
  const BlockAt at(plan);
  char* shared = AlignedShared();
  char* group = shared + at.warp_c * static_cast<std::uint32_t>(plan.group_bytes);
  Slices slices(plan, at);
  LoadAtOnce<T, kFilter>(plan, at, slices, group);

  const auto lane = static_cast<int>(at.lane);
  const Diagonal diagonal(lane);
  const mma::Clamping middle = mma::ClampingOf<T>(plan.act_mid);
  Window<T, kFilter> windows[kMatrices];
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) {
    const std::int32_t strip =
        min(static_cast<std::int32_t>((at.warp_m * kMatrices + m) * kStrips + at.lane % 8), plan.strips - 1);
    const std::int32_t pair = strip * plan.columns_magic >> 16;
    windows[m].Init(plan, 2 * pair, strip - pair * plan.columns, lane);
  }
  float sums[kMatrices][kTiles][4] = {};
  char* stage = group;
  // Groups that have no slice in the last step meet all the same: on the host device all warps do.
#pragma unroll 1
  for (std::int32_t i = 0, slot = 0; i < plan.steps; ++i) {
    const bool works = i < slices.count;
    WaitCopies(slices.BehindDepthwise(i));
    SyncGroup(at);
    std::uint32_t a[2][kMatrices][4];
    if (works) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        Depthwise<T, kFilter, kMatrices>(plan, middle, diagonal, windows, stage, stage + plan.x_bytes, j,
                                         lane, a[j]);
      }
    }
    WaitCopies(slices.BehindPointwise(i));
    SyncGroup(at);
    if (works) Multiply<T>(a, stage + plan.x_bytes + plan.depthwise_bytes, lane, sums);
    if (plan.stages < plan.steps) {
      SyncGroup(at);  // all have read the stage
      if (slices.loaded < slices.count) {
        LoadDepthwise<T, kFilter>(plan, at, slices[slices.loaded], stage);
        device::CommitCopies();
        LoadPointwise(plan, at, slices[slices.loaded], stage);
        device::CommitCopies();
        ++slices.loaded;
      }
    }
    stage += plan.stage_bytes;
    if (++slot == plan.stages) slot = 0, stage = group;
  }
  if (plan.direct) {
    StoreSums<T, kFilter, kMatrices, kTiles>(plan, at, tensors, sums);
  } else {
    SyncGroup(at);  // the sums take the place of input tiles
    LeaveSums(at, sums, group);
    AddUpAndStore<T, kFilter, kMatrices, kTiles>(plan, at, tensors, shared);
  }
}

}  // namespace assay::dsconv::small
