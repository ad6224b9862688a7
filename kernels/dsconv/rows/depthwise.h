// The depthwise half in fp32: a lane makes kSpan neighbouring columns of four channels, going down the rows
// of x. What it reads of a row it adds to all rows of outputs under way that it is a tap of.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/shared_load.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/dsconv/phases/lane.h"
#include "kernels/dsconv/rows/block.h"

namespace assay::dsconv::rows {

template <class T, int kStride, int kSpan, bool kClamps>
class Maker {
  using Lane = phases::LaneOf<T>;
  static constexpr int kColumns = (kSpan - 1) * kStride + 3;  // of x
  static constexpr int kSets = StagesBefore(kStride) + 1;     // rows of outputs under way

 public:
  __device__ __forceinline__ Maker(const Block& block, int thread)
      : block_(block), plan_(block.plan), stores_(thread < plan_.groups * plan_.spans) {
    const std::int32_t item = min(thread, plan_.groups * plan_.spans - 1), group = item % plan_.groups,
                       q = item / plan_.groups * kSpan;
    from_ = device::SharedAddress(block.x_ring) +
            static_cast<std::uint32_t>(q * kStride * plan_.pixel_bytes + group * 8);
    const float* filters = reinterpret_cast<const float*>(block.workspace) + group / 16 * (10 * kChunk) +
                           group % 16 * kLaneChannels;
#pragma unroll
    for (int i = 0; i < 9; ++i) filter_[i] = device::LoadFloat4(filters + i * kChunk);
    bias_ = device::LoadFloat4(filters + 9 * kChunk);
#pragma unroll
    for (int i = 0; i < kSpan; ++i) {
      const std::int32_t pixel = q + i;
      to_[i] = device::SharedAddress(block.operands) +
               static_cast<std::uint32_t>(
                   ((pixel / kPixels * plan_.chunks + group / 16) * kPixels + pixel % kPixels) * kPixelBytes +
                   ((group % 16 / 2) ^ (pixel & 7)) * 16 + group % 2 * 8);
    }
  }

  __device__ __forceinline__ void Make(const Band& band) {
    for (std::int32_t stage = 0; stage < band.stages; stage += kSets) {
#pragma unroll
      for (int i = 0; i < kSets; ++i) {
        if (stage + i < band.stages) AddStage(i, band, stage + i);
      }
    }
  }

 private:
  // Of the row of outputs that begins `back` stages before stage `i`.
  static __device__ constexpr int SetOf(int i, int back) { return (i - back + kSets) % kSets; }

  // As many rows of x as one row of outputs is below the other: in the first one the sums of set `i` begin.
  __device__ __forceinline__ void AddStage(int i, const Band& band, std::int32_t stage) {
    device::WaitBarrier(block_.x_filled + x_.slot, x_.parity);
    const std::uint32_t at = from_ + static_cast<std::uint32_t>(x_.slot * kStride * plan_.pitch);
    if (band.Has(stage * kStride)) {
      AddRow(0, i, at);
    } else {
      Start(i);
    }
    if (kStride == 2 && band.Has(stage * 2 + 1)) AddRow(1, i, at + static_cast<std::uint32_t>(plan_.pitch));
    device::ArriveBarrier(block_.x_free + x_.slot);
    x_.Next(plan_.stages);
    if (stage >= StagesBefore(kStride))
      HandOver(sums_[SetOf(i, StagesBefore(kStride))], stage + 1 == band.stages);
  }

  // Row `row` of the stage.
  __device__ __forceinline__ void AddRow(int row, int i, std::uint32_t at) {
#pragma unroll
    for (int column = 0; column < kColumns; ++column) {
      const float4 value =
          Lane::Of(device::LoadTwo(at + static_cast<std::uint32_t>(column * plan_.pixel_bytes)));
#pragma unroll
      for (int r = 2; r >= 0; --r) {
        if ((r - row) % kStride == 0) AddColumn(value, r, column, sums_[SetOf(i, r / kStride)]);
      }
    }
  }
  __device__ __forceinline__ void AddColumn(float4 value, int r, int column, float4 (&sums)[kSpan]) const {
#pragma unroll
    for (int s = 0; s < 3; ++s) {
      if (column < s || (column - s) % kStride != 0 || (column - s) / kStride >= kSpan) continue;
      float4& sum = sums[(column - s) / kStride];
      sum = Lane::Add(value, filter_[r * 3 + s], r == 0 && s == 0 ? bias_ : sum);
    }
  }

  // What a first row does where it lies outside. Volatile, or the compiler does it every time.
  __device__ __forceinline__ void Start(int set) {
#pragma unroll
    for (int i = 0; i < kSpan; ++i) {
      sums_[set][i] = bias_;
      asm volatile("" : "+f"(sums_[set][i].x), "+f"(sums_[set][i].y));
      asm volatile("" : "+f"(sums_[set][i].z), "+f"(sums_[set][i].w));
    }
  }

  // A finished row as operands. Outputs behind the last column become some as well, which nobody stores.
  __device__ __forceinline__ void HandOver(const float4 (&sums)[kSpan], bool is_last) {
    if (in_group_ == 0) device::WaitBarrier(block_.a_free + a_.slot, a_.parity ^ 1);
    const std::uint32_t row =
        static_cast<std::uint32_t>(a_.slot * plan_.slot_bytes + in_group_ * plan_.padded_q * kPixelBytes);
#pragma unroll
    for (int i = 0; i < kSpan; ++i) {
      const uint2 four = Lane::template Operands<kClamps>(plan_.middle, sums[i]);
      if (stores_) device::StoreTwo(to_[i] + row, four);
    }
    if (++in_group_ < plan_.group_rows && !is_last) return;
    in_group_ = 0;
    device::FenceAsyncProxy();
    device::ArriveBarrier(block_.a_filled + a_.slot);
    a_.Next(kSlots);
  }

  const Block& block_;
  const Plan& plan_;
  bool stores_;  // whether the lane is not one of those that fill the last warp
  std::uint32_t from_, to_[kSpan];
  std::int32_t in_group_ = 0;  // rows of outputs that are in the present slot
  float4 filter_[9], bias_, sums_[kSets][kSpan];
  RingAt x_, a_;
};

template <class T, int kStride, int kSpan, bool kClamps>
__device__ __forceinline__ void MakeBands(const Block& block, int thread) {
  Maker<T, kStride, kSpan, kClamps> maker(block, thread);
  for (std::int32_t item = static_cast<std::int32_t>(blockIdx.x); item < block.plan.items;
       item += static_cast<std::int32_t>(gridDim.x)) {
    maker.Make(Band(block.shape, block.plan, item));
  }
}

}  // namespace assay::dsconv::rows

#endif
