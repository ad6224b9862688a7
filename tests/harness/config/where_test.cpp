// What `where` expressions keep. Their mistakes are in error_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/config/load.h"

namespace assay::testing {
namespace {

using ::testing::ElementsAre;

// Which of the problems n = 1..6, c = 10 are kept by an expression that is written in double quotes.
std::vector<int> Kept(const std::string& expression) {
  const Sweep sweep = ConfigFolder().Load(
      "name: x\ndtypes: [fp32]\nlayouts: [nchw]\nvariants: [naive]\nbaselines: none\n"
      "problems: [{grid: {n: [1, 2, 3, 4, 5, 6], c: 10, kernel: 3}}]\nwhere: \"" +
      expression + "\"\n");
  std::vector<int> kept;
  for (const Case& c : sweep.cases) kept.push_back(static_cast<int>(c.problem.Get("n")));
  return kept;
}

TEST(Where, Compares) {
  EXPECT_THAT(Kept("n == 3"), ElementsAre(3));
  EXPECT_THAT(Kept("n != 3"), ElementsAre(1, 2, 4, 5, 6));
  EXPECT_THAT(Kept("n < 3"), ElementsAre(1, 2));
  EXPECT_THAT(Kept("n <= 3"), ElementsAre(1, 2, 3));
  EXPECT_THAT(Kept("n > 3"), ElementsAre(4, 5, 6));
  EXPECT_THAT(Kept("n >= 3"), ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(Kept("3<n"), ElementsAre(4, 5, 6));
}

TEST(Where, Calculates) {
  EXPECT_THAT(Kept("n * c + 2 >= 52"), ElementsAre(5, 6));
  EXPECT_THAT(Kept("2 + n * c >= 52"), ElementsAre(5, 6));
  EXPECT_THAT(Kept("(2 + n) * c >= 52"), ElementsAre(4, 5, 6));
  EXPECT_THAT(Kept("n % 3 == 2"), ElementsAre(2, 5));
  EXPECT_THAT(Kept("c / n == 2"), ElementsAre(4, 5));
  EXPECT_THAT(Kept("10 - n - 3 == 4"), ElementsAre(3));
  EXPECT_THAT(Kept("-n < -4"), ElementsAre(5, 6));
  EXPECT_THAT(Kept("- -n == 4"), ElementsAre(4));
  EXPECT_THAT(Kept("-7 / 2 == -3 and n == 1"), ElementsAre(1));  // toward zero
  EXPECT_THAT(Kept("100 / c / n == 5"), ElementsAre(2));         // from the left
}

TEST(Where, JoinsConditions) {
  EXPECT_THAT(Kept("n == 1 or n == 2 and n == 3"), ElementsAre(1));
  EXPECT_THAT(Kept("(n == 1 or n == 2) and n != 1"), ElementsAre(2));
  EXPECT_THAT(Kept("not n == 1 and n < 4"), ElementsAre(2, 3));
  EXPECT_THAT(Kept("not (n == 1 or n > 3)"), ElementsAre(2, 3));
  EXPECT_THAT(Kept("not not n == 5"), ElementsAre(5));
  EXPECT_THAT(Kept("((((n == 5))))"), ElementsAre(5));
}

TEST(Where, StopsAtWhatDecides) {
  // The right side would divide by zero.
  EXPECT_THAT(Kept("n == 3 or n != 3 and 6 / (n - 3) > 0"), ElementsAre(3, 4, 5, 6));
}

TEST(Where, KnowsResolvedParameters) {
  EXPECT_THAT(Kept("r == 3 and s == 3 and mean == 0 and n == 6"), ElementsAre(6));
}

TEST(Where, ComparesWords) {
  ConfigFolder folder;
  const std::string head =
      "name: x\nvariants: [naive, tiled]\nbaselines: none\nproblems: [{list: [{n: 1, c: 1, label: a b}]}]\n";
  EXPECT_THAT(IdsOf(folder.Load(head + "where: [dtype == bf16, layout != nchw, variant == tiled]\n")),
              ElementsAre("pool/n1c1r1s1/bf16/nhwc/tiled"));
  EXPECT_THAT(
      IdsOf(folder.Load(head + "where: ['''fp32'' == dtype', 'nhwc == layout', \"variant == 'tiled'\"]\n")),
      ElementsAre("pool/n1c1r1s1/fp32/nhwc/tiled"));
  EXPECT_EQ(folder.Load(head + "where: label == 'a b'\n").cases.size(), 12u);
  EXPECT_EQ(folder.Load(head + "where: dtype != bf16 or layout == nhwc\n").cases.size(), 10u);
}

TEST(Where, AllOfAListMustHoldAndSourcesHaveTheirOwn) {
  const Sweep sweep = ConfigFolder().Load(
      "name: x\ndtypes: [fp32]\nlayouts: [nchw]\nvariants: [naive]\nbaselines: none\n"
      "problems:\n  - {grid: {n: [1, 2, 3], c: 10}, where: [n < 3]}\n  - {grid: {n: [3, 4, 5], c: 10}, "
      "where: n > 3}\n"
      "where: [n != 1, n != 5]\n");
  EXPECT_THAT(ProblemsOf(sweep), ElementsAre("n2c10r1s1", "n4c10r1s1"));
}

}  // namespace
}  // namespace assay::testing
