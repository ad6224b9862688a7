// The kernel: rounds over chunks of input channels.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/shared_memory.h"
#include "kernels/dsconv/tiled/depthwise.h"
#include "kernels/dsconv/tiled/epilogue.h"
#include "kernels/dsconv/tiled/load.h"
#include "kernels/dsconv/tiled/place.h"
#include "kernels/dsconv/tiled/product.h"

namespace assay::dsconv::tiled {

template <class T>
struct Tensors {
  const T* __restrict__ x;
  const T* __restrict__ w_dw, * __restrict__ b_dw;  // read by kDirect alone
  const float* __restrict__ packed;                 // all weights (prepack.h)
  T* __restrict__ y;
};

// The block's view of the memory behind Storage.
template <class T>
struct Rings {
  float* weights;  // two records
  T* x;            // two chunks of stage_elements
  Copy* copies;    // of the input tile; last, since what lies behind its end is read too
};

template <class B, class T>
__device__ __forceinline__ Rings<T> RingsOf(const Plan& plan, typename B::Storage& shared) {
  auto* at = reinterpret_cast<unsigned char*>(&shared + 1);
  Rings<T> rings;
  rings.weights = reinterpret_cast<float*>(at);
  at += 2 * plan.record_words * sizeof(float);
  rings.x = reinterpret_cast<T*>(at);
  at += 2 * plan.stage_elements * sizeof(T);
  rings.copies = reinterpret_cast<Copy*>(at);
  return rings;
}

template <class B, Depthwise kDepthwise, bool kChannelsLast, class T>
__device__ __forceinline__ void ComputeDepthwise(const Shape& shape, const Plan& plan, const Place& place,
                                                 const Tensors<T>& tensors, std::int32_t chunk, const T* x,
                                                 const float* weights, const std::int32_t* x_at,
                                                 float (*mid)[B::kMidPitch]) {
  if constexpr (kDepthwise == Depthwise::kDirect) {
    FromMemory<B>(shape, plan, place, tensors.x, tensors.w_dw, tensors.b_dw, chunk * B::kChunk, mid);
  } else if constexpr (!IsStrips(kDepthwise)) {
    constexpr int kSize = kDepthwise == Depthwise::kGather3 ? 3 : 0;
    if constexpr (kChannelsLast) {
      GatherFromPixels<B, kSize>(shape, plan, x, weights, x_at, mid);
    } else {
      GatherFromPlanes<B, kSize>(shape, plan, x, weights, x_at, mid);
    }
  } else {
    constexpr int kStride = kDepthwise == Depthwise::kStrips1 ? 1 : 2;
    if constexpr (kChannelsLast) {
      StripsOfPixels<B, kStride, PixelPitch(kDepthwise, B::kChunk)>(plan, x, weights, x_at, mid);
    } else {
      StripsOfPlanes<B, kStride>(plan, x, weights, x_at, mid);
    }
  }
}

// Begins to copy chunk `chunk` of the input tile. `image` points at image n0.
template <class B, int kColumn, bool kChannelsLast, class T>
__device__ __forceinline__ void LoadInput(const Shape& shape, const Plan& plan, const T* __restrict__ image,
                                          const Rings<T>& rings, std::int32_t count, std::int32_t chunk) {
  constexpr int kUnit = 16 / static_cast<int>(sizeof(T));
  T* to = rings.x + (chunk & 1) * plan.stage_elements;
  const std::int32_t c0 = chunk * B::kChunk;
  if constexpr (kChannelsLast) {
    plan.unit == kUnit ? LoadPixels<B, kUnit, kColumn>(shape, image, rings.copies, count, c0, to)
                       : LoadPixels<B, 1, kColumn>(shape, image, rings.copies, count, c0, to);
  } else if (plan.unit == kUnit) {
    LoadPlanes<B, kUnit>(shape, plan, image, rings.copies, count, c0, to);
  } else if (plan.unit == 2) {
    LoadPlanes<B, 2>(shape, plan, image, rings.copies, count, c0, to);
  } else {
    LoadPlanes<B, 1>(shape, plan, image, rings.copies, count, c0, to);
  }
}

template <class B, bool kChannelsLast, class T>
__device__ __forceinline__ void StoreSums(const Shape& shape, const Plan& plan, const Tensors<T>& tensors,
                                          const Lane<B>& lane, std::int32_t k0, typename B::Storage& shared,
                                          Sums<B>& sums) {
  AddBias<B>(plan, tensors.packed, k0 + lane.first_out(), sums);
  if constexpr (sizeof(T) == sizeof(float)) {
    if (plan.store_vectors) {
      if constexpr (kChannelsLast) {
        StorePixels<B>(shape, shared.y_at, lane.first_pixel(), k0 + lane.first_out(), tensors.y, sums);
      } else {
        StorePlanes<B>(shape, shared.y_at, lane.first_pixel(), k0 + lane.first_out(), tensors.y, sums);
      }
      return;
    }
  }
  __syncthreads();  // all have read what the stage lies over
  float* stage = &shared.mid[0][0][0] + threadIdx.x / 32 * B::kStageWords;
  StoreStaged<B, kChannelsLast>(shape, plan, shared.y_at, k0 + lane.warp_out, lane, stage, tensors.y, sums);
}

// So many blocks an SM leave registers enough; conversions from 16 bits take some more.
template <class B, class T>
inline constexpr int kResident = sizeof(T) == sizeof(float) ? B::kBlocksPerSm : (B::kBlocksPerSm + 1) / 2;

// Chunk i is multiplied while chunk i + 1 is made by the depthwise half and chunk i + 2 is on its way.
template <class B, Depthwise kDepthwise, bool kChannelsLast, class T>
__global__ void __launch_bounds__(B::kThreads, kResident<B, T>)
    TiledKernel(Shape shape, Plan plan, Tensors<T> tensors) {
  constexpr bool kDirect = kDepthwise == Depthwise::kDirect;
  constexpr int kColumn = kChannelsLast ? PixelPitch(kDepthwise, B::kChunk) : 1;
  auto& shared = dynamic_shared<typename B::Storage>();
  const Rings<T> rings = RingsOf<B, T>(plan, shared);
  const Place place = Place::Of<B>(shape, plan);
  const Lane<B> lane = Lane<B>::Of();
  const std::int32_t chunks = (shape.c + B::kChunk - 1) / B::kChunk;
  const T* image = tensors.x + place.n0 * shape.x.n;
  const float* record = tensors.packed + plan.k_padded +
                        static_cast<std::int64_t>(place.tile_out) * (chunks + 1) * plan.record_words;

  LocatePixels<B, kDirect, kColumn>(shape, plan, place, shared);
  const std::int32_t count = kDirect ? 0 : ListCopies<kColumn>(shape, plan, place, rings.copies);
  __syncthreads();

  // Between two barriers a warp has two things to do, in either order. The warps of a scheduler begin with
  // different ones: while some wait for shared memory, in the depthwise half, others have FFMA to issue.
  const int turn = static_cast<int>(blockIdx.x / 128 + threadIdx.x / 128);
  Sums<B> sums = {};
#pragma unroll 1
  for (std::int32_t chunk = -2; chunk < chunks; ++chunk) {
    const std::int32_t slot = chunk & 1;
    if (chunk >= 0) {
      device::WaitCopies<0>();
      __syncthreads();  // the chunk is made, what it needs besides is here, and the other buffers were read
    }
    if (chunk + 1 < chunks) {
      if (!kDirect && chunk + 2 < chunks) {
        LoadInput<B, kColumn, kChannelsLast>(shape, plan, image, rings, count, chunk + 2);
      }
      LoadWeights<B>(plan, record, rings.weights + slot * plan.record_words);
      record += plan.record_words;
    }
    device::CommitCopies();
    if (chunk == -2) continue;
    if (chunk == -1) {
      device::WaitCopies<1>();
      __syncthreads();
    }
    const float* weights = rings.weights + (slot ^ 1) * plan.record_words;
#pragma unroll 1
    for (int phase = 0; phase < 2; ++phase) {
      if (((turn + phase) & 1) != 0) {
        if (chunk >= 0) Multiply<B>(shared.mid[slot], weights, lane, sums);
      } else if (chunk + 1 < chunks) {
        ComputeDepthwise<B, kDepthwise, kChannelsLast>(
            shape, plan, place, tensors, chunk + 1, rings.x + (slot ^ 1) * plan.stage_elements,
            weights + B::kPointwise, shared.x_at, shared.mid[slot ^ 1]);
      }
    }
    if (!plan.mid_clamps) {
      __syncthreads();
      if (chunk + 1 < chunks) ActivateMid<B>(shape, shared.mid[slot ^ 1]);
    }
  }
  StoreSums<B, kChannelsLast>(shape, plan, tensors, lane, place.tile_out * B::kOut, shared, sums);
}

}  // namespace assay::dsconv::tiled
