#include "reference/dsconv/problem.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

namespace assay::dsconv {
namespace {

struct Field {
  const char* name;
  std::int64_t Shape::*member;
};

constexpr Field kFields[] = {
    {"n", &Shape::n},
    {"c", &Shape::c},
    {"k", &Shape::k},
    {"h", &Shape::h},
    {"w", &Shape::w},
    {"r", &Shape::r},
    {"s", &Shape::s},
    {"stride_h", &Shape::stride_h},
    {"stride_w", &Shape::stride_w},
    {"pad_top", &Shape::pad_top},
    {"pad_bottom", &Shape::pad_bottom},
    {"pad_left", &Shape::pad_left},
    {"pad_right", &Shape::pad_right},
    {"dilation_h", &Shape::dilation_h},
    {"dilation_w", &Shape::dilation_w},
    {"bias_dw", &Shape::bias_dw},
    {"bias_pw", &Shape::bias_pw},
    {"act_mid", &Shape::act_mid},
    {"act_out", &Shape::act_out},
    {"p", &Shape::p},
    {"q", &Shape::q},
};

const char kActivations[] = "none, relu, relu6, silu or hardswish";
const char kOneOrTwo[] = "an integer from 1, or a pair [h, w]; in a table also 1x2";

const ParamSpec& SpecOf(std::string_view key) {
  for (const ParamSpec& spec : Params()) {
    if (spec.name == key) return spec;
  }
  throw std::out_of_range("no parameter spec named " + std::string(key));
}

std::string Written(const ParamValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return '"' + *text + '"';
  return fmt::format("[{}]", fmt::join(std::get<std::vector<std::int64_t>>(value), ", "));
}

[[noreturn]] void Refuse(std::string_view key, const ParamValue& value, std::string_view allowed) {
  throw ProblemError(std::string(key), fmt::format("{} = {}: allowed is {}", key, Written(value), allowed));
}

// "1x2" as [1, 2]; nothing if the text is not of this form.
std::optional<std::vector<std::int64_t>> SplitByX(std::string_view text) {
  std::vector<std::int64_t> numbers;
  const char* next = text.data();
  const char* const end = text.data() + text.size();
  while (true) {
    std::int64_t number = 0;
    const auto [stopped, error] = std::from_chars(next, end, number);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(number);
    if (stopped == end) return numbers;
    if (*stopped != 'x') return std::nullopt;
    next = stopped + 1;
  }
}

// The numbers of a value that may be one integer or a list; empty for any other text.
std::vector<std::int64_t> Numbers(const ParamValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return {*number};
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) return *list;
  return SplitByX(std::get<std::string>(value)).value_or(std::vector<std::int64_t>{});
}

std::int64_t Dimension(const ParamMap& values, std::string_view key) {
  const auto found = values.find(key);
  if (found == values.end()) {
    throw ProblemError(std::string(key), fmt::format("{} is missing: {}", key, SpecOf(key).allowed));
  }
  const auto* number = std::get_if<std::int64_t>(&found->second);
  if (number == nullptr || *number < 1 || *number > kMaxParam)
    Refuse(key, found->second, SpecOf(key).allowed);
  return *number;
}

// A pair (h, w), where one integer stands for both.
std::array<std::int64_t, 2> Pair(const ParamMap& values, std::string_view key, std::int64_t fallback,
                                 std::int64_t largest) {
  const auto found = values.find(key);
  if (found == values.end()) return {fallback, fallback};
  const std::vector<std::int64_t> numbers = Numbers(found->second);
  if (numbers.empty() || numbers.size() > 2) Refuse(key, found->second, SpecOf(key).allowed);
  for (std::int64_t number : numbers) {
    if (number < 1 || number > largest) Refuse(key, found->second, SpecOf(key).allowed);
  }
  return {numbers.front(), numbers.back()};
}

std::int64_t ActivationOf(const ParamMap& values, std::string_view key) {
  const auto found = values.find(key);
  if (found == values.end()) return 0;
  const auto* text = std::get_if<std::string>(&found->second);
  const std::optional<Activation> activation = text != nullptr ? ParseActivation(*text) : std::nullopt;
  if (!activation) Refuse(key, found->second, SpecOf(key).allowed);
  return static_cast<std::int64_t>(*activation);
}

void SetBias(const ParamMap& values, Shape& d) {
  const auto found = values.find("bias");
  if (found == values.end()) return;
  const auto* text = std::get_if<std::string>(&found->second);
  const std::string_view choice = text != nullptr ? std::string_view(*text) : std::string_view();
  if (choice != "none" && choice != "dw" && choice != "pw" && choice != "both") {
    Refuse("bias", found->second, SpecOf("bias").allowed);
  }
  d.bias_dw = choice == "dw" || choice == "both";
  d.bias_pw = choice == "pw" || choice == "both";
}

// TensorFlow's "SAME": as many outputs as strides fit in, and the smaller half of the padding in front.
void PadSame(std::int64_t in, std::int64_t stride, std::int64_t effective, std::int64_t& front,
             std::int64_t& back) {
  const std::int64_t out = (in + stride - 1) / stride;
  const std::int64_t total = std::max<std::int64_t>((out - 1) * stride + effective - in, 0);
  front = total / 2;
  back = total - front;
}

void SetPadding(const ParamMap& values, Shape& d) {
  const auto found = values.find("pad");
  if (found == values.end()) return;
  const auto* text = std::get_if<std::string>(&found->second);
  if (text != nullptr && *text == "valid") return;
  if (text != nullptr && *text == "same") {
    PadSame(d.h, d.stride_h, d.EffectiveR(), d.pad_top, d.pad_bottom);
    PadSame(d.w, d.stride_w, d.EffectiveS(), d.pad_left, d.pad_right);
    return;
  }
  const std::vector<std::int64_t> pads = Numbers(found->second);
  if (pads.size() != 1 && pads.size() != 2 && pads.size() != 4)
    Refuse("pad", found->second, SpecOf("pad").allowed);
  for (std::int64_t pad : pads) {
    if (pad < 0 || pad > kMaxParam) Refuse("pad", found->second, SpecOf("pad").allowed);
  }
  if (pads.size() == 4) {
    d.pad_top = pads[0], d.pad_bottom = pads[1], d.pad_left = pads[2], d.pad_right = pads[3];
  } else {
    d.pad_top = d.pad_bottom = pads.front();
    d.pad_left = d.pad_right = pads.back();
  }
}

// One axis of the output's size; the names are for the message.
struct Axis {
  const char* taps;      // "r"
  const char* dilation;  // "dilation_h"
  const char* in;        // "h"
  const char* front;     // "pad_top"
  const char* back;      // "pad_bottom"
  const char* unit;      // "rows"
};

std::int64_t OutputSize(const Shape& d, const Axis& axis, std::int64_t Shape::*taps,
                        std::int64_t Shape::*dilation, std::int64_t Shape::*in, std::int64_t Shape::*front,
                        std::int64_t Shape::*back, std::int64_t stride) {
  const std::int64_t effective = (d.*taps - 1) * d.*dilation + 1;
  const std::int64_t padded = d.*in + d.*front + d.*back;
  if (effective > padded) {
    throw ProblemError(
        "kernel", fmt::format("the kernel must not be larger than the padded image, but with {} = {} and {} "
                              "= {} it spans {} {}, "
                              "and with {} = {}, {} = {} and {} = {} the padded image has only {}",
                              axis.taps, d.*taps, axis.dilation, d.*dilation, effective, axis.unit, axis.in,
                              d.*in, axis.front, d.*front, axis.back, d.*back, padded));
  }
  return (padded - effective) / stride + 1;
}

// A product of dimensions, refused where its fp32 tensor would take more than kMaxTensorBytes.
void CheckTensorSize(const char* tensor, std::initializer_list<Field> dims, const Shape& d) {
  std::int64_t bytes = 4;
  for (const Field& dim : dims) {
    if (d.*dim.member > kMaxTensorBytes / bytes) {
      std::string product;
      for (const Field& each : dims) {
        product += fmt::format("{}{} = {}", product.empty() ? "" : ", ", each.name, d.*each.member);
      }
      throw ProblemError(
          "", fmt::format("{} is too large: with {} it takes more than 2^46 bytes in fp32", tensor, product));
    }
    bytes *= d.*dim.member;
  }
}

void CheckTensorSizes(const Shape& d) {
  constexpr Field kN{"n", &Shape::n}, kC{"c", &Shape::c}, kK{"k", &Shape::k}, kH{"h", &Shape::h},
      kW{"w", &Shape::w};
  constexpr Field kP{"p", &Shape::p}, kQ{"q", &Shape::q}, kR{"r", &Shape::r}, kS{"s", &Shape::s};
  CheckTensorSize("the input x", {kN, kC, kH, kW}, d);
  CheckTensorSize("the weight w_dw", {kC, kR, kS}, d);
  CheckTensorSize("the weight w_pw", {kK, kC}, d);
  CheckTensorSize("the result of the depthwise half", {kN, kC, kP, kQ}, d);
  CheckTensorSize("the output y", {kN, kK, kP, kQ}, d);
}

}  // namespace

