// The depthwise half: a warp makes a strip of outputs, 128 bytes of channels of some rows by 2 kSpan columns,
// a lane 8 bytes of half the columns. It goes down the rows of x, which the copy engine brings some boxes
// ahead into a ring of the warp's own, and adds each to all sums under way that it is a tap of (fp32). What
// is finished goes to the workspace.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/element.h"
#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/ptx/shared_load.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/phases/block.h"
#include "kernels/dsconv/phases/lane.h"

namespace assay::dsconv::phases {

// Where a strip lies.
struct StripAt {
  std::int32_t chunk, image, p, q;

  __device__ __forceinline__ StripAt(const Plan& plan, std::int32_t item) {
    const std::int32_t rest = plan.by_chunks.Quotient(item);
    chunk = item - rest * plan.chunks;
    const std::int32_t of_part = plan.by_strips.Quotient(rest);
    q = (rest - of_part * plan.strips) * (2 * plan.tile.span);
    image = plan.by_parts.Quotient(of_part);
    p = (of_part - image * plan.parts) * plan.rows;
  }
};

// A warp's strips are every so manieth.
__device__ __forceinline__ std::int32_t FirstItem(const Plan& plan, int warp) {
  return static_cast<std::int32_t>(blockIdx.x) * plan.tile.warps + warp;
}
__device__ __forceinline__ std::int32_t ItemStep(const Plan& plan) {
  return static_cast<std::int32_t>(gridDim.x) * plan.tile.warps;
}

// A warp's ring of boxes of x: a box is copied to where the box before the present one lay.
template <int kStride, int kSpan>
class Input {
 public:
  using Box = InputBox<kStride, kSpan>;

  // And begins the copies; by all warps of the block.
  __device__ __forceinline__ Input(const Block& block, const CUtensorMap* map, int warp, int lane)
      : block_(block),
        map_(map),
        lane_(lane),
        ring_(block.outputs + warp * block.plan.ring_part),
        filled_(block.inputs + warp * kMostBoxes),
        item_(FirstItem(block.plan, warp)) {
    Find();
    // All warps' first boxes come before any second one: they are copied in the order in which they are asked
    // for.
    for (std::int32_t i = 1; i < block_.plan.boxes; ++i) {
      Copy();
      __syncthreads();
    }
  }

  // Waits for the next box, and returns its address. Of the one before all lanes have read what they need.
  __device__ __forceinline__ std::uint32_t Next() {
    __syncwarp();
    Copy();
    device::WaitBarrier(filled_ + at_.slot, at_.parity);
    const std::uint32_t box =
        device::SharedAddress(ring_) + static_cast<std::uint32_t>(at_.slot * Box::kBytes);
    at_.Next(block_.plan.boxes);
    return box;
  }

 private:
  // Where the strip's first box lies in x.
  __device__ __forceinline__ void Find() {
    const StripAt at(block_.plan, item_);
    c_ = at.chunk * block_.plan.chunk, w_ = at.q * kStride - block_.shape.pad_w;
    h_ = at.p * kStride - block_.shape.pad_h, n_ = at.image;
  }

  __device__ __forceinline__ void Copy() {
    const Plan& plan = block_.plan;
    if (item_ >= plan.items) return;
    if (lane_ == 0) {
      device::ArriveAndExpect(filled_ + to_, Box::kBytes);
      device::CopyBox4(ring_ + to_ * Box::kBytes, map_, filled_ + to_, c_, w_, h_, n_);
    }
    h_ += Box::kRows;
    if (++to_ == plan.boxes) to_ = 0;
    if (++box_ == plan.strip_boxes) {
      box_ = 0, item_ += ItemStep(plan);
      Find();
    }
  }

  const Block& block_;
  const CUtensorMap* map_;
  const int lane_;
  char* const ring_;
  std::uint64_t* const filled_;
  std::int32_t item_, box_ = 0, to_ = 0;  // the next one to copy, and where to
  std::int32_t c_, w_, h_, n_;
  RingAt at_;
};

template <class T, int kStride, int kSpan, bool kClamps>
class Strip {
  using Lane = LaneOf<T>;
  using Values = typename Lane::Values;
  using Box = InputBox<kStride, kSpan>;
  static constexpr int kChunk = kPixelBytes / static_cast<int>(sizeof(T));
  static constexpr int kIn = (kSpan - 1) * kStride + 3;  // columns of x
  static constexpr int kSets = kStride == 1 ? 3 : 2;     // outputs of a column under way
  static constexpr int kBoxes = kStride == 1 ? 1 : 2;    // until all is where it was
  static constexpr int kAhead = kSpan < 7 ? 2 : 1;       // rows of x that there are registers for

