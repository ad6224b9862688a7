#include "reference/operator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace assay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ParamMap KernelBench86() {
  return {{"n", std::int64_t{16}},  {"c", std::int64_t{64}},  {"k", std::int64_t{128}},
          {"h", std::int64_t{512}}, {"w", std::int64_t{512}}, {"pad", std::int64_t{1}}};
}

TEST(Operators, AreFoundByName) {
  ASSERT_NE(FindOperator("dsconv"), nullptr);
  EXPECT_EQ(FindOperator("dsconv")->name(), "dsconv");
  EXPECT_EQ(FindOperator("conv"), nullptr);
  EXPECT_THAT(Operators(), testing::Contains(FindOperator("dsconv")));
}

TEST(ProblemTest, ParametersAreReadByNameHereAndThroughTheView) {
  const Problem problem = FindOperator("dsconv")->MakeProblem(KernelBench86());
  EXPECT_EQ(problem.Get("k"), 128);
  EXPECT_THROW(problem.Get("nonsense"), std::out_of_range);
  const assay_problem view = problem.View(ASSAY_BF16, ASSAY_NHWC);
  EXPECT_STREQ(view.op, "dsconv");
  EXPECT_EQ(view.dtype, ASSAY_BF16);
  EXPECT_EQ(view.layout, ASSAY_NHWC);
  EXPECT_EQ(assay_param_or(&view, "pad_left", -1), 1);
  EXPECT_EQ(assay_param_or(&view, "nonsense", -1), -1);
}

TEST(ProblemTest, ParametersComeInTheDocumentedOrder) {
  const Problem problem = FindOperator("dsconv")->MakeProblem(KernelBench86());
  std::vector<std::string> names;
  for (const assay_param& param : problem.params) names.emplace_back(param.name);
  EXPECT_THAT(names, ElementsAre("n", "c", "k", "h", "w", "r", "s", "stride_h", "stride_w", "pad_top",
                                 "pad_bottom", "pad_left", "pad_right", "dilation_h", "dilation_w", "bias_dw",
                                 "bias_pw", "act_mid", "act_out", "p", "q"));
}

TEST(ProblemTest, EqualityLooksAtEveryParameter) {
  const Operator& op = *FindOperator("dsconv");
  ParamMap values = KernelBench86();
  EXPECT_EQ(op.MakeProblem(values), op.MakeProblem(KernelBench86()));
  values["act_out"] = "relu";
  EXPECT_FALSE(op.MakeProblem(values) == op.MakeProblem(KernelBench86()));
}

TEST(Tensors, CountAndStridesFollowRoleAndLayout) {
  const TensorSpec x{"x", "nchw", TensorRole::kActivation, {2, 3, 5, 7}, true};
  EXPECT_EQ(x.Count(), 210);
  EXPECT_THAT(x.Strides(ASSAY_NCHW), ElementsAre(105, 35, 7, 1));
  EXPECT_THAT(x.Strides(ASSAY_NHWC), ElementsAre(105, 1, 21, 3));
  const TensorSpec weight{"w", "abcd", TensorRole::kWeight, {2, 3, 5, 7}, true};
  EXPECT_THAT(weight.Strides(ASSAY_NHWC), ElementsAre(105, 35, 7, 1));
  const TensorSpec absent{"b", "c", TensorRole::kWeight, {64}, false};
  EXPECT_EQ(absent.Count(), 0);
}

TEST(Dsconv, TensorsHaveTheirShapesAndAbsentOnesTheirPlace) {
  const Operator& op = *FindOperator("dsconv");
  ParamMap values = KernelBench86();
  values["bias"] = "pw";
  values["kernel"] = std::vector<std::int64_t>{3, 5};
  const Problem problem = op.MakeProblem(values);
  const std::vector<TensorSpec> inputs = op.Inputs(problem);
  ASSERT_EQ(inputs.size(), 5U);
  EXPECT_EQ(inputs[0].name, "x");
  EXPECT_THAT(inputs[0].dims, ElementsAre(16, 64, 512, 512));
  EXPECT_EQ(inputs[1].name, "w_dw");
  EXPECT_THAT(inputs[1].dims, ElementsAre(64, 3, 5));
  EXPECT_EQ(inputs[2].name, "b_dw");
  EXPECT_FALSE(inputs[2].present);
  EXPECT_EQ(inputs[3].name, "w_pw");
  EXPECT_THAT(inputs[3].dims, ElementsAre(128, 64));
  EXPECT_EQ(inputs[4].name, "b_pw");
  EXPECT_TRUE(inputs[4].present);
  const std::vector<TensorSpec> outputs = op.Outputs(problem);
  ASSERT_EQ(outputs.size(), 1U);
  EXPECT_THAT(outputs[0].dims, ElementsAre(16, 128, 512, 510));
  EXPECT_EQ(outputs[0].role, TensorRole::kOutput);
}

