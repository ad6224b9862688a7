// Input tiles and weights on their way to shared memory.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/async_copy.h"
#include "kernels/dsconv/tf32/plan.h"

namespace assay::dsconv::tf32 {

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

__device__ __forceinline__ TileAt FirstTile(const Plan& plan) {
  const std::int32_t tile = static_cast<std::int32_t>(blockIdx.x), of_image = plan.tiles_p * plan.tiles_q;
  return {tile / of_image, tile % of_image / plan.tiles_q, tile % of_image % plan.tiles_q};
}

// The next kUnit elements of a row, or zeros.
template <int kUnit>
__device__ __forceinline__ void CopyUnit(float* to, const float* from, bool valid) {
  if constexpr (kUnit == 4) {
    device::CopyAsync16(to, from, valid);
  } else {
    device::CopyAsync4(to, from, valid);
  }
}

// What a block loads: `h0` and `w0` are the input tile's first row and column, `c0` its first channel.
struct TileFrom {
  const float* __restrict__ x;
  std::int32_t n0, h0, w0, c0;
};

// Where row `row` of a tile comes from: its image and row there.
struct RowFrom {
  std::int32_t n, h;
  bool inside;

  __device__ __forceinline__ RowFrom(const Shape& shape, const Plan& plan, const TileFrom& tile,
                                     std::int32_t row) {
    const std::int32_t image = plan.images == 1 ? 0 : row / plan.by_halo_rows;
    n = tile.n0 + image, h = tile.h0 + row - image * plan.halo_rows;
    inside = n < shape.n && static_cast<std::uint32_t>(h) < static_cast<std::uint32_t>(shape.h);
  }
};

// NCHW: a thread takes a place in the plane, and it in one channel after the other.
template <int kUnit>
__device__ __forceinline__ void LoadPlanes(const Shape& shape, const Plan& plan, const TileFrom& tile,
                                           float* to) {
  const std::int32_t threads = 32 * plan.warps, channels = plan.groups * kGroup;
  const std::int32_t there = min(channels, shape.c - tile.c0);
  std::int32_t position = static_cast<std::int32_t>(threadIdx.x), first = 0;
  if (plan.at_once > 1) {
    first = position / plan.by_positions;
    position -= first * plan.positions;
    if (first >= plan.at_once) return;
  }
  for (; position < plan.positions; position += threads) {
    const std::int32_t row = position / plan.by_row;
    const std::int32_t column = (position - row * static_cast<std::int32_t>(plan.by_row.divisor)) * kUnit;
    const std::int32_t w = tile.w0 - plan.skew + column;
    const RowFrom at(shape, plan, tile, row);
    const bool inside =
        at.inside && static_cast<std::uint32_t>(w) < static_cast<std::uint32_t>(shape.w) && first < there;
    const float* from =
        inside ? tile.x + (at.n * shape.x.n + (tile.c0 + first) * shape.x.c + at.h * shape.x.h + w) : tile.x;
    const std::int64_t step = plan.at_once * shape.x.c;
    float* at_plane = to + first * plan.plane + row * plan.pitch + column;
    std::int32_t channel = first;
#pragma unroll 4
    for (; channel < there; channel += plan.at_once) {
      CopyUnit<kUnit>(at_plane, from, inside);
      if (inside) from += step;
      at_plane += plan.at_once * plan.plane;
    }
    for (; channel < channels; channel += plan.at_once) {
      CopyUnit<kUnit>(at_plane, tile.x, false);
      at_plane += plan.at_once * plan.plane;
    }
  }
}

// NHWC: neighbouring threads take the units of a group's channels of a pixel, then those of the next pixel.
template <int kUnit>
__device__ __forceinline__ void LoadPixels(const Shape& shape, const Plan& plan, const TileFrom& tile,
                                           float* to) {
  constexpr std::int32_t kUnits = kGroup / kUnit;
  for (std::int32_t i = static_cast<std::int32_t>(threadIdx.x); i < plan.positions; i += 32 * plan.warps) {
    const std::int32_t pixel = i / kUnits, channel = tile.c0 + i % kUnits * kUnit;
    const std::int32_t row = pixel / plan.by_row, w = tile.w0 + pixel - row * plan.pitch;
    const RowFrom at(shape, plan, tile, row);
    const bool inside = at.inside && static_cast<std::uint32_t>(w) < static_cast<std::uint32_t>(shape.w);
    const float* from =
        inside ? tile.x + (at.n * shape.x.n + at.h * shape.x.h + w * shape.x.w + channel) : tile.x;
    for (std::int32_t group = 0; group < plan.groups; ++group) {
      const bool valid = inside && channel + group * kGroup < shape.c;
      CopyUnit<kUnit>(to + group * plan.group_x_words + i * kUnit, valid ? from + group * kGroup : tile.x,
                      valid);
    }
  }
}

// Begins to copy `bytes`, a multiple of 16.
__device__ __forceinline__ void LoadWeights(const char* __restrict__ from, std::int64_t bytes, char* to) {
  for (std::int64_t i = static_cast<std::int64_t>(threadIdx.x) * 16; i < bytes;
       i += static_cast<std::int64_t>(blockDim.x) * 16) {
    device::CopyAsync16(to + i, from + i, true);
  }
}

// Copies the chunks of a block's tiles into a ring of stages, all but one stage ahead.
template <bool kChannelsLast>
struct Loader {
  const Shape& shape;
  const Plan& plan;
  const float* x;
  const char* weights;
  char *resident, *ring;
  TileAt at;
  std::int32_t tile = static_cast<std::int32_t>(blockIdx.x), chunk = 0, slot = 0, next_slot = 0;

