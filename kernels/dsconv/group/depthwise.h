// The depthwise half: the block copies its part of the input to shared memory, and a thread makes some
// outputs of a row from there, eight channels of each, by fp32 FMA, and puts them where wgmma wants them.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/element.h"
#include "kernels/device/ptx/async_copy.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/group/plan.h"
#include "kernels/dsconv/mma/depthwise.h"
#include "kernels/dsconv/wide/two_channels.h"

namespace assay::dsconv::group {

// Eight channels.
struct Eight {
  std::uint32_t pairs[4];

  __device__ __forceinline__ void Load(const char* from) {
    const uint4 four = device::LoadUint4(from);
    pairs[0] = four.x, pairs[1] = four.y, pairs[2] = four.z, pairs[3] = four.w;
  }
  __device__ __forceinline__ void Store(char* to) const {
    device::StoreUint4(to, make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]));
  }
};

// What a block works on of the depthwise half: pixels [first, end), and units from first_unit on.
struct Share {
  std::int32_t first, end, first_row, first_q;
  std::int32_t window, input;  // where the pixels of x begin that it needs, and how many
  std::int32_t first_unit, units;
  std::int32_t operand_bytes;  // of a chunk of the pixels

  __device__ __forceinline__ Share(const Plan& plan, std::int32_t group, std::int32_t place) {
    first = group * plan.block_pixels, end = min(first + plan.block_pixels, plan.pixels);
    first_row = plan.by_q.Quotient(first), first_q = first - first_row * plan.by_q.divisor;
    window = WindowOf(plan, first_row, first_q);
    const std::int32_t last_row = plan.by_q.Quotient(end - 1);
    input = WindowOf(plan, last_row, end - 1 - last_row * plan.by_q.divisor) + plan.reach + 1 - window;
    operand_bytes = (end - first + 7) / 8 * (8 * kRowBytes);
    first_unit = place * plan.block_units(), units = min(plan.block_units(), plan.units - first_unit);
  }
};

// A pixel of x among those of its virtual rows: where it lies, and whether there.
struct InputAt {
  std::int32_t image, h, w;

  __device__ __forceinline__ InputAt(const Plan& plan, std::int32_t at) {
    const std::int32_t row = plan.by_virtual_w.Quotient(at);
    image = plan.by_virtual_h.Quotient(row), h = row - image * plan.by_virtual_h.divisor - plan.pad_h;
    w = at - row * plan.by_virtual_w.divisor - plan.pad_w;
  }
  __device__ __forceinline__ bool RowInside(const Plan& plan) const {
    return static_cast<std::uint32_t>(h) < static_cast<std::uint32_t>(plan.h);
  }
  __device__ __forceinline__ bool Inside(const Plan& plan) const {
    return RowInside(plan) && static_cast<std::uint32_t>(w) < static_cast<std::uint32_t>(plan.w);
  }
  // Modulo 2^32: only pixels inside have an offset.
  __device__ __forceinline__ std::uint32_t Offset(const Plan& plan) const {
    return (static_cast<std::uint32_t>(image * plan.h + h) * static_cast<std::uint32_t>(plan.w) +
            static_cast<std::uint32_t>(w)) *
           static_cast<std::uint32_t>(plan.c);
  }
};

// Begins to copy the input of a share: [pixels][units], zeros outside of the image.
template <class T>
__device__ __forceinline__ void LoadPixels(const Plan& plan, const Share& share, char* shared) {
  const T* x = static_cast<const T*>(plan.x) + share.first_unit * 8;
  const std::uint32_t to = device::SharedAddress(shared + plan.x_at);
#pragma unroll 4
  for (auto i = static_cast<std::int32_t>(threadIdx.x); i < share.input * plan.block_units(); i += kThreads) {
    const std::int32_t pixel = plan.by_units.Quotient(i), unit = i - pixel * plan.block_units();
    const InputAt at(plan, share.window + pixel);
    const bool inside = at.Inside(plan) && unit < share.units;
    const std::uint32_t from = at.Offset(plan) + static_cast<std::uint32_t>(unit * 8);
    device::CopyAsync16To(to + static_cast<std::uint32_t>(i) * 16, x + (inside ? from : 0u), inside);
  }
}