TEST(Dsconv, CostOfKernelBench86IsThePublishedOne) {
  const Operator& op = *FindOperator("dsconv");
  const Problem problem = op.MakeProblem(KernelBench86());
  const Cost cost = op.CostOf(problem, ASSAY_F16);
  ASSERT_EQ(cost.work.size(), 2U);
  const double pixels = 16.0 * 512 * 512;
  EXPECT_EQ(cost.work[0].flops, 2 * pixels * 64 * 9);
  EXPECT_FALSE(cost.work[0].matrix);
  EXPECT_EQ(cost.work[1].flops, 2 * pixels * 64 * 128);
  EXPECT_TRUE(cost.work[1].matrix);
  EXPECT_NEAR(cost.Flops(), 73.5e9, 0.1e9);
  EXPECT_EQ(cost.compulsory_bytes, 2 * (pixels * (64 + 128) + 64 * 9 + 64 * 128));
  EXPECT_EQ(op.CostOf(problem, ASSAY_F32).compulsory_bytes, 2 * cost.compulsory_bytes);
}

TEST(Dsconv, TranscendentalOrDividingActivationsHaveNoExactInputs) {
  const Operator& op = *FindOperator("dsconv");
  for (const char* key : {"act_mid", "act_out"}) {
    for (const char* activation : {"none", "relu", "relu6", "silu", "hardswish"}) {
      ParamMap values = KernelBench86();
      values[key] = activation;
      std::string why;
      const bool exact = op.HasExactInputs(op.MakeProblem(values), ASSAY_F32, &why);
      const bool rounds = std::strcmp(activation, "silu") == 0 || std::strcmp(activation, "hardswish") == 0;
      EXPECT_EQ(exact, !rounds) << activation;
      if (rounds) {
        EXPECT_THAT(why, HasSubstr(std::string(key) + " = " + activation));
      }
    }
  }
}

TEST(Dsconv, EvaluateValuesGivesTheSameValuesWithoutMagnitudes) {
  const Operator& op = *FindOperator("dsconv");
  const Problem problem = op.ParseProblemId("n1c3k4h6w7r3p1-b-mid.relu");
  std::vector<TensorVector<float>> inputs;
  for (const TensorSpec& spec : op.Inputs(problem)) {
    const int index = static_cast<int>(inputs.size());
    op.Fill(problem, index, ASSAY_F16, FillKind::kExact, 1, inputs.emplace_back(spec.Count()));
  }
  const std::vector<std::span<const float>> views(inputs.begin(), inputs.end());
  std::vector<double> full(4 * 6 * 7), values(4 * 6 * 7);
  op.Evaluate(problem, views, [&](int, std::int64_t first, auto reference, auto magnitude) {
    EXPECT_EQ(magnitude.size(), reference.size());
    std::copy(reference.begin(), reference.end(), full.begin() + first);
  });
  op.EvaluateValues(problem, views, [&](int, std::int64_t first, auto reference, auto magnitude) {
    EXPECT_TRUE(magnitude.empty());
    std::copy(reference.begin(), reference.end(), values.begin() + first);
  });
  EXPECT_EQ(values, full);
  EXPECT_TRUE(std::any_of(full.begin(), full.end(), [](double value) { return value != 0; }));
}

TEST(Dsconv, FillRefusesARoomOfTheWrongSize) {
  const Operator& op = *FindOperator("dsconv");
  const Problem problem = op.MakeProblem(KernelBench86());
  std::vector<float> values(63);
  EXPECT_THROW(op.Fill(problem, 1, ASSAY_F32, FillKind::kRandom, 1, values), std::invalid_argument);
}

}  // namespace
}  // namespace assay
