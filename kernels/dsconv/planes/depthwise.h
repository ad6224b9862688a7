// The depthwise half, from planes: one warp copies units of x into a ring of stages, the others make operands
// of them, a lane four channels of a column. It goes down the rows and adds each to all sums under way that
// it is a tap of (fp32); what is finished goes to the workspace, 16 bytes a lane, eight lanes 128 in a row.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/phases/block.h"
#include "kernels/dsconv/phases/lane.h"
#include "kernels/dsconv/planes/plan.h"

namespace assay::dsconv::planes {

// The ring of x.
struct Ring {
  std::uint64_t *filled, *free;
  char* stages;

  __device__ __forceinline__ explicit Ring(const phases::Block& block)
      : filled(block.inputs), free(filled + kMostStages), stages(block.outputs) {}

  // By one warp. Every lane of every worker gives a stage back, so that none is a round of the ring behind.
  __device__ __forceinline__ void InitBarriers(const Plan& plan, int lane) const {
    if (lane < plan.stages) {
      device::InitBarrier(filled + lane, 1);
      device::InitBarrier(free + lane, std::uint32_t{kWorkers * 32});
      device::FenceBarrierInit();
    }
  }
};

// This block's units in turn, by a warp.
__device__ __forceinline__ void CopyUnits(const phases::Block& block, const Plan& plan, const Ring& ring,
                                          const float* x, int lane) {
  const Shape& shape = block.shape;
  const std::int32_t plane = shape.h * shape.w;
  RingAt at;
  for (auto unit = static_cast<std::int32_t>(blockIdx.x); unit < plan.units;
       unit += static_cast<std::int32_t>(gridDim.x), at.Next(plan.stages)) {
    const UnitAt of(shape, plan, unit);
    const std::int32_t channels = of.channels(shape, plan);
    // A copy is of a quad's planes, or of a channel's rows, from and to a multiple of 16 bytes.
    const std::int32_t copies = plan.whole ? channels / kQuad : (of.rows_in > 0 ? channels : 0);
    const std::int32_t from = plan.whole ? lane * kQuad * plane : lane * plane + of.h * shape.w;
    const std::int32_t floats = plan.whole ? kQuad * plane : of.rows_in * shape.w, skew = from % 4;
    const auto bytes = static_cast<std::uint32_t>(wide::RoundUp(floats + skew, std::int32_t{4}) * 4);
    const std::uint32_t all = __reduce_add_sync(0xffffffffu, lane < copies ? bytes : 0u);
    std::uint64_t* barrier = ring.filled + at.slot;
    char* stage = ring.stages + at.slot * plan.stage_bytes;
    device::WaitBarrier(ring.free + at.slot, at.parity ^ 1);
    if (lane == 0) {
      device::ArriveAndExpect(barrier, all + kFilterBytes);
      device::CopyBulk(stage,
                       block.workspace + plan.products.filters_from + of.c / kChunk * kFilterBytes,
                       kFilterBytes, barrier);
    }
    __syncwarp();
    if (lane < copies) {
      const std::int32_t quad = plan.whole ? lane : lane / kQuad;
      char* to = stage + kFilterBytes + quad * plan.quad_bytes +
                 (plan.whole ? 0 : lane % kQuad * plan.plane_floats * 4);
      const float* image = x + (static_cast<std::int64_t>(of.image) * shape.c + of.c) * plane;
      device::CopyBulk(to, image + (from - skew), bytes, barrier);
    }
  }
}

// One item of a unit.
template <int kStride, bool kClamps>
class Item {
  using Lane = phases::LaneOf<float>;
  static constexpr int kSets = kStride == 1 ? 3 : 2;   // outputs of a column under way
  static constexpr int kRound = kStride == 1 ? 3 : 4;  // rows until all is where it was

 public:
  __device__ __forceinline__ Item(const phases::Block& block, const Plan& plan, const char* stage,
                                  const UnitAt& unit, std::int32_t item, int lane)
      : shape_(block.shape), clamp_(plan.products.middle) {
    const std::int32_t segment = plan.by_spans.Quotient(item), quad = lane % plan.quads;
    const std::int32_t q = (item - segment * plan.spans) * plan.columns + lane / plan.quads;
    const std::int32_t above = segment * plan.segment_rows, p = unit.p + above;
    // None, or less, where the last band is shorter: what is read then are rows of its last outputs.
    outputs_ = min(plan.segment_rows, unit.rows_out - above);
    stores_ = q < shape_.q;
    const bool is_there = stores_ && unit.c + quad * kQuad < shape_.c;  // else zeros, as filters are
    const auto* floats = reinterpret_cast<const float*>(stage);
    const std::int32_t place = unit.c % kChunk + quad * kQuad;
#pragma unroll
    for (int i = 0; i < 9; ++i) filter_[i] = device::LoadFloat4(floats + i * kChunk + place);
    bias_ = device::LoadFloat4(floats + 9 * kChunk + place);
    const std::int32_t w = q * kStride - shape_.pad_w;
#pragma unroll
    for (int s = 0; s < 3; ++s)
      inside_[s] = is_there && static_cast<std::uint32_t>(w + s) < static_cast<std::uint32_t>(shape_.w);
    h_ = p * kStride - shape_.pad_h;
    const float* column =
        floats + kFilterFloats + quad * (plan.quad_bytes / 4) + (h_ - unit.h) * shape_.w + w;
#pragma unroll
    for (int i = 0; i < kQuad; ++i) {
      const std::int32_t skew = plan.whole ? 0 : (i * shape_.h * shape_.w + unit.h * shape_.w) % 4;
      columns_[i] = column + i * plan.plane_floats + skew;
    }
    const std::int64_t pixel = static_cast<std::int64_t>(unit.c / kChunk) * plan.products.pixels +
                               (unit.image * shape_.p + p) * shape_.q + q;
    to_ = block.workspace + plan.products.operands_from + pixel * phases::kPixelBytes + place * 4;
#pragma unroll
    for (int i = 0; i < kSets; ++i) sums_[i] = bias_;
  }