// Begins to copy the share's input and filters to shared memory.
template <class T>
__device__ __forceinline__ void LoadInput(const Plan& plan, const Share& share, char* shared) {
  LoadPixels<T>(plan, share, shared);
  const char* filters = plan.workspace + plan.filters_from + share.first_unit * plan.filter_bytes;
  const std::uint32_t to = device::SharedAddress(shared + plan.filters_at);
  for (auto i = static_cast<std::int32_t>(threadIdx.x); i < share.units * (plan.filter_bytes / 16);
       i += kThreads) {
    device::CopyAsync16To(to + static_cast<std::uint32_t>(i) * 16, filters + i * 16, true);
  }
  device::CommitCopies();
}

// Outputs of a row, eight channels of each: what they are made from, and where they
// go.
struct Strip {
  std::int32_t unit, row, q;  // unit: of the share
  const char *in, *filter;
  char* to;  // in rows of a chunk of the group's pixels, swizzled
  std::int32_t to_row, to_unit, outputs;

  // From the pixels where the group begins, then of whole rows.
  __device__ __forceinline__ void Place(const Plan& plan, const Share& share, std::int32_t i) {
    const std::int32_t of_first = (plan.by_q.divisor - share.first_q + plan.span - 1) >> (plan.span >> 1);
    row = share.first_row, q = share.first_q + i * plan.span;
    if (i >= of_first) {
      const std::int32_t rows = plan.by_strips.Quotient(i - of_first);
      row += 1 + rows, q = (i - of_first - rows * plan.by_strips.divisor) * plan.span;
    }
    const std::int32_t pixel = row * plan.by_q.divisor + q;
    outputs = min(plan.by_q.divisor - q, share.end - pixel), to_row = pixel - share.first;
  }
  __device__ __forceinline__ void Find(const Plan& plan, const Share& share, const char* shared,
                                       char* operands) {
    in = shared + plan.x_at + ((WindowOf(plan, row, q) - share.window) * plan.block_units() + unit) * 16;
    filter = shared + plan.filters_at + unit * plan.filter_bytes;
    const std::int32_t of_all = share.first_unit + unit;
    to = operands + of_all / 8 * share.operand_bytes, to_unit = of_all % 8;
  }
  __device__ __forceinline__ char* Output(std::int32_t i) const {
    const std::int32_t at = to_row + i;
    return to + at * kRowBytes + ((to_unit ^ at % 8) << 4);
  }
};

