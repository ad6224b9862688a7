// The pointwise half, by one warpgroup: a group of rows of outputs at a time, 64 pixels by 32, 64 or 96
// output channels, wgmma with both operands from shared memory, on sums that begin as b_pw; then activation
// and stores straight from registers. It has few warps and waits for each of its instructions: they are kept
// few.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/global_flag.h"
#include "kernels/dsconv/phases/lane.h"
#include "kernels/dsconv/rows/block.h"
#include "kernels/dsconv/wide/sums.h"

namespace assay::dsconv::rows {

template <class T, int kTiles, bool kClamps>
class Multiplier {
  using Lane = phases::LaneOf<T>;
  static constexpr int kColumns = kTiles * 8;

 public:
  __device__ __forceinline__ Multiplier(const Block& block, T* y, int warp, int lane)
      : block_(block), plan_(block.plan), y_(y), lane_(lane), k_(lane % 4 * 8), pixel_(warp * 16 + lane / 4) {
#pragma unroll
    for (int lower = 0; lower < 2; ++lower) {
      const std::int32_t pixel = pixel_ + lower * 8, row = pixel / plan_.padded_q,
                         q = pixel - row * plan_.padded_q;
      is_inside_[lower] = q < block.shape.q || plan_.blocks > 1;
      from_[lower] = (row * block.shape.q + q) * block.shape.k + k_;
    }
    left_ = device::SwizzledDescriptor(block.operands), right_ = device::SwizzledDescriptor(block.weights);
    device::WaitBarrier(block.w_filled, 0);
    Start(0);
  }

  // Rows of outputs, the first of them number `first` of all images.
  __device__ __forceinline__ void MultiplyGroup(std::int64_t first, std::int32_t rows) {
    T* y = y_ + first * block_.shape.q * block_.shape.k;
    std::uint64_t left = left_ + static_cast<std::uint32_t>(a_.slot * plan_.slot_bytes / 16);
    device::WaitBarrier(block_.a_filled + a_.slot, a_.parity);
    // Pixels with those behind the last column; where there are more blocks a group is one row.
    std::int32_t pixels = plan_.blocks > 1 ? block_.shape.q : rows * plan_.padded_q;
    for (std::int32_t number = 0; number < plan_.blocks; ++number) {
      const bool there[2] = {is_inside_[0] && pixel_ < pixels, is_inside_[1] && pixel_ + 8 < pixels};
      std::uint64_t right = right_;
      for (std::int32_t channels = block_.shape.k; channels > 0; channels -= kColumns) {
        MultiplyChunks(left, right);
        const bool is_last = channels <= kColumns;
        if (lane_ == 0 && is_last && number + 1 == plan_.blocks)
          device::ArriveBarrier(block_.a_free + a_.slot);
        T* const to = y + (block_.shape.k - channels);
        Store<0>(to + from_[0], channels, there[0]);
        Store<1>(to + from_[1], channels, there[1]);
        Start(is_last ? 0 : block_.shape.k - channels + kColumns);
        right += static_cast<std::uint32_t>(plan_.weight_bytes / 16);
      }
      left += static_cast<std::uint32_t>(plan_.chunks * kPixels * kPixelBytes / 16);
      y += kPixels * block_.shape.k, pixels -= kPixels;
    }
    a_.Next(kSlots);
  }

 private:
  // Sums begin as b_pw, read while nothing waits for them.
  __device__ __forceinline__ void Start(std::int32_t k) {
    wide::StartSums<kTiles>(reinterpret_cast<const float*>(block_.biases) + k, lane_, sums_);
  }

  __device__ __forceinline__ void MultiplyChunks(std::uint64_t left, std::uint64_t right) {
#pragma unroll 1
    for (std::int32_t chunk = 0; chunk < plan_.chunks; ++chunk) {
      device::FenceProducts();
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        device::MultiplyShared(sums_, left + static_cast<std::uint64_t>(2 * step),
                               right + static_cast<std::uint64_t>(2 * step), device::ElementTag<T>{});
      }
      device::CommitProducts();
      device::WaitProducts<1>();
      left += kPixels * kPixelBytes / 16, right += kColumns * kPixelBytes / 16;
    }
    device::WaitProducts<0>();
    device::HoldSums(sums_);
  }

  // Of one of the lane's two pixels, `channels` of which are left.
  template <int kLower>
  __device__ __forceinline__ void Store(T* pixel, std::int32_t channels, bool there) const {
    const auto four = [&](int i) {
      return Lane::template Operands<kClamps>(
          plan_.output, make_float4(sums_[i][2 * kLower], sums_[i][2 * kLower + 1], sums_[i + 1][2 * kLower],
                                    sums_[i + 1][2 * kLower + 1]));
    };
#pragma unroll
    for (int i = 0; i < kTiles; i += 4) {
      const uint2 low = four(i), high = four(i + 2);
      device::StoreFourIf(there && k_ + i * 8 < channels, pixel + i * 8,
                          make_uint4(low.x, low.y, high.x, high.y));
    }
  }

  const Block& block_;
  const Plan& plan_;
  T* y_;
  std::int32_t lane_;
  std::int32_t k_, pixel_;  // the lane's first output channel, and the first of its two pixels of 64
  bool is_inside_[2];       // whether these are before the last column, unless there are more blocks
  std::int32_t from_[2];    // and where they are in y
  std::uint64_t left_, right_;
  RingAt a_;
  float sums_[kTiles][4];
};

template <class T, int kTiles, bool kClamps>
__device__ __forceinline__ void MultiplyBands(const Block& block, T* y, int warp, int lane) {
  const Plan& plan = block.plan;
  Multiplier<T, kTiles, kClamps> multiplier(block, y, warp, lane);
  for (std::int32_t item = static_cast<std::int32_t>(blockIdx.x); item < plan.items;
       item += static_cast<std::int32_t>(gridDim.x)) {
    const Band band(block.shape, plan, item);
    for (std::int32_t done = 0; done < band.outputs; done += plan.group_rows) {
      multiplier.MultiplyGroup(static_cast<std::int64_t>(band.n) * block.shape.p + band.p + done,
                               min(plan.group_rows, band.outputs - done));
    }
  }
}

}  // namespace assay::dsconv::rows

#endif
