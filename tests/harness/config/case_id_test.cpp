// Case ids: typed by people, printed in every report, read back by --case and --problem.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/config/adhoc.h"
#include "tests/harness/config/fake_operator.h"
#include "tests/harness/config/load.h"

namespace assay::testing {
namespace {

using ::testing::ElementsAre;

std::string IdError(const std::string& id) {
  try {
    ParseCaseId(id, FakeCatalog(), FakeOperators());
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

std::string AdhocError(const AdhocOptions& options) {
  try {
    MakeAdhocSweep(options, FakeCatalog(), FakeOperators());
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(CaseId, ComesBackFromEveryCaseOfASweep) {
  const Sweep sweep = ConfigFolder().Load(
      "name: x\nproblems: [{grid: {n: [1, 128], c: 9, kernel: [1, [3, 5]], mode: [max, mean]}}]\n");
  ASSERT_EQ(sweep.cases.size(), 8u * 24u);
  for (const Case& c : sweep.cases) {
    const Case back = ParseCaseId(c.Id(), FakeCatalog(), FakeOperators());
    EXPECT_EQ(back.Id(), c.Id());
    EXPECT_TRUE(back.problem == c.problem);
    EXPECT_EQ(back.dtype, c.dtype);
    EXPECT_EQ(back.layout, c.layout);
    EXPECT_EQ(back.variant, c.variant);
    EXPECT_EQ(back.baseline, c.baseline);
    EXPECT_EQ(back.named, !c.baseline);
  }
}

TEST(CaseId, SaysThatItIsLaunchedAsAGraph) {
  const Case kernel = ParseCaseId("pool/n1c2r1s1/fp16/nhwc/tiled+graph", FakeCatalog(), FakeOperators());
  EXPECT_EQ(kernel.variant, "tiled+graph");
  EXPECT_TRUE(kernel.named);
  EXPECT_EQ(kernel.Id(), "pool/n1c2r1s1/fp16/nhwc/tiled+graph");
  EXPECT_TRUE(ParseCaseId("pool/n1c2r1s1/fp16/nhwc/lib+graph", FakeCatalog(), FakeOperators()).baseline);
  EXPECT_THAT(IdError("pool/n1c2r1s1/fp16/nhwc/tiledgraph"), ::testing::HasSubstr("unknown variant"));
}

TEST(CaseId, SaysWhichPartIsAtFault) {
  EXPECT_EQ(IdError("pool/n1c2r1s1/fp16/nhwc"),
            "case id \"pool/n1c2r1s1/fp16/nhwc\", character 1: found 4 parts; allowed: 5 parts: "
            "operator/problem/dtype/layout/variant");
  EXPECT_EQ(
      IdError(""),
      "case id \"\", character 1: found 1 parts; allowed: 5 parts: operator/problem/dtype/layout/variant");
  EXPECT_EQ(IdError("pol/n1c2r1s1/fp16/nhwc/tiled"),
            "case id \"pol/n1c2r1s1/fp16/nhwc/tiled\", character 1: found unknown operator \"pol\"; allowed: "
            "pool; did "
            "you mean \"pool\"?");
  EXPECT_EQ(IdError("pool/n1c2/fp16/nhwc/tiled"),
            "case id \"pool/n1c2/fp16/nhwc/tiled\", character 6: found problem \"n1c2\", which pool refuses: "
            "an id such "
            "as n1c2r3s3");
  EXPECT_EQ(IdError("pool/n1c2r1s1/fp61/nhwc/tiled"),
            "case id \"pool/n1c2r1s1/fp61/nhwc/tiled\", character 15: found unknown dtype \"fp61\"; allowed: "
            "fp32, fp16, "
            "bf16; did you mean \"fp16\"?");
  EXPECT_EQ(IdError("pool/n1c2r1s1/fp16/nhw/tiled"),
            "case id \"pool/n1c2r1s1/fp16/nhw/tiled\", character 20: found unknown layout \"nhw\"; allowed: "
            "nchw, nhwc; "
            "did you mean \"nchw\"?");
  EXPECT_EQ(IdError("pool/n1c2r1s1/fp16/nhwc/stranger"),
            "case id \"pool/n1c2r1s1/fp16/nhwc/stranger\", character 25: found unknown variant \"stranger\"; "
            "allowed: "
            "naive, tiled, lib, otherlib");
}

TEST(Adhoc, MakesTheCasesThatTheOptionsName) {
  const Sweep sweep =
      MakeAdhocSweep({"", {"n1c8r3s3"}, {"fp16"}, {"nhwc"}, {"tiled"}}, FakeCatalog(), FakeOperators());
  EXPECT_THAT(IdsOf(sweep), ElementsAre("pool/n1c8r3s3/fp16/nhwc/tiled"));
  EXPECT_TRUE(sweep.cases[0].named);
  EXPECT_FALSE(sweep.cases[0].baseline);
  EXPECT_EQ(sweep.name, "adhoc");
  EXPECT_EQ(sweep.verify.seeds, VerifySettings().seeds);
  EXPECT_TRUE(sweep.path.empty());
}

TEST(Adhoc, ReproducesABaselineAsOne) {
  const Sweep sweep =
      MakeAdhocSweep({"pool", {"n1c8r3s3"}, {"fp16"}, {"nhwc"}, {"lib"}}, FakeCatalog(), FakeOperators());
  EXPECT_THAT(IdsOf(sweep), ElementsAre("pool/n1c8r3s3/fp16/nhwc/lib"));
  EXPECT_FALSE(sweep.cases[0].named);
  EXPECT_TRUE(sweep.cases[0].baseline);
}

TEST(Adhoc, TakesAGraphWhereItIsNamed) {
  const Sweep sweep = MakeAdhocSweep({"pool", {"n1c8r3s3"}, {"fp16"}, {"nhwc"}, {"lib+graph", "tiled"}},
                                     FakeCatalog(), FakeOperators());
  EXPECT_THAT(IdsOf(sweep),
              ElementsAre("pool/n1c8r3s3/fp16/nhwc/tiled", "pool/n1c8r3s3/fp16/nhwc/lib+graph"));
}

TEST(Adhoc, TakesEverythingThatIsNotNamed) {
  const Sweep sweep =
      MakeAdhocSweep({"", {"n1c8r3s3", "n2c8r3s3", "n1c8r3s3"}, {}, {}, {}}, FakeCatalog(), FakeOperators());
  EXPECT_EQ(sweep.cases.size(), 2u * 24u);
  for (const Case& c : sweep.cases) EXPECT_FALSE(c.named) << c.Id();
}

TEST(Adhoc, SaysWhichOptionIsAtFault) {
  EXPECT_EQ(AdhocError({"", {}, {}, {}, {}}), "--problem: found none; allowed: at least one problem id");
  EXPECT_EQ(AdhocError({"pol", {"n1c8r3s3"}, {}, {}, {}}),
            "--operator: found \"pol\"; allowed: pool; did you mean \"pool\"?");
  EXPECT_EQ(AdhocError({"", {"n1c8"}, {}, {}, {}}),
            "--problem: found \"n1c8\", which pool refuses: an id such as n1c2r3s3");
  EXPECT_EQ(AdhocError({"", {"n1c8r3s3"}, {"fp8"}, {}, {}}),
            "--dtype: found \"fp8\"; allowed: fp32, fp16, bf16");
  EXPECT_EQ(AdhocError({"", {"n1c8r3s3"}, {}, {"chwn"}, {}}),
            "--layout: found \"chwn\"; allowed: nchw, nhwc");
  EXPECT_EQ(AdhocError({"", {"n1c8r3s3"}, {}, {}, {"stranger"}}),
            "--variant: found \"stranger\"; allowed: naive, tiled, lib, otherlib");
}

}  // namespace
}  // namespace assay::testing
