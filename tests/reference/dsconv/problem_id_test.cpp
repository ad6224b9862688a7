#include "reference/dsconv/problem_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reference/dsconv/test_problems.h"

namespace assay::dsconv {
namespace {

using testing::HasSubstr;

Problem Parsed(std::string_view id) { return FindOperator("dsconv")->ParseProblemId(id); }

TEST(ProblemId, CanonicalIdsReadBackAsThemselves) {
  for (const char* id : {
           "n16c64k128h512w512r3p1",
           "n1c1k1h1w1r1",
           "n1c2k3h4w5r3s5p1x2",
           "n1c2k3h14w15r3p0x1x2x3st2",
           "n1c2k3h14w15r5st2x1d2x3",
           "n1c2k3h14w15r3d2-b",
           "n1c2k3h14w15r3-bdw",
           "n1c2k3h14w15r3-bpw-mid.relu6",
           "n1c2k3h14w15r3p1-b-mid.silu-out.hardswish",
           "n1c2k3h14w15r3-out.relu",
       }) {
    EXPECT_EQ(FindOperator("dsconv")->ProblemId(Parsed(id)), id);
  }
}

TEST(ProblemId, TokensMeanWhatTheySay) {
  const Shape d = ShapeOf("n2c3k4h50w60r3s5p1x2x3x4st5x6d7x8-bdw-mid.relu-out.silu");
  EXPECT_EQ(d.n, 2);
  EXPECT_EQ(d.c, 3);
  EXPECT_EQ(d.k, 4);
  EXPECT_EQ(d.h, 50);
  EXPECT_EQ(d.w, 60);
  EXPECT_EQ(d.r, 3);
  EXPECT_EQ(d.s, 5);
  EXPECT_EQ(d.pad_top, 1);
  EXPECT_EQ(d.pad_bottom, 2);
  EXPECT_EQ(d.pad_left, 3);
  EXPECT_EQ(d.pad_right, 4);
  EXPECT_EQ(d.stride_h, 5);
  EXPECT_EQ(d.stride_w, 6);
  EXPECT_EQ(d.dilation_h, 7);
  EXPECT_EQ(d.dilation_w, 8);
  EXPECT_EQ(d.bias_dw, 1);
  EXPECT_EQ(d.bias_pw, 0);
  EXPECT_EQ(d.ActMid(), Activation::kRelu);
  EXPECT_EQ(d.ActOut(), Activation::kSilu);
}

TEST(ProblemId, RoundTripsOverRandomProblems) {
  std::mt19937_64 random(20);
  const Operator& op = *FindOperator("dsconv");
  for (int i = 0; i < 2000; ++i) {
    const Problem problem = ToProblem(op, RandomShape(random));
    const std::string id = op.ProblemId(problem);
    ASSERT_EQ(op.ParseProblemId(id), problem) << id;
    ASSERT_EQ(id.find_first_of("/ "), std::string::npos) << id;
  }
}

TEST(ProblemId, MistakesNameTheTokenAndWhatIsAllowed) {
  struct Mistake {
    const char* id;
    const char* param;
    std::vector<const char*> says;
  };
  const std::vector<Mistake> mistakes = {
      {"", "n", {"found the end", "\"n\" and an integer"}},
      {"16c64", "n", {"found \"16c64\"", "\"n\" and an integer"}},
      {"n16k64", "c", {"found \"k64\"", "\"c\" and an integer"}},
      {"n16cxk64", "c", {"found \"cxk64\"", "\"c\" and an integer"}},
      {"n16c64k128h512w512", "kernel", {"found the end", "\"r\""}},
      {"n99999999999999999999c1k1h1w1r1", "n", {"token \"n\"", "99999999999999999999", "up to 2147483647"}},
      {"n1c1k1h9w9r3q7", "", {"found \"q7\"", "p1 (padding)", "-bdw"}},
      {"n1c1k1h9w9r3st2p1", "", {"found \"p1\"", "in this order"}},
      {"n1c1k1h9w9r3p1x", "", {"found \"x\""}},
      {"n1c1k1h9w9r3p1xy", "pad", {"token \"p\"", "\"y\""}},
      {"n1c1k1h9w9r3p1x2x3", "pad", {"pad = [1, 2, 3]"}},
      {"n1c1k1h9w9r3-out.relu-b", "", {"found \"-b\"", "in this order"}},
      {"n1c1k1h9w9r3-mid.gelu", "act_mid", {"act_mid = \"gelu\"", "hardswish"}},
      {"n1c1k1h9w9r3 ", "", {"found \" \""}},
      {"n1c1k1h9w9r12", "kernel", {"12", "1 to 11"}},
      {"n1c1k1h2w9r3", "kernel", {"problem \"n1c1k1h2w9r3\"", "r = 3", "padded image"}},
  };
  for (const Mistake& mistake : mistakes) {
    try {
      Parsed(mistake.id);
      ADD_FAILURE() << "accepted: " << mistake.id;
    } catch (const ProblemError& error) {
      EXPECT_EQ(error.param(), mistake.param) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(std::string("problem \"") + mistake.id + '"'));
      for (const char* text : mistake.says) EXPECT_THAT(error.what(), HasSubstr(text));
    }
  }
}

}  // namespace
}  // namespace assay::dsconv
