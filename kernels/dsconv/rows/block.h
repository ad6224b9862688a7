// What the warps of a block share, which rows of which images it takes, and the copies of these.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/dsconv/ring.h"
#include "kernels/dsconv/rows/plan.h"

namespace assay::dsconv::rows {

struct Block {
  const Shape& shape;
  const Plan& plan;
  const char* workspace;
  std::uint64_t *x_filled, *x_free, *a_filled, *a_free, *w_filled;
  char *weights, *biases, *operands, *x_ring;

  __device__ __forceinline__ Block(const Shape& of_shape, const Plan& of_plan, const char* packed,
                                   char* shared)
      : shape(of_shape), plan(of_plan), workspace(packed) {
    x_filled = reinterpret_cast<std::uint64_t*>(shared), x_free = x_filled + kMostStages;
    a_filled = x_free + kMostStages, a_free = a_filled + kSlots, w_filled = a_free + kSlots;
    weights = shared + plan.weights_at, biases = weights + plan.pieces * plan.weight_bytes;
    operands = shared + plan.operands_at, x_ring = shared + plan.x_at;
  }
};

// A band of an image: its rows of outputs, and the rows of x that they need, from `h` on, of which some may
// lie outside. Rows are copied and used by stages, as many at once as one row of outputs is below the other.
struct Band {
  std::int32_t n, p, outputs;   // the image; the first row of outputs, and how many there are
  std::int32_t stages;          // of rows of x
  std::int32_t h, first, last;  // of the rows, those that are needed and in the image are [first, last)

  __device__ __forceinline__ Band(const Shape& shape, const Plan& plan, std::int32_t item) {
    const std::int32_t bands = (shape.p + plan.band_rows - 1) / plan.band_rows;
    n = item / bands, p = (item - n * bands) * plan.band_rows;
    outputs = min(plan.band_rows, shape.p - p), stages = outputs + StagesBefore(shape.stride_h);
    h = p * shape.stride_h - shape.pad_h, first = -h;
    last = min(shape.h - h, (outputs - 1) * shape.stride_h + 3);
  }
  __device__ __forceinline__ bool Has(std::int32_t row) const { return row >= first && row < last; }
};

// Copies the rows of x of all bands of the block, by one thread.
__device__ __forceinline__ void LoadBands(const Block& block, const char* x) {
  const Plan& plan = block.plan;
  const auto bytes = static_cast<std::uint32_t>(plan.row_bytes);
  RingAt at;
  for (std::int32_t item = static_cast<std::int32_t>(blockIdx.x); item < plan.items;
       item += static_cast<std::int32_t>(gridDim.x)) {
    const Band band(block.shape, plan, item);
    const char* from =
        x + (static_cast<std::int64_t>(band.n) * block.shape.h + band.h) * std::int64_t{plan.row_bytes};
    for (std::int32_t stage = 0; stage < band.stages; ++stage) {
      const std::int32_t row = stage * plan.stage_rows;
      const bool has[2] = {band.Has(row), plan.stage_rows == 2 && band.Has(row + 1)};
      std::uint64_t* const barrier = block.x_filled + at.slot;
      device::WaitBarrier(block.x_free + at.slot, at.parity ^ 1);
      device::ArriveAndExpect(barrier, (has[0] ? bytes : 0) + (has[1] ? bytes : 0));
      char* const to = block.x_ring + at.slot * plan.stage_rows * plan.pitch + plan.pad_bytes;
      if (has[0]) device::CopyBulk(to, from, bytes, barrier);
      if (has[1]) device::CopyBulk(to + plan.pitch, from + plan.row_bytes, bytes, barrier);
      from += plan.stage_rows * std::int64_t{plan.row_bytes};
      at.Next(plan.stages);
    }
  }
}

}  // namespace assay::dsconv::rows

#endif