// 3x3 filters; several outputs at stride 1 and without dilation.
template <class T, int kSpan>
__device__ __forceinline__ void MakeStrip(const Plan& plan, const mma::Clamping& middle, const Strip& strip) {
  constexpr int kColumns = kSpan + 2;
  Eight bias;
  bias.Load(strip.filter + 9 * 16);
  float2 sums[kSpan][4];
#pragma unroll
  for (int i = 0; i < kSpan; ++i) {
#pragma unroll
    for (int pair = 0; pair < 4; ++pair) sums[i][pair] = wide::ToFloats<T>(bias.pairs[pair]);
  }
#pragma unroll
  for (int r = 0; r < 3; ++r) {
    Eight in[kColumns], weights[3];
#pragma unroll
    for (int s = 0; s < kColumns; ++s) in[s].Load(strip.in + r * plan.row_bytes + s * plan.column_bytes);
#pragma unroll
    for (int s = 0; s < 3; ++s) weights[s].Load(strip.filter + (r * 3 + s) * 16);
#pragma unroll
    for (int pair = 0; pair < 4; ++pair) {
      float2 row[kColumns];
#pragma unroll
      for (int s = 0; s < kColumns; ++s) row[s] = wide::ToFloats<T>(in[s].pairs[pair]);
#pragma unroll
      for (int s = 0; s < 3; ++s) {
        const float2 weight = wide::ToFloats<T>(weights[s].pairs[pair]);
#pragma unroll
        for (int i = 0; i < kSpan; ++i) wide::AddProduct(sums[i][pair], row[i + s], weight);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kSpan; ++i) {
    Eight out;
#pragma unroll
    for (int pair = 0; pair < 4; ++pair) {
      out.pairs[pair] = mma::PackClamped<T>(middle, sums[i][pair].x, sums[i][pair].y);
    }
    if (i < strip.outputs) out.Store(strip.Output(i));
  }
}

// Any filter and activation: one output.
template <class T>
__device__ __forceinline__ void MakeOutput(const Plan& plan, const mma::Clamping& middle,
                                           const Strip& strip) {
  const char* filter = strip.filter;
  float2 sums[4] = {};
#pragma unroll 1
  for (std::int32_t r = 0; r < plan.taps_h; ++r) {
    const char* in = strip.in + r * plan.row_bytes;
#pragma unroll 1
    for (std::int32_t s = 0; s < plan.taps_w; ++s, in += plan.column_bytes, filter += 16) {
      Eight x, weights;
      x.Load(in), weights.Load(filter);
#pragma unroll
      for (int pair = 0; pair < 4; ++pair) {
        wide::AddProduct(sums[pair], wide::ToFloats<T>(x.pairs[pair]),
                         wide::ToFloats<T>(weights.pairs[pair]));
      }
    }
  }
  Eight biases, out;
  biases.Load(filter);
#pragma unroll
  for (int two = 0; two < 4; two += 2) {
    const float2 low = wide::ToFloats<T>(biases.pairs[two]), high = wide::ToFloats<T>(biases.pairs[two + 1]);
    float four[4] = {sums[two].x + low.x, sums[two].y + low.y, sums[two + 1].x + high.x,
                     sums[two + 1].y + high.y};
    mma::ActivateUnlessClamp(middle, four);
    out.pairs[two] = mma::PackClamped<T>(middle, four[0], four[1]);
    out.pairs[two + 1] = mma::PackClamped<T>(middle, four[2], four[3]);
  }
  out.Store(strip.Output(0));
}

// A thread's tasks of a share. The first one is found while the input is on its way.
template <class T, bool kAny>
struct Maker {
  Strip strip;
  std::int32_t task = static_cast<std::int32_t>(threadIdx.x);

  // `operands` are those of the group.
  __device__ __forceinline__ void Find(const Plan& plan, const Share& share, const char* shared,
                                       char* operands) {
    const std::int32_t i = plan.by_units.Quotient(task);
    strip.unit = task - i * plan.block_units();
    strip.Place(plan, share, i);
    strip.Find(plan, share, shared, operands);
  }

  __device__ __forceinline__ void MakeAll(const Plan& plan, const Share& share, const char* shared,
                                          char* operands) {
    const mma::Clamping middle = mma::ClampingOf<T>(plan.act_mid);
#pragma unroll 1
    for (;;) {
      if (strip.outputs <= 0) break;  // behind the last pixel
      if (strip.unit >= share.units) {
        // Channels that fill up a chunk: in the workspace they are zeros already.
        if (plan.alone) FillUp(plan);
      } else if constexpr (kAny) {
        MakeOutput<T>(plan, middle, strip);
      } else if (plan.span == 4) {
        MakeStrip<T, 4>(plan, middle, strip);
      } else if (plan.span == 2) {
        MakeStrip<T, 2>(plan, middle, strip);
      } else {
        MakeStrip<T, 1>(plan, middle, strip);
      }
      task += kThreads;
      if (task >= plan.tasks) break;
      Find(plan, share, shared, operands);
    }
  }

  __device__ __forceinline__ void FillUp(const Plan& plan) const {
    const Eight zeros = {};
    for (std::int32_t i = 0; i < min(strip.outputs, plan.span); ++i) zeros.Store(strip.Output(i));
  }
};

}  // namespace assay::dsconv::group

#endif