std::span<const ParamSpec> Params() {
  static const std::string dimension = fmt::format("an integer from 1 to {}", kMaxParam);
  static const std::vector<ParamSpec> specs = {
      {"n", dimension, true, ""},
      {"c", dimension, true, ""},
      {"k", dimension, true, ""},
      {"h", dimension, true, ""},
      {"w", dimension, true, ""},
      {"kernel", fmt::format("an integer from 1 to {}, or a pair [r, s]; in a table also 3x5", kMaxKernel),
       false, "3"},
      {"stride", kOneOrTwo, false, "1"},
      {"dilation", kOneOrTwo, false, "1"},
      {"pad",
       "an integer from 0, [h, w], [top, bottom, left, right], \"same\" or \"valid\"; in a table also 1x2 or "
       "0x1x2x3",
       false, "valid"},
      {"bias", "none, dw, pw or both", false, "none"},
      {"act_mid", kActivations, false, "none"},
      {"act_out", kActivations, false, "none"},
  };
  return specs;
}

Shape MakeShape(const ParamMap& values) {
  for (const auto& [key, value] : values) {
    const auto params = Params();
    if (std::none_of(params.begin(), params.end(),
                     [&name = key](const ParamSpec& spec) { return spec.name == name; })) {
      std::vector<std::string> names;
      for (const ParamSpec& spec : params) names.push_back(spec.name);
      throw ProblemError(
          key, fmt::format("dsconv has no parameter \"{}\"; it has {}", key, fmt::join(names, ", ")));
    }
  }
  Shape d;
  d.n = Dimension(values, "n");
  d.c = Dimension(values, "c");
  d.k = Dimension(values, "k");
  d.h = Dimension(values, "h");
  d.w = Dimension(values, "w");
  const auto kernel = Pair(values, "kernel", 3, kMaxKernel);
  d.r = kernel[0], d.s = kernel[1];
  const auto stride = Pair(values, "stride", 1, kMaxParam);
  d.stride_h = stride[0], d.stride_w = stride[1];
  const auto dilation = Pair(values, "dilation", 1, kMaxParam);
  d.dilation_h = dilation[0], d.dilation_w = dilation[1];
  SetPadding(values, d);
  SetBias(values, d);
  d.act_mid = ActivationOf(values, "act_mid");
  d.act_out = ActivationOf(values, "act_out");
  d.p = OutputSize(d, {"r", "dilation_h", "h", "pad_top", "pad_bottom", "rows"}, &Shape::r,
                   &Shape::dilation_h, &Shape::h, &Shape::pad_top, &Shape::pad_bottom, d.stride_h);
  d.q = OutputSize(d, {"s", "dilation_w", "w", "pad_left", "pad_right", "columns"}, &Shape::s,
                   &Shape::dilation_w, &Shape::w, &Shape::pad_left, &Shape::pad_right, d.stride_w);
  CheckTensorSizes(d);
  return d;
}

