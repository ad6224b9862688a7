// What a depthwise-separable convolution is asked for: its parameters, in the order and with the names by
// which kernel packs read them, and the rules that they keep.
//
//   y[n,k,p,q] = act_out( b_pw[k] + sum_c w_pw[k,c] * act_mid( b_dw[c] +
//                sum_{r,s} w_dw[c,r,s] * x[n, c, p*stride_h - pad_top + r*dilation_h, q*stride_w - pad_left +
//                s*dilation_w] ) )
//
// Outside the image x counts as zero.
#pragma once

#include <cstdint>
#include <span>

#include "reference/dsconv/activation.h"
#include "reference/operator.h"

namespace assay::dsconv {

// The parameters of a Problem, in this order: n c k h w r s stride_h stride_w pad_top pad_bottom pad_left
// pad_right dilation_h dilation_w bias_dw bias_pw act_mid act_out p q.
struct Shape {
  std::int64_t n = 0;           // images
  std::int64_t c = 0;           // input channels; the depthwise half keeps their number
  std::int64_t k = 0;           // output channels
  std::int64_t h = 0;           // input height
  std::int64_t w = 0;           // input width
  std::int64_t r = 0;           // depthwise kernel's height, 1 to 11
  std::int64_t s = 0;           // depthwise kernel's width, 1 to 11
  std::int64_t stride_h = 1;    // input rows from one output row to the next
  std::int64_t stride_w = 1;    // likewise for columns
  std::int64_t pad_top = 0;     // rows of zeros above the image
  std::int64_t pad_bottom = 0;  // ... below
  std::int64_t pad_left = 0;    // columns of zeros left of the image
  std::int64_t pad_right = 0;   // ... right
  std::int64_t dilation_h = 1;  // input rows from one tap to the next
  std::int64_t dilation_w = 1;  // likewise for columns
  std::int64_t bias_dw = 0;     // 1: b_dw is present
  std::int64_t bias_pw = 0;     // 1: b_pw is present
  std::int64_t act_mid = 0;     // an Activation, between the halves
  std::int64_t act_out = 0;     // an Activation, at the end
  std::int64_t p =
      0;  // output height: (h + pad_top + pad_bottom - EffectiveR()) / stride_h + 1, rounded down
  std::int64_t q = 0;  // output width, likewise

  std::int64_t EffectiveR() const { return (r - 1) * dilation_h + 1; }  // input rows that a kernel spans
  std::int64_t EffectiveS() const { return (s - 1) * dilation_w + 1; }
  Activation ActMid() const { return static_cast<Activation>(act_mid); }
  Activation ActOut() const { return static_cast<Activation>(act_out); }
};

inline constexpr std::int64_t kMaxKernel = 11;
// No parameter is larger than this, and no tensor takes more bytes (in fp32): index arithmetic in int64 never
// overflows.
inline constexpr std::int64_t kMaxParam = (std::int64_t{1} << 31) - 1;
inline constexpr std::int64_t kMaxTensorBytes = std::int64_t{1} << 46;

// The keys that a config may set.
std::span<const ParamSpec> Params();
// Checks and resolves the values of those keys. Throws ProblemError.
Shape MakeShape(const ParamMap& values);

Problem ToProblem(const Operator& op, const Shape& shape);
Shape ToShape(const Problem& problem);

// In the order of assay_buffers: x, w_dw, b_dw, w_pw, b_pw; and y.
enum InputIndex { kX = 0, kWDw = 1, kBDw = 2, kWPw = 3, kBPw = 4, kNumInputs = 5 };
std::vector<TensorSpec> Inputs(const Shape& shape);
std::vector<TensorSpec> Outputs(const Shape& shape);

}  // namespace assay::dsconv
