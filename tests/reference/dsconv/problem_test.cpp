#include "reference/dsconv/problem.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay::dsconv {
namespace {

using testing::HasSubstr;

using List = std::vector<std::int64_t>;

ParamMap With(std::initializer_list<std::pair<const char*, ParamValue>> values) {
  ParamMap map = {{"n", std::int64_t{2}},
                  {"c", std::int64_t{3}},
                  {"k", std::int64_t{4}},
                  {"h", std::int64_t{10}},
                  {"w", std::int64_t{12}}};
  for (const auto& [key, value] : values) map[key] = value;
  return map;
}

std::string Pads(const Shape& d) {
  return fmt::format("{} {} {} {}", d.pad_top, d.pad_bottom, d.pad_left, d.pad_right);
}

TEST(MakeShape, Defaults) {
  const Shape d = MakeShape(With({}));
  EXPECT_EQ(d.r, 3);
  EXPECT_EQ(d.s, 3);
  EXPECT_EQ(d.stride_h, 1);
  EXPECT_EQ(d.dilation_w, 1);
  EXPECT_EQ(Pads(d), "0 0 0 0");
  EXPECT_EQ(d.bias_dw + d.bias_pw + d.act_mid + d.act_out, 0);
  EXPECT_EQ(d.p, 8);
  EXPECT_EQ(d.q, 10);
}

TEST(MakeShape, DefaultsAreThoseThatTheSpecsName) {
  ParamMap spelled = With({});
  for (const ParamSpec& spec : Params()) {
    EXPECT_EQ(spec.required, spec.fallback.empty()) << spec.name;
    if (spec.required) continue;
    const bool number = spec.fallback.find_first_not_of("0123456789") == std::string::npos;
    spelled[spec.name] =
        number ? ParamValue(std::int64_t{std::stoi(spec.fallback)}) : ParamValue(spec.fallback);
  }
  EXPECT_EQ(ToProblem(*FindOperator("dsconv"), MakeShape(spelled)),
            ToProblem(*FindOperator("dsconv"), MakeShape(With({}))));
}

TEST(MakeShape, PairsAndTextPairsGiveBothAxes) {
  for (const ParamValue& value : {ParamValue(List{1, 2}), ParamValue("1x2")}) {
    const Shape d =
        MakeShape(With({{"kernel", value}, {"stride", value}, {"dilation", value}, {"pad", value}}));
    EXPECT_EQ(d.r, 1);
    EXPECT_EQ(d.s, 2);
    EXPECT_EQ(d.stride_h, 1);
    EXPECT_EQ(d.stride_w, 2);
    EXPECT_EQ(d.dilation_h, 1);
    EXPECT_EQ(d.dilation_w, 2);
    EXPECT_EQ(Pads(d), "1 1 2 2");
  }
}

TEST(MakeShape, PaddingInAllItsForms) {
  EXPECT_EQ(Pads(MakeShape(With({{"pad", std::int64_t{2}}}))), "2 2 2 2");
  EXPECT_EQ(Pads(MakeShape(With({{"pad", List{1, 2, 3, 4}}}))), "1 2 3 4");
  EXPECT_EQ(Pads(MakeShape(With({{"pad", "1x2x3x4"}}))), "1 2 3 4");
  EXPECT_EQ(Pads(MakeShape(With({{"pad", "valid"}}))), "0 0 0 0");
}

// TensorFlow's rule, worked out by hand: total = max((ceil(in / stride) - 1) * stride + effective - in, 0).
TEST(MakeShape, SamePadding) {
  const auto same = [](std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t dilation) {
    const Shape d = MakeShape(With({{"h", in},
                                    {"w", in},
                                    {"kernel", kernel},
                                    {"stride", stride},
                                    {"dilation", dilation},
                                    {"pad", "same"}}));
    return fmt::format("{}: {} {}", d.p, d.pad_top, d.pad_bottom);
  };
  EXPECT_EQ(same(7, 3, 1, 1), "7: 1 1");
  EXPECT_EQ(same(7, 3, 2, 1), "4: 1 1");
  EXPECT_EQ(same(8, 3, 2, 1), "4: 0 1");  // 3 * 2 + 3 - 8 = 1, and the larger half comes last
  EXPECT_EQ(same(8, 4, 1, 1), "8: 1 2");
  EXPECT_EQ(same(8, 1, 3, 1), "3: 0 0");  // 2 * 3 + 1 - 8 < 0
  EXPECT_EQ(same(9, 5, 2, 2), "5: 4 4");  // 4 * 2 + 9 - 9 = 8
  EXPECT_EQ(same(2, 11, 1, 1), "2: 5 5");
  EXPECT_EQ(same(224, 3, 2, 1), "112: 0 1");
}

TEST(MakeShape, OutputSizeDropsAnIncompleteLastStep) {
  const Shape d =
      MakeShape(With({{"h", std::int64_t{10}}, {"w", std::int64_t{12}}, {"stride", std::int64_t{4}}}));
  EXPECT_EQ(d.p, 2);  // rows 0-2 and 4-6
  EXPECT_EQ(d.q, 3);  // columns 0-2, 4-6 and 8-10
}

TEST(MakeShape, PaddingMayExceedTheKernelAndTheImage) {
  const Shape d = MakeShape(With({{"h", std::int64_t{1}}, {"w", std::int64_t{1}}, {"pad", std::int64_t{9}}}));
  EXPECT_EQ(d.p, 17);
}

struct Refusal {
  ParamMap values;
  const char* param;
  std::vector<const char*> says;
};

TEST(MakeShape, RefusesWhatIsImpossibleAndNamesParameterValueAndRule) {
  ParamMap without_k = With({});
  without_k.erase("k");
  constexpr std::int64_t kHuge = kMaxParam;
  const std::vector<Refusal> refusals = {
      {without_k, "k", {"k is missing", "integer from 1"}},
      {With({{"n", std::int64_t{0}}}), "n", {"n = 0", "integer from 1"}},
      {With({{"c", std::int64_t{-3}}}), "c", {"c = -3", "integer from 1"}},
      {With({{"h", kMaxParam + 1}}), "h", {"h = 2147483648", "to 2147483647"}},
      {With({{"w", "wide"}}), "w", {"w = \"wide\"", "integer"}},
      {With({{"k", List{1, 2}}}), "k", {"k = [1, 2]", "integer"}},
      {With({{"kernel", std::int64_t{0}}}), "kernel", {"kernel = 0", "1 to 11"}},
      {With({{"kernel", std::int64_t{12}}}), "kernel", {"kernel = 12", "1 to 11"}},
      {With({{"kernel", List{3, 12}}}), "kernel", {"kernel = [3, 12]", "1 to 11"}},
      {With({{"kernel", List{3, 3, 3}}}), "kernel", {"kernel = [3, 3, 3]", "pair"}},
      {With({{"kernel", List{}}}), "kernel", {"kernel = []", "pair"}},
      {With({{"kernel", "big"}}), "kernel", {"kernel = \"big\"", "1 to 11"}},
      {With({{"kernel", "3x"}}), "kernel", {"kernel = \"3x\""}},
      {With({{"kernel", "3x5 "}}), "kernel", {"kernel = \"3x5 \""}},
      {With({{"stride", std::int64_t{0}}}), "stride", {"stride = 0", "integer from 1"}},
      {With({{"stride", List{1, -1}}}), "stride", {"stride = [1, -1]", "integer from 1"}},
      {With({{"dilation", std::int64_t{0}}}), "dilation", {"dilation = 0", "integer from 1"}},
      {With({{"pad", std::int64_t{-1}}}), "pad", {"pad = -1", "from 0", "same", "valid"}},
      {With({{"pad", List{1, 2, 3}}}), "pad", {"pad = [1, 2, 3]", "[top, bottom, left, right]"}},
      {With({{"pad", "full"}}), "pad", {"pad = \"full\"", "same", "valid"}},
      {With({{"bias", "all"}}), "bias", {"bias = \"all\"", "none, dw, pw or both"}},
      {With({{"bias", std::int64_t{1}}}), "bias", {"bias = 1", "none, dw, pw or both"}},
      {With({{"act_mid", "gelu"}}), "act_mid", {"act_mid = \"gelu\"", "hardswish"}},
      {With({{"act_out", std::int64_t{1}}}), "act_out", {"act_out = 1", "relu6"}},
      {With({{"padding", std::int64_t{1}}}),
       "padding",
       {"no parameter \"padding\"", "kernel, stride, dilation, pad"}},
      {With({{"h", std::int64_t{2}}}),
       "kernel",
       {"r = 3", "dilation_h = 1", "3 rows", "h = 2", "pad_top = 0", "only 2"}},
      {With({{"dilation", List{1, 6}}}),
       "kernel",
       {"s = 3", "dilation_w = 6", "13 columns", "w = 12", "only 12"}},
      {With({{"n", kHuge}, {"c", kHuge}, {"h", kHuge}}),
       "",
       {"input x", "n = 2147483647", "c = 2147483647", "2^46"}},
      {With({{"c", std::int64_t{1} << 26}, {"k", std::int64_t{1} << 20}}),
       "",
       {"w_pw", "k = 1048576", "2^46"}},
      {With({{"pad", kHuge}}), "", {"depthwise half", "2^46"}},
      {With({{"k", std::int64_t{1} << 30}, {"pad", std::int64_t{300}}, {"c", std::int64_t{1}}}),
       "",
       {"output y", "k = 1073741824", "2^46"}},
  };
  for (const Refusal& refusal : refusals) {
    try {
      MakeShape(refusal.values);
      ADD_FAILURE() << "accepted: " << refusal.says.front();
    } catch (const ProblemError& error) {
      EXPECT_EQ(error.param(), refusal.param) << error.what();
      for (const char* text : refusal.says) EXPECT_THAT(error.what(), HasSubstr(text));
    }
  }
}

TEST(ToShape, IsTheInverseOfToProblem) {
  const Shape d = MakeShape(With({{"kernel", List{2, 5}}, {"pad", List{1, 2, 3, 4}}, {"act_out", "silu"}}));
  const Problem problem = ToProblem(*FindOperator("dsconv"), d);
  EXPECT_EQ(ToProblem(*problem.op, ToShape(problem)), problem);
  Problem other = problem;
  other.params.pop_back();
  EXPECT_THROW(ToShape(other), std::invalid_argument);
}

}  // namespace
}  // namespace assay::dsconv
