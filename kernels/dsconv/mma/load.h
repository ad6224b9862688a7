// Input tiles and weights on their way to shared memory.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/async_copy.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/ptx/shared_load.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

// A block's tile of output pixels: its image (of several: which group of them), and its place down and
// across.
struct TileAt {
  std::int32_t n, down, across;

  __device__ __forceinline__ std::int32_t p0(const Plan& plan) const { return down * plan.rows; }
  __device__ __forceinline__ std::int32_t q0(const Plan& plan) const { return across * plan.columns; }

  // The block's next tile, gridDim.x further.
  __device__ __forceinline__ void Next(const Plan& plan) {
    across += plan.step_q, down += plan.step_p, n += plan.step_n;
    if (across >= plan.tiles_q) across -= plan.tiles_q, ++down;
    if (down >= plan.tiles_p) down -= plan.tiles_p, ++n;
  }
};

__device__ __forceinline__ TileAt PlaceOfTile(const Plan& plan, std::int32_t tile) {
  const std::int32_t in_image = tile % (plan.tiles_p * plan.tiles_q);
  return {tile / (plan.tiles_p * plan.tiles_q), in_image / plan.tiles_q, in_image % plan.tiles_q};
}

// Eight channels from c on of one pixel, one by one; zeros beyond C.
template <class T>
__device__ __forceinline__ uint4 GatherUnit(const Shape& shape, const T* __restrict__ pixel, std::int32_t c) {
  std::uint32_t pairs[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const std::int32_t first = c + 2 * i;
    const std::uint32_t low = first < shape.c ? device::BitsOf(pixel[first * shape.x.c]) : 0;
    const std::uint32_t high = first + 1 < shape.c ? device::BitsOf(pixel[(first + 1) * shape.x.c]) : 0;
    pairs[i] = low | high << 16;
  }
  return make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
}

// A warp takes every warps-th row of an input tile. In NHWC its lanes take a pixel's units of 8 channels,
// then the next pixel's, in NCHW pixels one by one, so that neighbouring lanes read neighbouring addresses.
template <class T>
__device__ __forceinline__ void LoadRowVectors(const Shape& shape, const Plan& plan,
                                               const T* __restrict__ row, bool inside, std::int32_t r,
                                               std::int32_t w0, std::int32_t c0, std::int32_t width, int lane,
                                               const T* __restrict__ x, char* to) {
  const std::int32_t units = width / 8, shift = units == 8 ? 3 : (units == 4 ? 2 : 1);
  const std::int32_t unit = lane & (units - 1), at_once = 32 >> shift;
  const bool channels = inside && c0 + 8 * unit < shape.c;
  std::int32_t column = lane >> shift, w = w0 + column;
  const T* from = row + (w * shape.x.w + c0 + 8 * unit);
  // 32 lanes further are 512 bytes, and where 8 pixels swizzle, 4 of these.
  std::int32_t offset = UnitOffset(width, r * plan.halo_columns + column) ^ unit << 4;
  const std::int32_t flip = units == 8 ? 64 : 0, next = at_once * shape.x.w;
#pragma unroll 4
  for (; column < plan.halo_columns; column += at_once) {
    const bool valid = channels && static_cast<std::uint32_t>(w) < static_cast<std::uint32_t>(shape.w);
    device::CopyAsync16(to + offset, valid ? from : x, valid);
    offset = (offset + 512) ^ flip, from += next, w += at_once;
  }
}

template <class T>
__device__ __forceinline__ void GatherRow(const Shape& shape, const Plan& plan, const T* __restrict__ row,
                                          bool inside, std::int32_t r, std::int32_t w0, std::int32_t c0,
                                          std::int32_t width, int lane, char* to) {
  const std::int32_t units = width / 8;
  for (std::int32_t i = lane; i < plan.halo_columns * units; i += 32) {
    const std::int32_t column = shape.channels_last ? i / units : i % plan.halo_columns;
    const std::int32_t unit = shape.channels_last ? i % units : i / plan.halo_columns;
    const std::int32_t w = w0 + column;
    const bool valid = inside && w >= 0 && w < shape.w;
    device::StoreUint4(
        to + (UnitOffset(width, r * plan.halo_columns + column) ^ unit << 4),
        valid ? GatherUnit(shape, row + w * shape.x.w, c0 + 8 * unit) : make_uint4(0, 0, 0, 0));
  }
}

