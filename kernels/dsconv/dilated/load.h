// The warps that copy: one rows of x and depthwise filters, one weights.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/dsconv/dilated/block.h"
#include "kernels/dsconv/wide/place.h"

namespace assay::dsconv::dilated {

// A lane copies a row, which may be none.
__device__ __forceinline__ void LoadInput(const Block& block, const CUtensorMap* map, int lane) {
  if (lane == 0) device::PrefetchMap(map);
  const Plan& plan = block.plan;
  const TileAt at = TileOf(block.shape, plan, static_cast<std::int32_t>(blockIdx.x));
  const std::uint32_t copied = CopiedRows(block.shape, at, lane);
  const bool copies = (copied >> lane & 1) != 0;
  const std::int32_t image = at.SegmentOf(lane).image, row = at.RowOf(block.shape, lane);
  const std::int32_t to = block.RowAt(SlotOf(copied, lane));
  const auto bytes = static_cast<std::uint32_t>(__popc(copied) * plan.span * kPixelBytes + kFilterBytes);
  wide::RingAt x;
#pragma unroll 1
  for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
    device::WaitBarrier(block.x_free + x.slot, x.freed());
    std::uint64_t* barrier = block.x_filled + FilledBarrier(chunk % kTeams, x.slot);
    char* stage = block.x_ring + x.slot * plan.input_bytes;
    if (lane == 0) device::ArriveAndExpect(barrier, bytes);
    __syncwarp();
    if (copies) device::CopyBox4(stage + to, map, barrier, chunk * plan.chunk, at.first_w, row, image);
    if (lane == 0) {
      device::CopyBulk(stage, block.workspace + plan.filters_from + chunk * kFilterBytes, kFilterBytes,
                       barrier);
    }
    x.Next(plan.tile.inputs);
  }
}

__device__ __forceinline__ void LoadWeights(const Block& block, int lane) {
  if (lane != 0) return;
  const Plan& plan = block.plan;
  const char* packed = block.workspace + plan.weights_from +
                       static_cast<std::int64_t>(blockIdx.y) * plan.chunks * plan.weight_bytes;
  const auto bytes = static_cast<std::uint32_t>(plan.weight_bytes);
  wide::RingAt w;
#pragma unroll 1
  for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk, packed += plan.weight_bytes) {
    device::WaitBarrier(block.w_free + w.slot, w.freed());
    std::uint64_t* barrier = block.w_filled + w.slot;
    device::ArriveAndExpect(barrier, bytes);
    device::CopyBulk(block.w_ring + w.slot * plan.weight_bytes, packed, bytes, barrier);
    w.Next(plan.tile.weights);
  }
}

}  // namespace assay::dsconv::dilated

#endif
