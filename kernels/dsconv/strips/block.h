// What the warps of a block share, where its tiles are, and the copies of x and of the weights.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/dsconv/sparse/block.h"
#include "kernels/dsconv/strips/plan.h"

namespace assay::dsconv::strips {

// Half a tile: its image, strip and place in that.
struct HalfAt {
  std::int32_t n, strip, down;

  // The upper one of the block's first tile, and of its next one.
  static __device__ __forceinline__ HalfAt First(const Plan& plan) {
    const std::int32_t half = 2 * static_cast<std::int32_t>(blockIdx.x), n = half / plan.halves_of_image,
                       in_image = half - n * plan.halves_of_image, strip = in_image / plan.halves_down;
    return {n, strip, in_image - strip * plan.halves_down};
  }
  __device__ __forceinline__ void NextTile(const Plan& plan) {
    n += plan.step_n, strip += plan.step_strip, down += plan.step_down;
    Carry(plan);
  }
  // The one that follows it.
  __device__ __forceinline__ HalfAt Next(const Plan& plan) const {
    HalfAt next = {n, strip, down + 1};
    next.Carry(plan);
    return next;
  }
  // Whether that is in another strip.
  __device__ __forceinline__ bool EndsStrip(const Plan& plan) const { return down + 1 == plan.halves_down; }
  __device__ __forceinline__ std::int32_t P(const Plan& plan) const { return down * plan.tile.pairs; }
  __device__ __forceinline__ std::int32_t Q() const { return strip * 8; }

 private:
  __device__ __forceinline__ void Carry(const Plan& plan) {
    if (down >= plan.halves_down) down -= plan.halves_down, ++strip;
    if (strip >= plan.strips) strip -= plan.strips, ++n;
  }
};

struct Block {
  const Shape& shape;
  const Plan& plan;
  const char* workspace;
  std::uint64_t *x_filled, *a_filled, *a_free, *w_filled, *f_filled;
  float* biases;
  char *x_ring, *a_ring, *outputs, *weights, *filters;

  __device__ __forceinline__ Block(const Shape& of_shape, const Plan& of_plan, const char* packed,
                                   char* shared)
      : shape(of_shape), plan(of_plan), workspace(packed) {
    x_filled = reinterpret_cast<std::uint64_t*>(shared);
    a_filled = x_filled + kMostStages, a_free = a_filled + kMostStages;
    w_filled = a_free + kMostStages, f_filled = w_filled + kMostChunks;
    biases = reinterpret_cast<float*>(shared + kBarrierBytes);
    x_ring = shared + kHeadBytes;
    a_ring = x_ring + plan.tile.inputs * plan.input_bytes;
    outputs = a_ring + plan.tile.operands * plan.operand_bytes;
    weights = outputs + kMultiplyWarps * plan.tile.boxes * kBoxBytes;
    filters = weights + plan.chunks * plan.weight_bytes;
  }
};

// Chunks of x in turn, those of all tiles. Beyond the last half images are none, and zeros come.
template <int kStride>
struct InputLoader {
  const Block& block;
  const CUtensorMap *whole, *half;
  std::int32_t chunk = 0, slot = 0;
  HalfAt upper;

  __device__ __forceinline__ InputLoader(const Block& of_block, const CUtensorMap* map_of_tile,
                                         const CUtensorMap* map_of_half)
      : block(of_block), whole(map_of_tile), half(map_of_half), upper(HalfAt::First(of_block.plan)) {}

  __device__ __forceinline__ void Skip(std::int32_t by) {
    chunk += by;
    while (chunk >= block.plan.chunks) chunk -= block.plan.chunks, upper.NextTile(block.plan);
  }
  __device__ __forceinline__ void SkipSlots(std::int32_t by) {
    slot += by;
    if (slot >= block.plan.tile.inputs) slot -= block.plan.tile.inputs;
  }
  __device__ __forceinline__ void Load() const {
    const Plan& plan = block.plan;
    char* to = block.x_ring + slot * plan.input_bytes;
    std::uint64_t* barrier = block.x_filled + slot;
    const bool splits = upper.EndsStrip(plan);
    device::ArriveAndExpect(
        barrier, static_cast<std::uint32_t>(kStride * (splits ? 2 * plan.half_bytes : plan.box_bytes)));
#pragma unroll
    for (std::int32_t plane = 0; plane < kStride; ++plane) {
      Copy(to + plane * plan.plane_bytes, splits ? half : whole, barrier, plane, upper);
      if (splits) {
        Copy(to + plane * plan.plane_bytes + plan.half_bytes, half, barrier, plane, upper.Next(plan));
      }
    }
  }

 private:
  __device__ __forceinline__ void Copy(char* to, const CUtensorMap* map, std::uint64_t* barrier,
                                       std::int32_t plane, const HalfAt& at) const {
    const Plan& plan = block.plan;
    device::CopyBox4(to, map, barrier, plane * block.shape.c + chunk * kChunk, at.Q() + plan.first_column,
                     at.P(plan) * kStride + plan.first_row, at.n);
  }
};

// All weights, which stay: a thread copies them.
__device__ __forceinline__ void LoadWeights(const Block& block) {
  const Plan& plan = block.plan;
  const auto filter_bytes = static_cast<std::uint32_t>(plan.filter_bytes);
  device::ArriveAndExpect(block.f_filled, filter_bytes);
  device::CopyBulk(block.filters, block.workspace + plan.filters_from, filter_bytes, block.f_filled);
  const char* from = block.workspace + plan.weights_from +
                     static_cast<std::int64_t>(blockIdx.y) * plan.chunks * plan.weight_bytes;
  for (std::int32_t i = 0; i < plan.chunks; ++i) {
    device::ArriveAndExpect(block.w_filled + i, static_cast<std::uint32_t>(plan.weight_bytes));
    device::CopyBulk(block.weights + i * plan.weight_bytes, from + i * plan.weight_bytes,
                     static_cast<std::uint32_t>(plan.weight_bytes), block.w_filled + i);
  }
}

}  // namespace assay::dsconv::strips

#endif
