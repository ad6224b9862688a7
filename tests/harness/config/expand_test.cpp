// How problems, dtypes, layouts and variants become cases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/config/fake_operator.h"
#include "tests/harness/config/load.h"

namespace assay::testing {
namespace {

using ::testing::ElementsAre;

// One case a problem.
const char kOne[] = "dtypes: [fp32]\nlayouts: [nchw]\nvariants: [naive]\nbaselines: none\nname: x\n";

std::vector<std::string> Problems(const std::string& text) {
  return ProblemsOf(ConfigFolder().Load(kOne + text));
}

TEST(Expand, GridIsTheProductWithTheLastKeyFastest) {
  EXPECT_THAT(Problems("problems:\n  - grid: {n: [1, 8], c: [5, 6]}\n"),
              ElementsAre("n1c5r1s1", "n1c6r1s1", "n8c5r1s1", "n8c6r1s1"));
  EXPECT_THAT(Problems("problems:\n  - grid: {c: [5, 6], n: [1, 8]}\n"),
              ElementsAre("n1c5r1s1", "n8c5r1s1", "n1c6r1s1", "n8c6r1s1"));
}

TEST(Expand, ThreeAxesCarryOver) {
  EXPECT_THAT(Problems("problems:\n  - grid: {n: [1, 2], c: [5, 6], mode: [max, mean]}\n"),
              ElementsAre("n1c5r1s1", "n1c5r1s1-mean", "n1c6r1s1", "n1c6r1s1-mean", "n2c5r1s1",
                          "n2c5r1s1-mean", "n2c6r1s1", "n2c6r1s1-mean"));
}

TEST(Expand, AListInAGridIsAnAxisAndAListInItAPair) {
  EXPECT_THAT(Problems("problems:\n  - grid: {n: 1, c: 9, kernel: [3, 5]}\n"),
              ElementsAre("n1c9r3s3", "n1c9r5s5"));
  EXPECT_THAT(Problems("problems:\n  - grid: {n: 1, c: 9, kernel: [[3, 5]]}\n"), ElementsAre("n1c9r3s5"));
  EXPECT_THAT(Problems("problems:\n  - grid: {n: 1, c: 9, kernel: [2, [3, 5], 4x6]}\n"),
              ElementsAre("n1c9r2s2", "n1c9r3s5", "n1c9r4s6"));
}

TEST(Expand, AListInAnItemIsAPair) {
  EXPECT_THAT(
      Problems(
          "problems:\n  - list:\n      - {n: 1, c: 9, kernel: [3, 5]}\n      - {n: 1, c: 9, kernel: 4x6}\n"),
      ElementsAre("n1c9r3s5", "n1c9r4s6"));
}

TEST(Expand, ListItemsAreCrossedWithTheAxesBesideThem) {
  EXPECT_THAT(Problems("problems:\n  - list: [{c: 5}, {c: 6}]\n    n: [1, 8]\n    kernel: 2\n"),
              ElementsAre("n1c5r2s2", "n8c5r2s2", "n1c6r2s2", "n8c6r2s2"));
}

TEST(Expand, TableRowsAreCrossedWithTheAxesBesideThem) {
  ConfigFolder folder;
  folder.Write("tables/t.csv",
               "# where it comes from\n\nlabel,c,kernel,mode\n\"a, \"\"b\"\"\",9, 3x5 ,mean\n# "
               "between\nplain,7,2,max\n");
  const Sweep sweep =
      folder.Load(std::string(kOne) + "problems:\n  - table: tables/t.csv\n    n: [1, 128]\n");
  EXPECT_THAT(ProblemsOf(sweep), ElementsAre("n1c9r3s5-mean", "n128c9r3s5-mean", "n1c7r2s2", "n128c7r2s2"));
  EXPECT_EQ(sweep.cases[0].label, "a, \"b\"");
  EXPECT_EQ(sweep.cases[3].label, "plain");
}

TEST(Expand, TablesMayEndTheirLinesAsWindowsDoesAndLackTheLastLineEnd) {
  ConfigFolder folder;
  folder.Write("t.csv", "\xEF\xBB\xBFn,c\r\n1,5\r\n2,6");
  EXPECT_THAT(ProblemsOf(folder.Load(std::string(kOne) + "problems: [{table: t.csv}]\n")),
              ElementsAre("n1c5r1s1", "n2c6r1s1"));
}

TEST(Expand, OrderIsProblemDtypeLayoutKernelsBaselines) {
  const Sweep sweep = ConfigFolder().Load(
      "name: x\nproblems: [{grid: {n: [1, 2], c: 1}}]\ndtypes: [bf16, fp32]\nlayouts: [nhwc, nchw]\n"
      "variants: [tiled, naive]\nbaselines: [otherlib, lib]\nwhere: n == 1 or dtype == fp32 and layout == "
      "nhwc\n");
  // Variants stand in the catalog's order whatever the config's.
  EXPECT_THAT(IdsOf(sweep), ElementsAre("pool/n1c1r1s1/bf16/nhwc/naive", "pool/n1c1r1s1/bf16/nhwc/tiled",
                                        "pool/n1c1r1s1/bf16/nhwc/lib", "pool/n1c1r1s1/bf16/nhwc/otherlib",
                                        "pool/n1c1r1s1/bf16/nchw/naive", "pool/n1c1r1s1/bf16/nchw/tiled",
                                        "pool/n1c1r1s1/bf16/nchw/lib", "pool/n1c1r1s1/bf16/nchw/otherlib",
                                        "pool/n1c1r1s1/fp32/nhwc/naive", "pool/n1c1r1s1/fp32/nhwc/tiled",
                                        "pool/n1c1r1s1/fp32/nhwc/lib", "pool/n1c1r1s1/fp32/nhwc/otherlib",
                                        "pool/n1c1r1s1/fp32/nchw/naive", "pool/n1c1r1s1/fp32/nchw/tiled",
                                        "pool/n1c1r1s1/fp32/nchw/lib", "pool/n1c1r1s1/fp32/nchw/otherlib",
                                        "pool/n2c1r1s1/fp32/nhwc/naive", "pool/n2c1r1s1/fp32/nhwc/tiled",
                                        "pool/n2c1r1s1/fp32/nhwc/lib", "pool/n2c1r1s1/fp32/nhwc/otherlib"));
}

TEST(Expand, DefaultsTakeEverything) {
  const Sweep sweep = ConfigFolder().Load("name: x\nproblems: [{grid: {n: 1, c: 1}}]\n");
  EXPECT_EQ(sweep.cases.size(), 3u * 2u * 4u);
  EXPECT_EQ(sweep.verify.seeds, 3);
  EXPECT_EQ(sweep.verify.first_seed, 1u);
  EXPECT_TRUE(sweep.measure.enabled);
  EXPECT_EQ(sweep.measure.max_seconds, 1.0);
  EXPECT_EQ(sweep.limits.seconds, 120);
}

TEST(Expand, GraphsAreTakenWhereTheyAreNamed) {
  const Sweep sweep = ConfigFolder().Load(
      "name: x\nproblems: [{grid: {n: 1, c: 1}}]\ndtypes: [fp32]\nlayouts: [nhwc]\n"
      "variants: [tiled+graph, tiled]\nbaselines: [lib+graph]\nwhere: variant == tiled or variant == lib\n");
  EXPECT_THAT(IdsOf(sweep),
              ElementsAre("pool/n1c1r1s1/fp32/nhwc/tiled", "pool/n1c1r1s1/fp32/nhwc/tiled+graph",
                          "pool/n1c1r1s1/fp32/nhwc/lib+graph"));
  EXPECT_TRUE(sweep.cases[1].named);
  EXPECT_FALSE(sweep.cases[1].baseline);
  EXPECT_TRUE(sweep.cases[2].baseline);
}

TEST(Expand, ReadsLimits) {
  EXPECT_EQ(ConfigFolder()
                .Load("name: x\nlimits: {seconds: 2.5}\nproblems: [{grid: {n: 1, c: 1}}]\n")
                .limits.seconds,
            2.5);
}

TEST(Expand, KnowsTheFilesThatItWasReadFrom) {
  const ConfigFolder folder;
  folder.Write("shapes/a.csv", "n,c\n1,5\n");
  folder.Write("b.csv", "n,c\n2,5\n");
  const std::string yaml =
      "name: x\nproblems: [{table: shapes/a.csv}, {table: b.csv}, {table: shapes/../shapes/a.csv}]\n";
  const std::vector<SweepSource> before = folder.Load(yaml).sources;
  ASSERT_EQ(before.size(), 3u);
  EXPECT_EQ(before[0].path, "sweep.yaml");
  EXPECT_EQ(before[1].path, "shapes/a.csv");
  EXPECT_EQ(before[2].path, "b.csv");
  for (const SweepSource& source : before) EXPECT_EQ(source.digest.size(), 16u);
  EXPECT_EQ(folder.Load(yaml).sources, before);
  EXPECT_EQ(ConfigFolder().Load("name: x\nproblems: [{grid: {n: 1, c: 1}}]\n").sources.size(), 1u);

  folder.Write("shapes/a.csv", "n,c\n1,6\n");
  const std::vector<SweepSource> after = folder.Load(yaml).sources;
  EXPECT_EQ(after[0], before[0]);
  EXPECT_NE(after[1].digest, before[1].digest);
  EXPECT_EQ(after[2], before[2]);
}

TEST(Expand, ReadsEverySetting) {
  const Sweep sweep = ConfigFolder().Load(
      "name: a-b_2\noperator: pool\nproblems: [{grid: {n: 1, c: 1}}]\ndtypes: all\nlayouts: all\nvariants: "
      "none\n"
      "baselines: all\nverify: {seeds: 7, first_seed: 40}\nmeasure: {enabled: false, min_seconds: 0.25, "
      "max_seconds: 2.5,\n"
      "  min_samples: 11, max_samples: 12, confidence: 0.9, relative_width: 5e-2, input_sets: 4}\n");
  EXPECT_EQ(sweep.name, "a-b_2");
  EXPECT_EQ(sweep.path.filename(), "sweep.yaml");
  EXPECT_TRUE(sweep.text.starts_with("name: a-b_2\noperator"));
  EXPECT_EQ(sweep.verify.seeds, 7);
  EXPECT_EQ(sweep.verify.first_seed, 40u);
  EXPECT_FALSE(sweep.measure.enabled);
  EXPECT_EQ(sweep.measure.min_seconds, 0.25);
  EXPECT_EQ(sweep.measure.max_seconds, 2.5);
  EXPECT_EQ(sweep.measure.min_samples, 11);
  EXPECT_EQ(sweep.measure.max_samples, 12);
  EXPECT_EQ(sweep.measure.confidence, 0.9);
  EXPECT_EQ(sweep.measure.relative_width, 0.05);
  EXPECT_EQ(sweep.measure.input_sets, 4);
  EXPECT_EQ(sweep.cases.size(), 3u * 2u * 2u);
}

TEST(Expand, NamedAreTheKernelsThatTheConfigNames) {
  const std::string problems = "name: x\ndtypes: [fp32]\nlayouts: [nchw]\nproblems: [{grid: {n: 1, c: 1}}]\n";
  const Sweep listed = ConfigFolder().Load(problems + "variants: [tiled]\nbaselines: [lib]\n");
  ASSERT_EQ(listed.cases.size(), 2u);
  EXPECT_TRUE(listed.cases[0].named);
  EXPECT_FALSE(listed.cases[0].baseline);
  EXPECT_FALSE(listed.cases[1].named);  // a baseline that is not there is no failure, even if it is listed
  EXPECT_TRUE(listed.cases[1].baseline);
  for (const Case& c : ConfigFolder().Load(problems + "variants: all\n").cases)
    EXPECT_FALSE(c.named) << c.Id();
}

TEST(Expand, AProblemThatComesTwiceIsOneWithItsFirstLabel) {
  const Sweep sweep = ConfigFolder().Load(std::string(kOne) +
                                          "problems:\n"
                                          "  - list:\n"
                                          "      - {n: 1, c: 5}\n"
                                          "      - {n: 2, c: 5, label: first}\n"
                                          "      - {n: 1, c: 5, label: second}\n"
                                          "      - {n: 2, c: 5, kernel: [1, 1], label: third}\n"
                                          "  - grid: {n: [1, 2, 3], c: 5}\n"
                                          "    label: of the grid\n");
  ASSERT_THAT(ProblemsOf(sweep), ElementsAre("n1c5r1s1", "n2c5r1s1", "n3c5r1s1"));
  ASSERT_EQ(sweep.cases.size(), 3u);
  EXPECT_EQ(sweep.cases[0].label, "second");  // the first that is a label at all
  EXPECT_EQ(sweep.cases[1].label, "first");
  EXPECT_EQ(sweep.cases[2].label, "of the grid");
}

TEST(Expand, MergedProblemsKeepTheirCasesTogether) {
  const Sweep sweep = ConfigFolder().Load(
      "name: x\nlayouts: [nchw]\nvariants: [naive]\nbaselines: none\nproblems:\n"
      "  - {grid: {n: [1, 2], c: 5}, where: dtype == fp32}\n  - {grid: {n: 1, c: 5}, where: dtype == "
      "fp16}\n");
  EXPECT_THAT(IdsOf(sweep), ElementsAre("pool/n1c5r1s1/fp32/nchw/naive", "pool/n1c5r1s1/fp16/nchw/naive",
                                        "pool/n2c5r1s1/fp32/nchw/naive"));
}

TEST(Expand, AnchorsStandForWhatTheyName) {
  EXPECT_THAT(Problems("problems:\n  - grid: {n: &sizes [1, 2], c: 5}\n  - grid: {n: 7, c: *sizes}\n"),
              ElementsAre("n1c5r1s1", "n2c5r1s1", "n7c1r1s1", "n7c2r1s1"));
}

TEST(Expand, VariantsOfTwoPacksWithOneNameAreOne) {
  Catalog catalog = FakeCatalog();
  catalog.entries.push_back({"pool", "naive", false});
  ConfigFolder folder;
  const auto path = folder.Write("sweep.yaml", "name: x\nproblems: [{grid: {n: 1, c: 1}}]\n");
  EXPECT_EQ(LoadSweep(path, catalog, FakeOperators()).cases.size(), 3u * 2u * 4u);
}

}  // namespace
}  // namespace assay::testing
