// The operator dsconv as cuDNN sees it: two convolutions, each with an optional bias and activation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/pack.h"

namespace assay::cudnn {

// The values of dsconv's parameters act_mid and act_out.
enum class Activation : int { kNone = 0, kRelu = 1, kRelu6 = 2, kSilu = 3, kHardswish = 4 };
const char* ActivationName(Activation activation);

std::size_t ElementBytes(assay_dtype dtype);

using Pair = std::array<std::int64_t, 2>;  // height, width
using Dims = std::array<std::int64_t, 4>;

// y[n,k,p,q] = act( bias[k] + conv(x[n,c,h,w], filter[k, c / groups, r, s]) ), a cross-correlation.
// Activations lie in `layout`; filters are row-major in the order k, c / groups, r, s; x, y, filter and bias
// are `dtype`.
struct Convolution {
  const char* name = "";  // "depthwise" or "pointwise"
  std::int64_t n = 0, in_channels = 0, out_channels = 0, groups = 1;
  Pair image{}, filter{}, out{};
  Pair stride{1, 1}, pad_before{0, 0}, pad_after{0, 0}, dilation{1, 1};
  bool bias = false;
  Activation activation = Activation::kNone;
  assay_dtype dtype = ASSAY_F32;
  assay_layout layout = ASSAY_NCHW;
  bool tf32 = false;  // operands of fp32 tensors may be rounded to TF32

  Dims InputDims() const { return {n, in_channels, image[0], image[1]}; }
  Dims FilterDims() const { return {out_channels, in_channels / groups, filter[0], filter[1]}; }
  Dims OutputDims() const { return {n, out_channels, out[0], out[1]}; }
  // Element strides in the order of the dims. For NHWC activations cuDNN wants the filter as k, r, s, c /
  // groups too; since c / groups is 1 (depthwise) or r = s = 1 (pointwise), the row-major bytes are that
  // already.
  Dims ActivationStrides(const Dims& dims) const;
  Dims FilterStrides() const;

  bool HasEpilogue() const { return bias || activation != Activation::kNone; }
  std::string EpilogueName() const;  // "bias+relu6"
  std::string Key() const;           // equal for halves that the same plan computes
};

std::int64_t Count(const Dims& dims);

// Both halves of a dsconv problem. Throw Error naming the parameter at fault.
Convolution DepthwiseConvolution(const assay_problem& problem);
Convolution PointwiseConvolution(const assay_problem& problem);

}  // namespace assay::cudnn
