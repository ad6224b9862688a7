// The depthwise half: a warp makes a band of outputs at a time, 64 channels of some rows, a lane two channels.
// It walks along the rows, reads each column of x once, straight into registers and some columns ahead, and
// adds it to all sums under way that it is a tap of (fp32). What is finished goes to the workspace.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/element.h"
#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/ptx/opaque.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/l2/block.h"
#include "kernels/dsconv/wide/clamp.h"

namespace assay::dsconv::l2 {

__device__ __forceinline__ float2 Unpack(std::uint32_t pair, device::ElementTag<__half>) {
  return __half22float2(*reinterpret_cast<const __half2*>(&pair));
}
__device__ __forceinline__ float2 Unpack(std::uint32_t pair, device::ElementTag<__nv_bfloat16>) {
  return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
}

// A band: rows first_row, first_row + step, ... of an image, up to `rows` of them, and of each the columns
// first_column, first_column + step, ..., `columns` of them.
struct Band {
  std::int32_t chunk, image, first_row, rows, first_column, columns;

  __device__ __forceinline__ Band(const Shape& shape, const Plan& plan, std::int32_t item, int rows_at_once) {
    std::int32_t unit;
    if (plan.tile.run >= plan.chunks) {
      unit = plan.by_chunks.Quotient(item), chunk = item - unit * plan.chunks;
    } else {
      // Groups of bands; in each, runs of chunks.
      const std::int32_t of_group = plan.group * plan.chunks, group = item / of_group;
      const std::int32_t units = min(plan.group, plan.units - group * plan.group);
      item -= group * of_group;
      const std::int32_t run = item / (units * plan.tile.run), begin = run * plan.tile.run;
      const std::int32_t length = min(plan.tile.run, plan.chunks - begin);
      item -= units * begin;
      const std::int32_t within = item / length;
      unit = group * plan.group + within, chunk = begin + item - within * length;
    }
    std::int32_t rest = plan.by_phases_w.Quotient(unit);
    first_column = unit - rest * plan.phases_w;
    const std::int32_t of_phase = plan.by_phases_h.Quotient(rest), phase = rest - of_phase * plan.phases_h;
    image = plan.by_bands.Quotient(of_phase);
    const std::int32_t band = of_phase - image * plan.bands;
    const std::int32_t step_h = StepH(shape), step_w = StepW(shape);
    first_row = phase + band * rows_at_once * step_h;
    rows = min(rows_at_once, (shape.p - first_row + step_h - 1) / step_h);
    columns = (shape.q - first_column + step_w - 1) / step_w;
  }

  // From an output to the next one of a band; with strides there is no dilation.
  static __device__ __forceinline__ std::int32_t StepH(const Shape& shape) {
    return shape.stride_h == 1 ? shape.dilation_h : 1;
  }
  static __device__ __forceinline__ std::int32_t StepW(const Shape& shape) {
    return shape.stride_w == 1 ? shape.dilation_w : 1;
  }
};

// What a lane keeps of a band, and the walk along it. Columns of x are numbered from the first output's left
// tap on: column i is tap s of output b where i = b stride + s.
template <class T, int kStride>
class BandWalk {
  static constexpr int kRows = BandRows(kStride), kIn = (kRows - 1) * kStride + 3;
  static constexpr int kSets = kStride == 1 ? 3 : 2;    // outputs of a row under way
  static constexpr int kPeriod = kStride == 1 ? 3 : 4;  // steps until all is where it was; and columns ahead
 public:
  __device__ __forceinline__ BandWalk(const Block& block, const T* x, const Band& band, int lane)
      : shape_(block.shape), plan_(block.plan), x_(reinterpret_cast<const char*>(x)), to_(block.Operands()) {
    const float* filters = reinterpret_cast<const float*>(block.workspace + plan_.filters_from) +
                           band.chunk * (10 * kChunk) + lane * 2;
#pragma unroll
    for (int i = 0; i < 9; ++i) filter_[i] = device::LoadFloat2(filters + i * kChunk);
    bias_ = device::LoadFloat2(filters + 9 * kChunk);

    const std::int32_t channel = band.chunk * kChunk + lane * 2;
    first_w_ = band.first_column * kStride - shape_.pad_w;
    const std::int32_t first_h = band.first_row * kStride - shape_.pad_h;
    // May go below zero and around, where nothing is read.
    from_ = static_cast<std::uint32_t>((band.image * shape_.h + first_h) * shape_.w + first_w_) *
                static_cast<std::uint32_t>(shape_.c * 2) +
            static_cast<std::uint32_t>(channel * 2);
    rows_ = 0;
#pragma unroll
    for (int i = 0; i < kIn; ++i) {
      const std::int32_t h = first_h + i * Band::StepH(shape_);
      if (h >= 0 && h < shape_.h && channel < shape_.c) rows_ |= 1u << i;
    }
    outputs_ = band.rows;
    pixel_ = (band.image * shape_.p + band.first_row) * shape_.q + band.first_column;
    plane_ = static_cast<std::uint32_t>(band.chunk) * static_cast<std::uint32_t>(plan_.slots) * kOperandBytes;
    lane_ = static_cast<std::uint32_t>(lane * 4);
    steps_ = (band.columns - 1) * kStride + 3;
#pragma unroll
    for (int i = 0; i < kPeriod; ++i) Load(i, i);
  }