  __device__ __forceinline__ void Make() {
    const std::int32_t rows = (outputs_ - 1) * kStride + 3;
#pragma unroll 1
    for (std::int32_t first = 0; first < rows; first += kRound) {
#pragma unroll
      for (int i = 0; i < kRound; ++i) {
        if (first + i >= rows) break;
        AddRow(i);
        if (kStride == 1 || i % 2 == 0) Store(SetOf(i - 2), first + i >= 2);
      }
    }
  }

 private:
  // Of the output whose first tap lies in row `i`.
  static __device__ constexpr int SetOf(int i) { return (i / kStride + kSets * 4) % kSets; }

  __device__ __forceinline__ void AddRow(int i) {
    const bool row = static_cast<std::uint32_t>(h_) < static_cast<std::uint32_t>(shape_.h);
    float x[3][kQuad];
#pragma unroll
    for (int s = 0; s < 3; ++s) {
#pragma unroll
      for (int c = 0; c < kQuad; ++c) {
        x[s][c] = 0;
        if (row && inside_[s]) x[s][c] = columns_[c][s];
      }
    }
#pragma unroll
    for (int r = 0; r < 3; ++r) {
      if (kStride == 2 && (i - r) % 2 != 0) continue;
#pragma unroll
      for (int s = 0; s < 3; ++s) {
        float4& sum = sums_[SetOf(i - r)];
        const float4 w = filter_[r * 3 + s], from = r == 0 && s == 0 ? bias_ : sum;
        sum = make_float4(fmaf(x[s][0], w.x, from.x), fmaf(x[s][1], w.y, from.y), fmaf(x[s][2], w.z, from.z),
                          fmaf(x[s][3], w.w, from.w));
      }
    }
    ++h_;
#pragma unroll
    for (int c = 0; c < kQuad; ++c) columns_[c] += shape_.w;
  }

  __device__ __forceinline__ void Store(int set, bool made) {
    const float4 sum = sums_[set];
    const uint2 low = Lane::Operands<kClamps>(clamp_, make_float2(sum.x, sum.y)),
                high = Lane::Operands<kClamps>(clamp_, make_float2(sum.z, sum.w));
    device::StoreFourIf(made && stores_, to_, make_uint4(low.x, low.y, high.x, high.y));
    if (made) to_ += static_cast<std::int64_t>(shape_.q) * phases::kPixelBytes;
  }

  const Shape& shape_;
  const wide::Clamp& clamp_;
  std::int32_t outputs_, h_;
  bool stores_, inside_[3];
  const float* columns_[kQuad];
  char* to_;
  float4 filter_[9], bias_, sums_[kSets];
};

// Worker `worker` of kWorkers.
template <int kStride, bool kClamps>
__device__ __forceinline__ void MakeItems(const phases::Block& block, const Plan& plan, const Ring& ring,
                                          int worker, int lane) {
  RingAt at;
  std::int32_t item = worker;  // the next one, from the unit's first on
  for (auto unit = static_cast<std::int32_t>(blockIdx.x); unit < plan.units;
       unit += static_cast<std::int32_t>(gridDim.x), at.Next(plan.stages)) {
    device::WaitBarrier(ring.filled + at.slot, at.parity);
    if (item < plan.items) {
      const UnitAt of(block.shape, plan, unit);
      const char* stage = ring.stages + at.slot * plan.stage_bytes;
      for (; item < plan.items; item += kWorkers)
        Item<kStride, kClamps>(block, plan, stage, of, item, lane).Make();
    }
    item -= plan.items;
    device::ArriveBarrier(ring.free + at.slot);
    __syncwarp();
  }
}

// This block's part, by all its warps.
template <int kStride>
__device__ __forceinline__ void MakeOperands(const phases::Block& block, const Plan& plan, const float* x,
                                             int warp, int lane) {
  const Ring ring(block);
  if (warp == 0) ring.InitBarriers(plan, lane);
  __syncthreads();
  if (warp == 0) {
    CopyUnits(block, plan, ring, x, lane);
  } else if (block.shape.act_mid == device::Activation::kNone) {
    MakeItems<kStride, false>(block, plan, ring, warp - 1, lane);
  } else {
    MakeItems<kStride, true>(block, plan, ring, warp - 1, lane);
  }
  phases::AnnounceOperands(block, warp, lane);
}

}  // namespace assay::dsconv::planes

#endif