 public:
  __device__ __forceinline__ Strip(const Block& block, const StripAt& at, int lane)
      : shape_(block.shape), plan_(block.plan) {
    const std::int32_t place = lane % 16 * kLaneBytes, column = lane / 16 * kSpan;
    from_ = static_cast<std::uint32_t>(column * kStride * kPixelBytes + place);
    outputs_ = min(plan_.rows, shape_.p - at.p);
    columns_ = shape_.q - at.q - column;
    const float* filters = reinterpret_cast<const float*>(block.workspace + plan_.filters_from) +
                           at.chunk * (10 * kChunk) + place / static_cast<int>(sizeof(T));
#pragma unroll
    for (int i = 0; i < 9; ++i) filter_[i] = Lane::Filter(filters + i * kChunk);
    bias_ = Lane::Filter(filters + 9 * kChunk);
    const std::int64_t pixel = static_cast<std::int64_t>(at.chunk) * plan_.pixels +
                               (at.image * shape_.p + at.p) * shape_.q + at.q + column;
    to_ = block.workspace + plan_.operands_from + pixel * kPixelBytes + place;
#pragma unroll
    for (int i = 0; i < kSets * kSpan; ++i) sums_[i / kSpan][i % kSpan] = bias_;
  }

  __device__ __forceinline__ void Make(Input<kStride, kSpan>& input) {
    for (std::int32_t box = 0; box < plan_.strip_boxes; box += kBoxes) {
#pragma unroll
      for (int i = 0; i < kBoxes * Box::kRows; ++i) {
        if (i % Box::kRows == 0) {
          if (box + i / Box::kRows >= plan_.strip_boxes) break;
          box_at_ = input.Next() + from_;
          if (kAhead == 2) Load(i);
        }
        if (kAhead == 1) Load(i);
        if (kAhead == 2 && i % Box::kRows != Box::kRows - 1) Load(i + 1);
        AddRow(i);
        const std::int32_t row = box * Box::kRows + i - 2;
        if (kStride == 1 || i % 2 == 0) Store(SetOf(i - 2), row / kStride, row >= 0);
      }
    }
  }

 private:
  // Of the output whose first tap lies in row `i`.
  static __device__ constexpr int SetOf(int i) { return (i / kStride + kSets * 4) % kSets; }

  // Mostly, a row is loaded while the one before is added.
  __device__ __forceinline__ void Load(int i) {
    const std::uint32_t row =
        box_at_ + static_cast<std::uint32_t>(i % Box::kRows * Box::kColumns * kPixelBytes);
#pragma unroll
    for (int column = 0; column < kIn; ++column) {
      ahead_[i % kAhead][column] = device::LoadTwo(row + static_cast<std::uint32_t>(column * kPixelBytes));
    }
  }

  __device__ __forceinline__ void AddRow(int i) {
#pragma unroll
    for (int column = 0; column < kIn; ++column) {
      const Values value = Lane::Of(ahead_[i % kAhead][column]);
#pragma unroll
      for (int r = 0; r < 3; ++r) {
        if (kStride == 2 && (i - r) % 2 != 0) continue;
#pragma unroll
        for (int s = 0; s < 3; ++s) {
          if (column < s || (column - s) % kStride != 0 || (column - s) / kStride >= kSpan) continue;
          Values& sum = sums_[SetOf(i - r)][(column - s) / kStride];
          sum = Lane::Add(value, filter_[r * 3 + s], r == 0 && s == 0 ? bias_ : sum);
        }
      }
    }
  }

  __device__ __forceinline__ void Store(int set, std::int32_t row, bool made) {
    const std::int32_t columns = made && row < outputs_ ? columns_ : 0;
#pragma unroll
    for (int i = 0; i < kSpan; ++i) {
      device::StoreTwoIf(i < columns, to_ + i * kPixelBytes,
                         Lane::template Operands<kClamps>(plan_.middle, sums_[set][i]));
    }
    if (made) to_ += static_cast<std::int64_t>(shape_.q) * kPixelBytes;
  }

  const Shape& shape_;
  const Plan& plan_;
  char* to_;
  std::uint32_t from_, box_at_;
  std::int32_t outputs_, columns_;
  Values filter_[9], bias_, sums_[kSets][kSpan];
  uint2 ahead_[kAhead][kIn];
};

template <class T, int kStride, int kSpan, bool kClamps>
__device__ __forceinline__ void MakeStrips(const Block& block, const CUtensorMap* x_map, int warp, int lane) {
  Input<kStride, kSpan> input(block, x_map, warp, lane);
  const Plan& plan = block.plan;
  for (std::int32_t item = FirstItem(plan, warp); item < plan.items; item += ItemStep(plan))
    Strip<T, kStride, kSpan, kClamps>(block, StripAt(plan, item), lane).Make(input);
}

// This block's part, by all its threads.
template <class T, int kStride, int kSpan>
__device__ __forceinline__ void MakeOperands(const Block& block, const CUtensorMap* x_map, int warp,
                                             int lane) {
  if (block.shape.act_mid == device::Activation::kNone) {
    MakeStrips<T, kStride, kSpan, false>(block, x_map, warp, lane);
  } else {
    MakeStrips<T, kStride, kSpan, true>(block, x_map, warp, lane);
  }
  AnnounceOperands(block, warp, lane);
}

}  // namespace assay::dsconv::phases

#endif