  __device__ __forceinline__ Loader(const Shape& of_shape, const Plan& of_plan, const float* from,
                                    const char* packed, char* shared)
      : shape(of_shape),
        plan(of_plan),
        x(from),
        weights(packed),
        resident(shared),
        ring(shared + of_plan.resident_bytes),
        at(FirstTile(of_plan)) {
    if (plan.resident) LoadWeights(weights, plan.resident_bytes, resident);
    for (int i = 0; i < plan.stages - 1; ++i) Next();
  }

  // The next chunk's input tile, once it is there.
  __device__ __forceinline__ const char* Acquire() {
    if (plan.stages == 2) {
      device::WaitCopies<0>();
    } else if (plan.stages == 3) {
      device::WaitCopies<1>();
    } else {
      device::WaitCopies<2>();
    }
    __syncthreads();  // all copies of the chunk are here, and all reads of the slot that is loaded next done
    Next();
    const char* stage = ring + slot * plan.stage_bytes;
    if (++slot == plan.stages) slot = 0;
    return stage;
  }

 private:
  __device__ __forceinline__ void LoadTile(float* to) const {
    const TileFrom from = {x, at.n * plan.images, at.p0(plan) * shape.stride_h - shape.pad_h,
                           at.q0(plan) * shape.stride_w - shape.pad_w, chunk * plan.groups * kGroup};
    if constexpr (kChannelsLast) {
      plan.vectors ? LoadPixels<4>(shape, plan, from, to) : LoadPixels<1>(shape, plan, from, to);
    } else {
      plan.vectors ? LoadPlanes<4>(shape, plan, from, to) : LoadPlanes<1>(shape, plan, from, to);
    }
  }

  __device__ __forceinline__ void Next() {
    if (tile < plan.tiles) {
      char* to = ring + next_slot * plan.stage_bytes;
      if (!plan.direct) LoadTile(reinterpret_cast<float*>(to));
      if (!plan.resident) {
        LoadWeights(weights + static_cast<std::int64_t>(chunk) * plan.weight_bytes, plan.weight_bytes,
                    to + plan.x_bytes);
      }
      if (++chunk == plan.chunks) chunk = 0, tile += static_cast<std::int32_t>(gridDim.x), at.Next(plan);
      if (++next_slot == plan.stages) next_slot = 0;
    }
    device::CommitCopies();  // an empty group keeps the count
  }
};

}  // namespace assay::dsconv::tf32