  __device__ __forceinline__ void WalkAll() {
    for (std::int32_t i = 0; i < steps_; i += kPeriod) {
#pragma unroll
      for (int phase = 0; phase < kPeriod; ++phase) {
        if (i + phase < steps_) Step(phase, i + phase);
      }
    }
  }

 private:
  __device__ __forceinline__ bool IsInside(std::int32_t i) const {
    return static_cast<std::uint32_t>(first_w_ + i * Band::StepW(shape_)) < static_cast<std::uint32_t>(shape_.w);
  }

  // Column i, into registers.
  __device__ __forceinline__ void Load(int to, std::int32_t i) {
    const bool inside = i < steps_ && IsInside(i);
    std::uint32_t from = from_;
#pragma unroll
    for (int r = 0; r < kIn; ++r) {
      ahead_[to][r] = 0;
      if (inside && (rows_ >> r & 1) != 0) {
        ahead_[to][r] = __ldg(reinterpret_cast<const std::uint32_t*>(x_ + from));
      }
      from += plan_.row_bytes;
    }
    from_ += plan_.column_bytes;
  }

  static __device__ __forceinline__ void Add(float2& sum, const float2& value, const float2& weight) {
    sum.x = fmaf(value.x, weight.x, sum.x);
    sum.y = fmaf(value.y, weight.y, sum.y);
  }

  // `phase` is i % kPeriod, known when this is compiled.
  __device__ __forceinline__ void Step(int phase, std::int32_t i) {
    const bool begins = kStride == 1 || phase % 2 == 0;  // outputs, of which this is tap 0
    const int begun = kStride == 1 ? phase : phase / 2;  // their set
    const int ended = (begun + 1) % kSets;               // that of those whose tap 2 this is
    if (IsInside(i)) {
#pragma unroll
      for (int r_in = 0; r_in < kIn; ++r_in) {
        const float2 value = Unpack(ahead_[phase][r_in], device::ElementTag<T>{});
#pragma unroll
        for (int r = 0; r < 3; ++r) {
          const int a = (r_in - r) / kStride;
          if (r_in < r || (r_in - r) % kStride != 0 || a >= kRows) continue;
          if (begins) {
            if (r == 0) sums_[begun][a] = bias_;
            Add(sums_[begun][a], value, filter_[r * 3]);
            Add(sums_[ended][a], value, filter_[r * 3 + 2]);
            if constexpr (kStride == 1) Add(sums_[(begun + 2) % kSets][a], value, filter_[r * 3 + 1]);
          } else {
            Add(sums_[begun][a], value, filter_[r * 3 + 1]);
          }
        }
      }
    } else if (begins) {
#pragma unroll
      for (int a = 0; a < kRows; ++a) sums_[begun][a] = bias_;
    }
    Load(phase, i + kPeriod);
    if (begins && i >= 2) Store(ended, (i - 2) / kStride);
  }

  __device__ __forceinline__ void Store(int set, std::int32_t b) {
    std::int32_t pixel = pixel_ + b * Band::StepW(shape_);
#pragma unroll
    for (int a = 0; a < kRows; ++a) {
      if (a < outputs_) {
        const std::uint32_t place = static_cast<std::uint32_t>(pixel);
        const std::uint32_t at = plane_ + ((place & plan_.pixel_mask) << 7) + ((place << 4 & 0x70u) ^ lane_);
        *reinterpret_cast<std::uint32_t*>(to_ + at) =
            wide::PackClamped<T>(plan_.middle, sums_[set][a].x, sums_[set][a].y);
      }
      pixel += plan_.row_pixels;
    }
  }