// Begins to load a chunk of a block's input tile; zeros outside of the image.
template <class T>
__device__ __forceinline__ void LoadInputTile(const Shape& shape, const Plan& plan, const T* __restrict__ x,
                                              const TileAt& at, std::int32_t chunk, char* to) {
  const std::int32_t c0 = chunk * plan.chunk, width = WidthOf(plan, chunk);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int32_t h0 = at.p0(plan) * shape.stride_h - shape.pad_h;
  const std::int32_t w0 = at.q0(plan) * shape.stride_w - shape.pad_w;
  const std::int32_t rows = plan.images * plan.halo_rows;
  for (std::int32_t row = static_cast<std::int32_t>(threadIdx.x) / 32; row < rows; row += plan.warps) {
    const std::int32_t image = plan.images == 1 ? 0 : row / plan.halo_rows;
    const std::int32_t n = at.n * plan.images + image, h = h0 + row - image * plan.halo_rows;
    const bool inside = n < shape.n && h >= 0 && h < shape.h;
    const T* from = inside ? x + n * shape.x.n + h * shape.x.h : x;
    if (plan.vectors) {
      LoadRowVectors(shape, plan, from, inside, row, w0, c0, width, lane, x, to);
    } else {
      GatherRow(shape, plan, from, inside, row, w0, c0, width, lane, to);
    }
  }
}

// Begins to copy `bytes`, a multiple of 16.
__device__ __forceinline__ void LoadWeights(const char* __restrict__ from, std::int32_t bytes, char* to) {
  for (std::int32_t i = static_cast<std::int32_t>(threadIdx.x) * 16; i < bytes;
       i += static_cast<std::int32_t>(blockDim.x) * 16) {
    device::CopyAsync16(to + i, from + i, true);
  }
}

// Copies the chunks of a block's tiles by cp.async into a ring of stages, all but one stage ahead.
template <class T>
struct CopyLoader {
  static constexpr bool kAvailable = true;  // on the architecture that is compiled for
  static constexpr std::int32_t kBarrierBytes = 0;
  static constexpr int kWarps = 0, kMostStages = 4, kMostBlocks = 2;  // all warps load
  static constexpr std::int32_t kMostPixels = 1 << 20;
  static constexpr bool kBulk = false;
  using Source = const T*;  // x
  static constexpr int WarpsOf(int computing, int) { return computing; }

  const Shape& shape;
  const Plan& plan;
  Source x;
  const char* weights;
  char *resident, *ring;
  device::SharedPlace resident_place, exchange_place, ring_place;
  TileAt at, reading_at;  // of what is loaded and computed next
  std::int32_t tile = static_cast<std::int32_t>(blockIdx.x), reading_tile = tile;
  std::int32_t chunk = 0, slot = 0, next_slot = 0;

  __device__ __forceinline__ CopyLoader(const Shape& of_shape, const Plan& of_plan, const Source& from,
                                        const char* packed, char* shared)
      : shape(of_shape),
        plan(of_plan),
        x(from),
        weights(packed),
        resident(shared),
        ring(shared + of_plan.resident_bytes + of_plan.exchange_bytes),
        resident_place(device::PlaceOf(resident)),
        exchange_place(resident_place + of_plan.resident_bytes),
        ring_place(device::PlaceOf(ring)),
        at(PlaceOfTile(of_plan, static_cast<std::int32_t>(blockIdx.x))),
        reading_at(at) {
    if (plan.resident) LoadWeights(weights, plan.steps * plan.step_bytes, resident);
    for (int i = 0; i < plan.stages - 1; ++i) Next();
  }

  __device__ __forceinline__ bool IsLoading() const { return false; }
  template <int kMostWarps>
  __device__ __forceinline__ void Run() {}
  template <int kMostWarps>
  __device__ __forceinline__ void BeginComputing() {}

  // The block's next tile; false where there is none.
  __device__ __forceinline__ bool BeginTile(TileAt& next) {
    if (reading_tile >= plan.tiles) return false;
    next = reading_at, reading_tile += static_cast<std::int32_t>(gridDim.x), reading_at.Next(plan);
    return true;
  }

  // The next chunk's input tile, once it is there.
  __device__ __forceinline__ device::SharedPlace Acquire() {
    if (plan.stages == 2) {
      device::WaitCopies<0>();
    } else if (plan.stages == 3) {
      device::WaitCopies<1>();
    } else {
      device::WaitCopies<2>();
    }
    __syncthreads();  // all copies of the chunk are here, and all reads of the slot that is loaded next done
    Next();
    const device::SharedPlace stage = ring_place + slot * plan.stage_bytes;
    if (++slot == plan.stages) slot = 0;
    return stage;
  }

  __device__ __forceinline__ void Release(int) {}

 private:
  __device__ __forceinline__ void Next() {
    if (tile < plan.tiles) {
      char* to = ring + next_slot * plan.stage_bytes;
      LoadInputTile(shape, plan, x, at, chunk, to);
      if (!plan.resident) {
        LoadWeights(weights + static_cast<std::int64_t>(chunk) * (plan.chunk / 16) * plan.step_bytes,
                    StepsOf(plan, chunk) * plan.step_bytes, to + plan.x_bytes);
      }
      if (++chunk == plan.chunks) {
        chunk = 0, tile += static_cast<std::int32_t>(gridDim.x), at.Next(plan);
      }
      if (++next_slot == plan.stages) next_slot = 0;
    }
    device::CommitCopies();  // an empty group keeps the count
  }
};

}  // namespace assay::dsconv::mma
