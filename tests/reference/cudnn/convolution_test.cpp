#include "reference/cudnn/convolution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "reference/cudnn/error.h"

namespace assay::cudnn {
namespace {

// A dsconv problem; parameters that are not given have the pack interface's defaults.
struct Problem {
  std::vector<assay_param> params = {{"n", 2},  {"c", 24}, {"k", 40}, {"h", 15},
                                     {"w", 17}, {"r", 3},  {"s", 5}};
  assay_dtype dtype = ASSAY_F16;
  assay_layout layout = ASSAY_NCHW;

  Problem& Set(const char* name, std::int64_t value) {
    const auto same = [name](const assay_param& param) { return std::string(param.name) == name; };
    const auto found = std::find_if(params.begin(), params.end(), same);
    if (found != params.end()) {
      found->value = value;
    } else {
      params.push_back({name, value});
    }
    return *this;
  }
  assay_problem View() const {
    return {"dsconv", params.data(), static_cast<std::int32_t>(params.size()), dtype, layout};
  }
};

std::string MessageOf(const Problem& problem) {
  try {
    PointwiseConvolution(problem.View());
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(DsconvAsConvolutions, TheDepthwiseHalfHasOneGroupAChannel) {
  Problem problem;
  problem.Set("stride_h", 2).Set("pad_top", 1).Set("pad_bottom", 2).Set("pad_left", 3).Set("dilation_w", 2);
  problem.Set("bias_dw", 1).Set("act_mid", 2);
  const Convolution conv = DepthwiseConvolution(problem.View());
  EXPECT_EQ(conv.groups, 24);
  EXPECT_EQ(conv.InputDims(), (Dims{2, 24, 15, 17}));
  EXPECT_EQ(conv.FilterDims(), (Dims{24, 1, 3, 5}));
  // (15 + 1 + 2 - 3) / 2 + 1 rows; (17 + 3 - 9) / 1 + 1 columns.
  EXPECT_EQ(conv.OutputDims(), (Dims{2, 24, 8, 12}));
  EXPECT_EQ(conv.pad_before, (Pair{1, 3}));
  EXPECT_EQ(conv.pad_after, (Pair{2, 0}));
  EXPECT_TRUE(conv.bias);
  EXPECT_EQ(conv.EpilogueName(), "bias+relu6");
}

TEST(DsconvAsConvolutions, ThePointwiseHalfTakesTheDepthwiseOutput) {
  Problem problem;
  problem.Set("stride_h", 2).Set("act_out", 4);
  const Convolution conv = PointwiseConvolution(problem.View());
  EXPECT_EQ(conv.groups, 1);
  EXPECT_EQ(conv.InputDims(), (Dims{2, 24, 7, 13}));
  EXPECT_EQ(conv.FilterDims(), (Dims{40, 24, 1, 1}));
  EXPECT_EQ(conv.OutputDims(), (Dims{2, 40, 7, 13}));
  EXPECT_EQ(conv.stride, (Pair{1, 1}));
  EXPECT_FALSE(conv.bias);
  EXPECT_EQ(conv.EpilogueName(), "hardswish");
}

TEST(DsconvAsConvolutions, WithoutBiasAndActivationThereIsNoEpilogue) {
  const Convolution conv = DepthwiseConvolution(Problem().View());
  EXPECT_FALSE(conv.HasEpilogue());
  EXPECT_EQ(conv.EpilogueName(), "");
}

// The offset of every element under strides in cuDNN's order must be its offset in the harness's memory.
TEST(DsconvAsConvolutions, FiltersInBothLayoutsAreTheSameBytes) {
  for (const assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
    Problem problem;
    problem.layout = layout;
    for (const Convolution& conv :
         {DepthwiseConvolution(problem.View()), PointwiseConvolution(problem.View())}) {
      const Dims dims = conv.FilterDims(), strides = conv.FilterStrides();
      std::int64_t row_major = 0;
      for (std::int64_t k = 0; k < dims[0]; ++k) {
        for (std::int64_t c = 0; c < dims[1]; ++c) {
          for (std::int64_t r = 0; r < dims[2]; ++r) {
            for (std::int64_t s = 0; s < dims[3]; ++s, ++row_major) {
              ASSERT_EQ(k * strides[0] + c * strides[1] + r * strides[2] + s * strides[3], row_major)
                  << conv.name;
            }
          }
        }
      }
    }
  }
}

TEST(DsconvAsConvolutions, ActivationStridesFollowTheLayout) {
  Problem problem;
  const Dims dims = {2, 24, 15, 17};
  EXPECT_EQ(DepthwiseConvolution(problem.View()).ActivationStrides(dims), (Dims{6120, 255, 17, 1}));
  problem.layout = ASSAY_NHWC;
  EXPECT_EQ(DepthwiseConvolution(problem.View()).ActivationStrides(dims), (Dims{6120, 1, 408, 24}));
}

TEST(DsconvAsConvolutions, KeysDifferWheneverThePlanWould) {
  const std::string key = DepthwiseConvolution(Problem().View()).Key();
  EXPECT_EQ(DepthwiseConvolution(Problem().View()).Key(), key);
  for (const char* name : {"n", "c", "h", "w", "r", "s", "stride_h", "stride_w", "dilation_h", "dilation_w",
                           "pad_top", "pad_bottom", "pad_left", "pad_right", "bias_dw", "act_mid"}) {
    Problem problem;
    const assay_problem view = problem.View();
    problem.Set(name, assay_param_or(&view, name, name[0] == 's' || name[0] == 'd' ? 1 : 0) + 1);
    EXPECT_NE(DepthwiseConvolution(problem.View()).Key(), key) << name;
  }
  Problem other;
  other.dtype = ASSAY_BF16;
  EXPECT_NE(DepthwiseConvolution(other.View()).Key(), key);
  other = Problem();
  other.layout = ASSAY_NHWC;
  EXPECT_NE(DepthwiseConvolution(other.View()).Key(), key);
  // What only the other half depends on.
  EXPECT_EQ(DepthwiseConvolution(Problem().Set("k", 7).Set("act_out", 1).Set("bias_pw", 1).View()).Key(),
            key);
}

TEST(DsconvAsConvolutions, BadParametersAreNamed) {
  using testing::HasSubstr;
  EXPECT_THAT(MessageOf(Problem().Set("k", 0)), HasSubstr("parameter k is 0"));
  EXPECT_THAT(MessageOf(Problem().Set("stride_w", 0)), HasSubstr("parameter stride_w is 0"));
  EXPECT_THAT(MessageOf(Problem().Set("pad_left", -1)), HasSubstr("parameter pad_left is -1"));
  EXPECT_THAT(MessageOf(Problem().Set("act_mid", 5)), HasSubstr("parameter act_mid is 5"));
  EXPECT_THAT(MessageOf(Problem().Set("act_out", 99)), HasSubstr("parameter act_out is 99"));
  EXPECT_THAT(MessageOf(Problem().Set("r", 16)),
              HasSubstr("reaches over 16 positions, but the padded image has 15"));
  EXPECT_THAT(MessageOf(Problem().Set("p", 12)),
              HasSubstr("parameter p is 12, but the other parameters make it 13"));
  EXPECT_THAT(MessageOf(Problem().Set("n", std::int64_t{1} << 60).Set("c", 1 << 20)), HasSubstr("2^63"));
}

}  // namespace
}  // namespace assay::cudnn