  const Shape& shape_;
  const Plan& plan_;
  const char* const x_;
  char* const to_;
  float2 filter_[9], bias_, sums_[kSets][kRows] = {};
  std::uint32_t ahead_[kPeriod][kIn], from_, rows_, plane_, lane_;
  std::int32_t first_w_, outputs_, pixel_, steps_;
};

// The blocks of operands that a band has a part in.
struct BlocksOf {
  const Shape& shape;
  const Band& band;
  const std::int32_t first = (band.image * shape.p + band.first_row) * shape.q + band.first_column;

  __device__ __forceinline__ std::int32_t First() const { return first / kPixels; }
  __device__ __forceinline__ std::int32_t Last() const {
    return (first + (band.rows - 1) * Band::StepH(shape) * shape.q + (band.columns - 1) * Band::StepW(shape)) /
           kPixels;
  }
  // How many of the band's pixels lie in one.
  __device__ __forceinline__ std::int32_t PixelsIn(std::int32_t block) const {
    const std::int32_t step = Band::StepW(shape), row = Band::StepH(shape) * shape.q;
    std::int32_t begin = first, pixels = 0;
    const auto before = [&](std::int32_t pixel) {  // columns of the row that lie before it
      const std::int32_t from = pixel - begin;
      return from <= 0 ? 0 : min(band.columns, step == 1 ? from : (from + step - 1) / step);
    };
    for (std::int32_t a = 0; a < band.rows; ++a, begin += row) {
      pixels += before((block + 1) * kPixels) - before(block * kPixels);
    }
    return pixels;
  }
};

// Waits until what lies where the band's outputs will has been multiplied.
__device__ __forceinline__ void WaitForRoom(const Block& block, const Band& band, int lane) {
  const Plan& plan = block.plan;
  const BlocksOf blocks{block.shape, band};
  const std::uint32_t* done = block.Counters() + Plan::kDone;
  for (std::int32_t at = blocks.First() + lane; at <= blocks.Last(); at += 32) {
    if (at < plan.slots || blocks.PixelsIn(at) == 0) continue;
    while (device::LoadAcquire(done + at - plan.slots) != static_cast<std::uint32_t>(plan.column_tiles)) {
      device::Pause(100);
    }
  }
  __syncwarp();
}

// Says that the band's outputs are there.
__device__ __forceinline__ void HandOver(const Block& block, const Band& band, int lane) {
  device::FenceGlobalForCopies();
  __syncwarp();
  const Plan& plan = block.plan;
  const BlocksOf blocks{block.shape, band};
  std::uint32_t* filled = block.Counters() + plan.FilledAt() + band.chunk;
  for (std::int32_t at = blocks.First() + lane; at <= blocks.Last(); at += 32) {
    const std::int32_t pixels = blocks.PixelsIn(at);
    if (pixels > 0) {
      device::ReleaseAdd(filled + static_cast<std::int64_t>(at) * plan.chunks,
                         static_cast<std::uint32_t>(pixels));
    }
  }
}

// Takes bands until there are none left.
template <class T, int kStride>
__device__ __forceinline__ void MakeBands(const Block& block, const T* x, int lane) {
  const Plan& plan = block.plan;
  const std::int32_t items = plan.units * plan.chunks;
  const auto take = [&] {
    std::uint32_t item = 0;
    if (lane == 0) item = atomicAdd(block.Counters() + Plan::kNext, 1u);
    return item;
  };
  std::uint32_t ahead = take();
  for (;;) {
    const auto item = static_cast<std::int32_t>(__shfl_sync(0xffffffffu, ahead, 0));
    if (item >= items) return;
    ahead = take();
    {
      const Band band(block.shape, plan, item, BandRows(kStride));
      if (band.rows <= 0) continue;
      if (plan.Recycles()) WaitForRoom(block, band, lane);
      BandWalk<T, kStride>(block, x, band, lane).WalkAll();
    }
    // Once more: the walk needs the registers.
    HandOver(block, Band(block.shape, plan, static_cast<std::int32_t>(device::Opaque(item)), BandRows(kStride)),
             lane);
  }
}

}  // namespace assay::dsconv::l2

#endif
