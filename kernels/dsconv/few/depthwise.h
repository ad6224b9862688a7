// The depthwise half: a thread makes four channels of one pixel at a time, or of a run of pixels of a row,
// its window straight from device memory. Lanes lie along channels in NHWC and along pixels in NCHW, as x
// does; the results lie along channels in either.
#pragma once

#include <cuda_runtime.h>

#include "kernels/dsconv/few/kind.h"
#include "kernels/dsconv/few/plan.h"

namespace assay::dsconv::few {

__device__ __forceinline__ void AddTap(const float (&x)[kGroup], const float (&tap)[kGroup],
                                       float (&sums)[kGroup]) {
#pragma unroll
  for (int i = 0; i < kGroup; ++i) sums[i] = fmaf(tap[i], x[i], sums[i]);
}

// A group of channels: where it lies in x, without its pixel, and its filters. With kVectors its channels are
// neighbours, all of them there, and aligned.
template <class Kind, bool kVectors>
class Group {
 public:
  using T = typename Kind::Type;

  __device__ __forceinline__ Group(const Shape& shape, const Plan& plan, const T* __restrict__ x,
                                   char* workspace, std::int32_t group)
      : shape_(shape),
        plan_(plan),
        c_(group * kGroup),
        x_(x + c_ * shape.x.c),
        filters_(reinterpret_cast<const float*>(workspace + plan.filters_from) + c_),
        middle_(reinterpret_cast<T*>(workspace + plan.middle_from) + c_) {}

  // Of one pixel; kTaps x kTaps taps, or the shape's where that is 0.
  template <int kTaps>
  __device__ __forceinline__ void MakePixel(std::int32_t pixel) const {
    const std::int32_t row = plan_.by_q.Quotient(pixel), q = pixel - row * shape_.q;
    const std::int32_t n = plan_.by_p.Quotient(row), p = row - n * shape_.p;
    const std::int32_t h0 = p * shape_.stride_h - shape_.pad_h, w0 = q * shape_.stride_w - shape_.pad_w;
    const T* const image = x_ + n * shape_.x.n;
    const std::int32_t taps_h = kTaps > 0 ? kTaps : shape_.r, taps_w = kTaps > 0 ? kTaps : shape_.s;
    float sums[kGroup];
    LoadFour(Tap(shape_.r * shape_.s), sums);
#pragma unroll kTaps> 0 ? kTaps : 1
    for (std::int32_t r = 0; r < taps_h; ++r) {
#pragma unroll kTaps> 0 ? kTaps : 4
      for (std::int32_t s = 0; s < taps_w; ++s) {
        float x[kGroup], tap[kGroup];
        LoadX(image, h0 + r * shape_.dilation_h, w0 + s * shape_.dilation_w, x);
        LoadFour(Tap(r * taps_w + s), tap);
        AddTap(x, tap, sums);
      }
    }
    Store(pixel, sums);
  }

  // Of kRun pixels of a row, of 3 x 3 taps that are one column apart: number `run` of the rows' runs.
  template <int kStride>
  __device__ __forceinline__ void MakeRun(std::int32_t run) const {
    constexpr int kColumns = (kRun - 1) * kStride + 3;
    const std::int32_t row = plan_.by_runs.Quotient(run), q = (run - row * plan_.by_runs.divisor) * kRun;
    const std::int32_t n = plan_.by_p.Quotient(row), p = row - n * shape_.p;
    const std::int32_t h0 = p * shape_.stride_h - shape_.pad_h, w0 = q * kStride - shape_.pad_w;
    const T* const image = x_ + n * shape_.x.n;
    float sums[kRun][kGroup];
    LoadFour(Tap(9), sums[0]);
#pragma unroll
    for (int i = kGroup; i < kRun * kGroup; ++i) sums[i / kGroup][i % kGroup] = sums[0][i % kGroup];
#pragma unroll
    for (int r = 0; r < 3; ++r) {
      float x[kColumns][kGroup];
#pragma unroll
      for (int i = 0; i < kColumns; ++i) LoadX(image, h0 + r * shape_.dilation_h, w0 + i, x[i]);
#pragma unroll
      for (int s = 0; s < 3; ++s) {
        float tap[kGroup];
        LoadFour(Tap(r * 3 + s), tap);
#pragma unroll
        for (int i = 0; i < kRun; ++i) AddTap(x[i * kStride + s], tap, sums[i]);
      }
    }
#pragma unroll
    for (int i = 0; i < kRun; ++i) {
      if (q + i < shape_.q) Store(row * shape_.q + q + i, sums[i]);
    }
  }

