#include "harness/config/boundary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/config/fake_operator.h"
#include "tests/harness/config/load.h"

namespace assay::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kBase =
    "name: base\noperator: pool\nproblems:\n  - list:\n      - {n: 5, c: 20}\n"
    "dtypes: [fp32, fp16]\nlayouts: [nchw]\nvariants: [naive, tiled]\nbaselines: [lib]\n"
    "verify: {seeds: 2, first_seed: 9}\n";

Sweep Base(const std::string& more = "") { return ConfigFolder().Load(kBase + more); }

std::vector<TileAxis> NoTile(const Case&) { return {}; }

TEST(WithBoundaryProblems, CrossesThemWithTheKernelsAndNotWithTheBaselines) {
  EXPECT_THAT(IdsOf(WithBoundaryProblems(Base(), NoTile)),
              ElementsAre("pool/n1c1r1s1/fp32/nchw/naive", "pool/n1c1r1s1/fp32/nchw/tiled",
                          "pool/n1c1r1s1/fp16/nchw/naive", "pool/n1c1r1s1/fp16/nchw/tiled"));
}

TEST(WithBoundaryProblems, UnitesTheTilesOfVariantsAndDTypes) {
  const Sweep sweep = WithBoundaryProblems(Base(), [](const Case& c) -> std::vector<TileAxis> {
    EXPECT_FALSE(c.baseline);
    if (c.variant == "naive") return {{"n", 4}};
    return {{"n", 4}, {"c", c.dtype == ASSAY_F32 ? 16 : 32}};
  });
  EXPECT_THAT(ProblemsOf(sweep), ElementsAre("n1c1r1s1", "n1c17r1s1", "n1c33r1s1", "n5c1r1s1"));
  EXPECT_EQ(sweep.cases.size(), 16U) << "each with every combination of dtype and kernel";
}

TEST(WithBoundaryProblems, AsksOnceMoreForWhatKernelsTakeForProblemsSoSmall) {
  const Sweep sweep = WithBoundaryProblems(Base(), [](const Case& c) -> std::vector<TileAxis> {
    return {{"c", c.problem.Get("c") == 20 ? 8 : 2}};
  });
  EXPECT_THAT(ProblemsOf(sweep), ElementsAre("n1c1r1s1", "n1c3r1s1", "n1c9r1s1"));
}

TEST(WithBoundaryProblems, KeepsLabelsAndSettingsJudgesOnlyAndNamesNothing) {
  const Sweep base = Base();
  const Sweep sweep = WithBoundaryProblems(base, [](const Case&) { return std::vector<TileAxis>{{"n", 8}}; });
  EXPECT_EQ(sweep.cases.back().label, "n = tile + 1 (9)");
  EXPECT_EQ(sweep.verify.seeds, 2);
  EXPECT_EQ(sweep.verify.first_seed, 9U);
  EXPECT_FALSE(sweep.measure.enabled);
  EXPECT_EQ(sweep.name, "base-boundary");
  EXPECT_EQ(sweep.path, base.path);
  EXPECT_NE(sweep.text, base.text) << "or the one could be resumed as the other";
  EXPECT_THAT(sweep.text, EndsWith(base.text));
  for (const Case& c : base.cases) EXPECT_EQ(c.named, !c.baseline);
  for (const Case& c : sweep.cases) EXPECT_FALSE(c.named || c.baseline) << c.Id();
}

TEST(WithBoundaryProblems, TakesOnlyCombinationsThatTheBaseHas) {
  const Sweep sweep =
      WithBoundaryProblems(Base("where: ['not (variant == \"tiled\" and dtype == \"fp16\")']\n"), NoTile);
  EXPECT_THAT(IdsOf(sweep), ElementsAre("pool/n1c1r1s1/fp32/nchw/naive", "pool/n1c1r1s1/fp32/nchw/tiled",
                                        "pool/n1c1r1s1/fp16/nchw/naive"));
}

TEST(WithBoundaryProblems, NeedsAKernel) {
  Sweep base = Base();
  std::erase_if(base.cases, [](const Case& c) { return !c.baseline; });
  EXPECT_THROW(WithBoundaryProblems(base, NoTile), ConfigError);
  EXPECT_THROW(GeneratedSweep(base, 3, 1), ConfigError);
}

TEST(AddHugeProblems, AsksOnceForEachDTypeAndTakesOneSeed) {
  const Sweep base = Base("where: ['not (variant == \"tiled\" and dtype == \"fp16\")']\n");
  Sweep sweep = WithBoundaryProblems(base, NoTile);
  const std::size_t before = sweep.cases.size();
  int asked = 0;
  AddHugeProblems(
      base,
      [&](const Problem& problem, assay_dtype dtype) {
        ++asked;
        return problem.Get("n") == 1000 || dtype == ASSAY_F16;
      },
      sweep);
  EXPECT_EQ(asked, 4) << "two problems, two dtypes";
  const std::vector<std::string> ids = IdsOf(sweep);
  EXPECT_THAT(std::vector<std::string>(ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end()),
              ElementsAre("pool/n1000c1r1s1/fp32/nchw/naive", "pool/n1000c1r1s1/fp32/nchw/tiled",
                          "pool/n1000c1r1s1/fp16/nchw/naive", "pool/n1c1000r1s1/fp16/nchw/naive"));
  EXPECT_EQ(sweep.cases.back().label, "many channels");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(sweep.cases[i].seeds, i < before ? 0 : kHugeSeeds) << ids[i];
    EXPECT_FALSE(sweep.cases[i].named || sweep.cases[i].baseline) << ids[i];
  }
}

TEST(GeneratedSweep, LetsDTypesTakeTurnsAndTakesEveryKernel) {
  EXPECT_THAT(IdsOf(GeneratedSweep(Base(), 3, 4)),
              ElementsAre("pool/n5c7r1s1/fp32/nchw/naive", "pool/n5c7r1s1/fp32/nchw/tiled",
                          "pool/n6c7r1s1/fp16/nchw/naive", "pool/n6c7r1s1/fp16/nchw/tiled",
                          "pool/n7c7r1s1/fp32/nchw/naive", "pool/n7c7r1s1/fp32/nchw/tiled"));
}

TEST(GeneratedSweep, ASeedGivesTheSameCasesWhereverTheRunBegins) {
  const std::vector<std::string> all = IdsOf(GeneratedSweep(Base(), 20, 1));
  const std::vector<std::string> later = IdsOf(GeneratedSweep(Base(), 13, 8));
  EXPECT_EQ(later, std::vector<std::string>(all.begin() + 14, all.end()));
}

TEST(GeneratedSweep, SaysTheSeedAndLeavesOutWhatStandsTwice) {
  const Sweep sweep = GeneratedSweep(Base(), 70, 1);
  EXPECT_EQ(sweep.cases.size(), 100U) << "the fake operator has 50 random problems";
  EXPECT_EQ(sweep.cases.front().label, "generated, seed 1");
  EXPECT_EQ(sweep.name, "base-generated");
  EXPECT_FALSE(sweep.measure.enabled);
  EXPECT_THAT(sweep.text, HasSubstr("70 generated problems from seed 1 on"));
  for (const Case& c : sweep.cases) EXPECT_FALSE(c.named || c.baseline) << c.Id();
  EXPECT_THAT(IdsOf(sweep), ::testing::Each(Not(HasSubstr("/lib"))));
}

}  // namespace
}  // namespace assay::testing
