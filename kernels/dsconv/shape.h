// A dsconv problem as kernels take it: sizes, strides and flags in one struct passed by value.
#pragma once

#include <cstdint>

#include "kernels/device/activation.h"
#include "kernels/pack.h"

namespace assay::dsconv {

// Element strides of an activation tensor in its layout.
struct Strides {
  std::int64_t n, c;
  std::int32_t h, w;
};

// y[n,k,p,q] = act_out(b_pw[k] + sum_c w_pw[k,c] act_mid(b_dw[c] + sum_rs w_dw[c,r,s] x[n,c,h,w])),
// h = p stride_h - pad_h + r dilation_h, w likewise; x counts as zero outside the image.
struct Shape {
  std::int32_t n, c, k, h, w, r, s, p, q;
  std::int32_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;  // pad_h above, pad_w to the left
  device::Activation act_mid, act_out;
  Strides x, y;
  bool channels_last;
};

// Names of the tensors in assay_buffers.inputs.
enum Input : int { kX = 0, kWDw = 1, kBDw = 2, kWPw = 3, kBPw = 4 };

inline Strides StridesOf(assay_layout layout, std::int64_t channels, std::int64_t height,
                         std::int64_t width) {
  if (layout == ASSAY_NHWC) {
    return {height * width * channels, 1, static_cast<std::int32_t>(width * channels),
            static_cast<std::int32_t>(channels)};
  }
  return {channels * height * width, height * width, static_cast<std::int32_t>(width), 1};
}

inline Shape ShapeOf(const assay_problem& problem) {
  const auto get = [&](const char* name) {
    return static_cast<std::int32_t>(assay_param_or(&problem, name, 0));
  };
  Shape shape{};
  shape.n = get("n"), shape.c = get("c"), shape.k = get("k");
  shape.h = get("h"), shape.w = get("w"), shape.r = get("r"), shape.s = get("s");
  shape.p = get("p"), shape.q = get("q");
  shape.stride_h = get("stride_h"), shape.stride_w = get("stride_w");
  shape.pad_h = get("pad_top"), shape.pad_w = get("pad_left");
  shape.dilation_h = get("dilation_h"), shape.dilation_w = get("dilation_w");
  shape.act_mid = static_cast<device::Activation>(get("act_mid"));
  shape.act_out = static_cast<device::Activation>(get("act_out"));
  shape.channels_last = problem.layout == ASSAY_NHWC;
  shape.x = StridesOf(problem.layout, shape.c, shape.h, shape.w);
  shape.y = StridesOf(problem.layout, shape.k, shape.p, shape.q);
  return shape;
}

}  // namespace assay::dsconv