 private:
  __device__ __forceinline__ const float* Tap(std::int32_t tap) const {
    return filters_ + static_cast<std::int64_t>(tap) * plan_.channels;
  }
  // Zeros where there is no such pixel or channel.
  __device__ __forceinline__ void LoadX(const T* image, std::int32_t h, std::int32_t w,
                                        float (&x)[kGroup]) const {
    const bool inside = h >= 0 && h < shape_.h && w >= 0 && w < shape_.w;
    const T* const from = image + (inside ? h * shape_.x.h + w * shape_.x.w : 0);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) x[i] = 0;
    if constexpr (kVectors) {
      if (inside) LoadFour(from, x);
    } else {
#pragma unroll
      for (int i = 0; i < kGroup; ++i) {
        if (inside && c_ + i < shape_.c) x[i] = device::ToFloat(from[i * shape_.x.c]);
      }
    }
  }
  __device__ __forceinline__ void Store(std::int32_t pixel, float (&sums)[kGroup]) const {
    ActivateAll(plan_.middle, sums);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) sums[i] = kVectors || c_ + i < shape_.c ? Kind::Rounded(sums[i]) : 0.0f;
    StoreFour(middle_ + static_cast<std::int64_t>(pixel) * plan_.channels, sums);
  }

  const Shape& shape_;
  const Plan& plan_;
  std::int32_t c_;
  const T* x_;
  const float* filters_;
  T* middle_;
};

// This block's part; warps of all blocks take turns, so that the blocks' parts are alike. Calls make(inner,
// outer) for each of plan.items.
template <class Make>
__device__ __forceinline__ void ForEachItem(const Plan& plan, const device::Divisor& inner, Make&& make) {
  const auto thread = static_cast<std::int32_t>(threadIdx.x), blocks = static_cast<std::int32_t>(gridDim.x);
  const std::int32_t first =
      (thread / 32 * blocks + static_cast<std::int32_t>(blockIdx.x)) * 32 + thread % 32;
  for (std::int32_t item = first; item < plan.items; item += blocks * kThreads) {
    const std::int32_t outer = inner.Quotient(item);
    make(item - outer * inner.divisor, outer);
  }
}

template <class Kind, bool kChannelsLast>
__device__ __forceinline__ void MakeMiddle(const Shape& shape, const Plan& plan,
                                           const typename Kind::Type* __restrict__ x, char* workspace) {
  if constexpr (kChannelsLast) {
    const auto of_vectors = [&](std::int32_t group) {
      return Group<Kind, true>(shape, plan, x, workspace, group);
    };
    if (plan.runs && shape.stride_w == 1) {
      ForEachItem(plan, plan.by_groups,
                  [&](std::int32_t group, std::int32_t run) { of_vectors(group).template MakeRun<1>(run); });
    } else if (plan.runs) {
      ForEachItem(plan, plan.by_groups,
                  [&](std::int32_t group, std::int32_t run) { of_vectors(group).template MakeRun<2>(run); });
    } else if (plan.vectors_in) {
      ForEachItem(plan, plan.by_groups, [&](std::int32_t group, std::int32_t pixel) {
        of_vectors(group).template MakePixel<0>(pixel);
      });
    } else {
      ForEachItem(plan, plan.by_groups, [&](std::int32_t group, std::int32_t pixel) {
        Group<Kind, false>(shape, plan, x, workspace, group).template MakePixel<0>(pixel);
      });
    }
  } else if (shape.r == 3 && shape.s == 3) {
    ForEachItem(plan, plan.by_pixels, [&](std::int32_t pixel, std::int32_t group) {
      Group<Kind, false>(shape, plan, x, workspace, group).template MakePixel<3>(pixel);
    });
  } else {
    ForEachItem(plan, plan.by_pixels, [&](std::int32_t pixel, std::int32_t group) {
      Group<Kind, false>(shape, plan, x, workspace, group).template MakePixel<0>(pixel);
    });
  }
}

}  // namespace assay::dsconv::few
