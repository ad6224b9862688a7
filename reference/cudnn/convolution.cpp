#include "reference/cudnn/convolution.h"

#include <fmt/format.h>

#include "reference/cudnn/error.h"

namespace assay::cudnn {
namespace {

// Parameters as the operator dsconv defines them; every one of these is >= 1 in a legal problem.
std::int64_t Positive(const assay_problem& problem, const char* name, std::int64_t fallback = 0) {
  const std::int64_t value = assay_param_or(&problem, name, fallback);
  if (value < 1) throw Error(fmt::format("parameter {} is {}; it must be at least 1", name, value));
  return value;
}

std::int64_t NotNegative(const assay_problem& problem, const char* name) {
  const std::int64_t value = assay_param_or(&problem, name, 0);
  if (value < 0) throw Error(fmt::format("parameter {} is {}; it must be at least 0", name, value));
  return value;
}

Activation ActivationOf(const assay_problem& problem, const char* name) {
  const std::int64_t value = assay_param_or(&problem, name, 0);
  if (value < 0 || value > static_cast<int>(Activation::kHardswish)) {
    throw Error(fmt::format("parameter {} is {}; known are 0 none, 1 relu, 2 relu6, 3 silu, 4 hardswish",
                            name, value));
  }
  return static_cast<Activation>(value);
}

std::int64_t OutputExtent(const Convolution& conv, int axis, const char* name) {
  const std::int64_t padded = conv.image[axis] + conv.pad_before[axis] + conv.pad_after[axis];
  const std::int64_t reach = conv.dilation[axis] * (conv.filter[axis] - 1) + 1;
  if (padded < reach) {
    throw Error(fmt::format("the filter reaches over {} positions, but the padded image has {} (output {})",
                            reach, padded, name));
  }
  return (padded - reach) / conv.stride[axis] + 1;
}

void CheckOutput(const assay_problem& problem, const char* name, std::int64_t computed) {
  const std::int64_t given = assay_param_or(&problem, name, computed);
  if (given != computed) {
    throw Error(
        fmt::format("parameter {} is {}, but the other parameters make it {}", name, given, computed));
  }
}

}  // namespace

const char* ActivationName(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return "none";
    case Activation::kRelu:
      return "relu";
    case Activation::kRelu6:
      return "relu6";
    case Activation::kSilu:
      return "silu";
    case Activation::kHardswish:
      return "hardswish";
  }
  return "unknown";
}

std::size_t ElementBytes(assay_dtype dtype) { return dtype == ASSAY_F32 ? 4 : 2; }

std::int64_t Count(const Dims& dims) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) {
    if (__builtin_mul_overflow(count, dim, &count)) throw Error("a tensor has more than 2^63 elements");
  }
  return count;
}

Dims Convolution::ActivationStrides(const Dims& dims) const {
  const auto& [unused, channels, height, width] = dims;
  (void)unused;
  if (layout == ASSAY_NHWC) return {height * width * channels, 1, width * channels, channels};
  return {channels * height * width, height * width, width, 1};
}

Dims Convolution::FilterStrides() const {
  const auto& [unused, channels, height, width] = FilterDims();
  (void)unused;
  if (layout == ASSAY_NHWC) return {height * width * channels, 1, width * channels, channels};
  return {channels * height * width, height * width, width, 1};
}

std::string Convolution::EpilogueName() const {
  if (!HasEpilogue()) return "";
  if (activation == Activation::kNone) return "bias";
  return fmt::format("{}{}", bias ? "bias+" : "", ActivationName(activation));
}

std::string Convolution::Key() const {
  return fmt::format(
      "{} n{} c{} k{} g{} h{}w{} r{}s{} p{}q{} st{},{} pb{},{} pa{},{} d{},{} b{} a{} t{} l{} tf{}", name, n,
      in_channels, out_channels, groups, image[0], image[1], filter[0], filter[1], out[0], out[1], stride[0],
      stride[1], pad_before[0], pad_before[1], pad_after[0], pad_after[1], dilation[0], dilation[1],
      bias ? 1 : 0, static_cast<int>(activation), static_cast<int>(dtype), static_cast<int>(layout),
      tf32 ? 1 : 0);
}

Convolution DepthwiseConvolution(const assay_problem& problem) {
  Convolution conv;
  conv.name = "depthwise";
  conv.n = Positive(problem, "n");
  conv.in_channels = conv.out_channels = conv.groups = Positive(problem, "c");
  conv.image = {Positive(problem, "h"), Positive(problem, "w")};
  conv.filter = {Positive(problem, "r"), Positive(problem, "s")};
  conv.stride = {Positive(problem, "stride_h", 1), Positive(problem, "stride_w", 1)};
  conv.dilation = {Positive(problem, "dilation_h", 1), Positive(problem, "dilation_w", 1)};
  conv.pad_before = {NotNegative(problem, "pad_top"), NotNegative(problem, "pad_left")};
  conv.pad_after = {NotNegative(problem, "pad_bottom"), NotNegative(problem, "pad_right")};
  conv.out = {OutputExtent(conv, 0, "p"), OutputExtent(conv, 1, "q")};
  CheckOutput(problem, "p", conv.out[0]);
  CheckOutput(problem, "q", conv.out[1]);
  conv.bias = assay_param_or(&problem, "bias_dw", 0) != 0;
  conv.activation = ActivationOf(problem, "act_mid");
  conv.dtype = problem.dtype;
  conv.layout = problem.layout;
  Count(conv.InputDims());
  Count(conv.OutputDims());
  return conv;
}

Convolution PointwiseConvolution(const assay_problem& problem) {
  const Convolution depthwise = DepthwiseConvolution(problem);
  Convolution conv;
  conv.name = "pointwise";
  conv.n = depthwise.n;
  conv.in_channels = depthwise.out_channels;
  conv.out_channels = Positive(problem, "k");
  conv.image = conv.out = depthwise.out;
  conv.filter = {1, 1};
  conv.bias = assay_param_or(&problem, "bias_pw", 0) != 0;
  conv.activation = ActivationOf(problem, "act_out");
  conv.dtype = problem.dtype;
  conv.layout = problem.layout;
  Count(conv.OutputDims());
  return conv;
}

}  // namespace assay::cudnn