Problem ToProblem(const Operator& op, const Shape& shape) {
  Problem problem;
  problem.op = &op;
  for (const Field& field : kFields) problem.params.push_back({field.name, shape.*field.member});
  return problem;
}

Shape ToShape(const Problem& problem) {
  Shape shape;
  if (problem.params.size() != std::size(kFields)) throw std::invalid_argument("not a problem of dsconv");
  for (std::size_t i = 0; i < std::size(kFields); ++i) shape.*kFields[i].member = problem.params[i].value;
  return shape;
}

std::vector<TensorSpec> Inputs(const Shape& d) {
  return {
      {"x", "nchw", TensorRole::kActivation, {d.n, d.c, d.h, d.w}, true},
      {"w_dw", "crs", TensorRole::kWeight, {d.c, d.r, d.s}, true},
      {"b_dw", "c", TensorRole::kWeight, {d.c}, d.bias_dw != 0},
      {"w_pw", "kc", TensorRole::kWeight, {d.k, d.c}, true},
      {"b_pw", "k", TensorRole::kWeight, {d.k}, d.bias_pw != 0},
  };
}

std::vector<TensorSpec> Outputs(const Shape& d) {
  return {{"y", "nkpq", TensorRole::kOutput, {d.n, d.k, d.p, d.q}, true}};
}

}  // namespace assay::dsconv
