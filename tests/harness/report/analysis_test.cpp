#include "harness/report/analysis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A right case that took `us` microseconds in every one of 20 samples.
Record Case(const std::string& problem, const std::string& variant, double us, bool baseline = false) {
  Record record;
  record.op = "dsconv";
  record.problem = problem;
  record.dtype = "fp16";
  record.layout = "nhwc";
  record.variant = variant;
  record.baseline = baseline;
  record.device = "cuda:0";
  record.verdict = Verdict::kRight;
  record.bytes = 2e6;
  record.flops = 3e9;
  record.floor = Floor{2e6, 3e9, 1e-6, 2e-6, "FFMA"};
  record.timing =
      Timing{1e-6 * us, 0.999e-6 * us, 1.001e-6 * us, 0.95,     std::vector<double>(20, 1e-6 * us),
             0,         "interval",    1e-6 * us,     "agrees", 0};
  return record;
}

Journal JournalOf(std::vector<Record> records) {
  Journal journal;
  journal.header.planned_cases = static_cast<int>(records.size());
  journal.header.timed = true;
  journal.records = std::move(records);
  return journal;
}

TEST(Analyse, RatesAndShareOfTheFloor) {
  const Analysis analysis = Analyse(JournalOf({Case("p", "tiled", 10)}));
  const CaseFigures& figures = analysis.cases.at(0);
  ASSERT_TRUE(figures.timed);
  EXPECT_DOUBLE_EQ(figures.bytes_per_second, 2e11);
  EXPECT_DOUBLE_EQ(figures.flops_per_second, 3e14);
  EXPECT_DOUBLE_EQ(figures.floor_seconds, 2e-6) << "the larger of byte floor and FLOP floor";
  EXPECT_DOUBLE_EQ(figures.floor_share, 0.2);
  EXPECT_FALSE(figures.Strongest()) << "there is no baseline";
  EXPECT_EQ(figures.warning, "");
}

TEST(Analyse, AnUntrustedCaseCountsAsNotRight) {
  Record untrusted = Case("p", "tiled", 10);
  untrusted.verdict = Verdict::kUntrusted;
  untrusted.timing.reset();
  const Analysis analysis =
      Analyse(JournalOf({untrusted, Case("p", "lib", 50, true), Case("q", "tiled", 10)}));
  EXPECT_EQ(analysis.Total(Verdict::kUntrusted), 1);
  EXPECT_EQ(analysis.failures, std::vector<std::size_t>{0});
  ASSERT_EQ(analysis.means.size(), 1u);
  EXPECT_EQ(analysis.means[0].not_right, 1);
}

TEST(Analyse, ComparesWithTheStrongestBaseline) {
  const Analysis analysis =
      Analyse(JournalOf({Case("p", "slow", 50, true), Case("p", "tiled", 10), Case("p", "fast", 30, true)}));
  ASSERT_TRUE(analysis.cases[1].Strongest());
  EXPECT_EQ(analysis.cases[1].Strongest()->baseline, 2u);
  EXPECT_DOUBLE_EQ(analysis.cases[1].Strongest()->speedup.value, 3);
  EXPECT_FALSE(analysis.cases[0].Strongest()) << "baselines are not compared";
}

TEST(Analyse, ComparesOnlyLikeWithLike) {
  const Record kernel = Case("p", "tiled", 10);
  for (int field = 0; field < 5; ++field) {
    Record baseline = Case("p", "cudnn", 30, true);
    std::string* fields[] = {&baseline.op, &baseline.problem, &baseline.dtype, &baseline.layout,
                             &baseline.device};
    *fields[field] += "'";
    EXPECT_FALSE(Analyse(JournalOf({kernel, baseline})).cases[0].Strongest()) << "field " << field;
  }
}

// Who rounds operands further is no opponent; who rounds them less is one.
TEST(Analyse, ComparesWithNoBaselineOfCoarserArithmetic) {
  const auto with_bits = [](Record record, int bits) {
    record.operand_bits = bits;
    return record;
  };
  const Record fp32 = with_bits(Case("p", "lib", 30, true), 24);
  const Record tf32 = with_bits(Case("p", "lib_tf32", 20, true), 11);
  const Analysis analysis =
      Analyse(JournalOf({with_bits(Case("p", "exact", 10), 24), with_bits(Case("p", "split", 10), 22),
                         with_bits(Case("p", "coarse", 10), 11), fp32, tf32}));
  ASSERT_EQ(analysis.cases[0].comparisons.size(), 1u);
  EXPECT_EQ(analysis.cases[0].Strongest()->baseline, 3u);
  ASSERT_EQ(analysis.cases[1].comparisons.size(), 1u);
  EXPECT_EQ(analysis.cases[1].Strongest()->baseline, 3u);
  ASSERT_EQ(analysis.cases[2].comparisons.size(), 2u);
  EXPECT_EQ(analysis.cases[2].Strongest()->baseline, 4u);
}

TEST(Analyse, ComparesGraphsWithGraphsAndLaunchesWithLaunches) {
  const Analysis analysis =
      Analyse(JournalOf({Case("p", "tiled", 10), Case("p", "tiled+graph", 8), Case("p", "lib", 30, true),
                         Case("p", "lib+graph", 20, true)}));
  ASSERT_EQ(analysis.cases[0].comparisons.size(), 1u);
  EXPECT_EQ(analysis.cases[0].Strongest()->baseline, 2u);
  ASSERT_EQ(analysis.cases[1].comparisons.size(), 1u);
  EXPECT_EQ(analysis.cases[1].Strongest()->baseline, 3u);
}

// A kernel or baseline that is wrong has no speed, however fast its journal says it was.
TEST(Analyse, WrongCasesHaveNoTime) {
  Record wrong = Case("p", "tiled", 1);
  wrong.verdict = Verdict::kWrong;
  Record wrong_baseline = Case("p", "broken", 2, true);
  wrong_baseline.verdict = Verdict::kWrong;
  const Analysis analysis =
      Analyse(JournalOf({wrong, wrong_baseline, Case("p", "naive", 40), Case("p", "cudnn", 30, true)}));
  EXPECT_FALSE(analysis.cases[0].timed);
  EXPECT_FALSE(analysis.cases[0].Strongest());
  ASSERT_TRUE(analysis.cases[2].Strongest());
  EXPECT_EQ(analysis.cases[2].Strongest()->baseline, 3u);
  EXPECT_DOUBLE_EQ(analysis.cases[2].Strongest()->speedup.value, 0.75);
  ASSERT_EQ(analysis.means.size(), 2u);
  EXPECT_EQ(analysis.means[0].compared, 0);
  EXPECT_EQ(analysis.means[0].not_right, 1);
  EXPECT_EQ(analysis.means[0].mean, 0);
}

TEST(Analyse, TimingsWithoutUsableSamplesAreNotShown) {
  for (const double bad :
       {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Record record = Case("p", "tiled", 10);
    record.timing->samples[3] = bad;
    const Analysis analysis = Analyse(JournalOf({record, Case("p", "cudnn", 30, true)}));
    EXPECT_FALSE(analysis.cases[0].timed) << bad;
    EXPECT_THAT(analysis.cases[0].warning, HasSubstr("no usable samples")) << bad;
  }
  Record empty = Case("p", "tiled", 10);
  empty.timing->samples.clear();
  EXPECT_FALSE(Analyse(JournalOf({empty})).cases[0].timed);
}

TEST(Analyse, SpeedupHasAnInterval) {
  Record kernel = Case("p", "tiled", 10);
  Record baseline = Case("p", "cudnn", 30, true);
  for (std::size_t i = 0; i < 20; ++i) {
    kernel.timing->samples[i] *= 0.98 + 0.002 * static_cast<double>(i);
    baseline.timing->samples[i] *= 1.02 - 0.002 * static_cast<double>(i);
  }
  const Analysis analysis = Analyse(JournalOf({kernel, baseline}));
  ASSERT_TRUE(analysis.cases[0].Strongest());
  const Ratio ratio = analysis.cases[0].Strongest()->speedup;
  EXPECT_LT(ratio.low, ratio.value);
  EXPECT_GT(ratio.high, ratio.value);
  EXPECT_GT(ratio.low, 2.9);
  EXPECT_LT(ratio.high, 3.1);
}

TEST(Analyse, GeometricMeansCountWhatTheyLeaveOut) {
  Record unsupported = Case("r", "tiled", 1);
  unsupported.verdict = Verdict::kUnsupported;
  Record failed = Case("s", "tiled", 1);
  failed.verdict = Verdict::kFailed;
  const Analysis analysis =
      Analyse(JournalOf({Case("p", "tiled", 10), Case("p", "cudnn", 20, true), Case("q", "tiled", 10),
                         Case("q", "cudnn", 80, true), unsupported, failed, Case("t", "tiled", 10)}));
  ASSERT_EQ(analysis.means.size(), 1u) << "baselines have no mean";
  const GroupMean& group = analysis.means[0];
  EXPECT_EQ(group.variant, "tiled");
  EXPECT_EQ(group.compared, 2);
  EXPECT_DOUBLE_EQ(group.mean, 4);
  EXPECT_DOUBLE_EQ(group.smallest, 2);
  EXPECT_DOUBLE_EQ(group.largest, 8);
  EXPECT_EQ(group.not_run, 1);
  EXPECT_EQ(group.not_right, 1);
  EXPECT_EQ(group.without_baseline, 1);
}

// A kernel that beats one baseline and loses to another shows both, and the mean over each of them.
TEST(Analyse, EveryBaselineIsComparedWith) {
  const Analysis analysis =
      Analyse(JournalOf({Case("p", "tiled", 10), Case("p", "cudnn", 30, true), Case("p", "best", 5, true),
                         Case("q", "tiled", 10), Case("q", "cudnn", 20, true), Case("q", "best", 40, true),
                         Case("r", "tiled", 10), Case("r", "cudnn", 480, true)}));
  EXPECT_EQ(analysis.baselines, (std::vector<std::string>{"cudnn", "best"}));
  const std::vector<Comparison>& first = analysis.cases[0].comparisons;
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].baseline, 2u) << "the strongest first";
  EXPECT_DOUBLE_EQ(first[0].speedup.value, 0.5);
  EXPECT_EQ(first[1].baseline, 1u);
  EXPECT_DOUBLE_EQ(first[1].speedup.value, 3);
  ASSERT_EQ(analysis.means.size(), 3u);
  EXPECT_EQ(analysis.means[0].baseline, "");
  EXPECT_EQ(analysis.means[0].compared, 3);
  EXPECT_NEAR(analysis.means[0].mean, std::cbrt(0.5 * 2 * 48), 1e-12);
  EXPECT_EQ(analysis.means[1].baseline, "cudnn");
  EXPECT_EQ(analysis.means[1].compared, 3);
  EXPECT_NEAR(analysis.means[1].mean, std::cbrt(3.0 * 2 * 48), 1e-12);
  EXPECT_EQ(analysis.means[2].baseline, "best");
  EXPECT_EQ(analysis.means[2].compared, 2);
  EXPECT_EQ(analysis.means[2].without_baseline, 1);
  EXPECT_NEAR(analysis.means[2].mean, std::sqrt(0.5 * 4), 1e-12);
}

TEST(Analyse, OneAbsurdShapeStandsBesideTheMeanThatItCollapses) {
  std::vector<Record> records;
  for (const char* problem : {"p", "q", "r"}) {
    records.push_back(Case(problem, "tiled", 10));
    records.push_back(Case(problem, "cudnn", 20, true));
  }
  records.push_back(Case("absurd", "tiled", 1e6));
  records.push_back(Case("absurd", "cudnn", 10, true));
  const Analysis analysis = Analyse(JournalOf(records));
  ASSERT_EQ(analysis.means.size(), 1u);
  const GroupMean& group = analysis.means[0];
  EXPECT_LT(group.mean, 0.2) << "the mean alone would hide three speed-ups of 2";
  EXPECT_DOUBLE_EQ(group.smallest, 1e-5);
  EXPECT_DOUBLE_EQ(group.largest, 2);
  EXPECT_EQ(group.compared, 4);
}

TEST(Analyse, WarnsOfTimesThatDeserveDoubt) {
  const auto warning = [](auto change) {
    Record record = Case("p", "tiled", 10);
    change(record);
    const Analysis analysis = Analyse(JournalOf({record}));
    EXPECT_EQ(analysis.warnings, analysis.cases[0].warning.empty() ? 0 : 1);
    return analysis.cases[0].warning;
  };
  EXPECT_THAT(warning([](Record&) {}), IsEmpty());
  EXPECT_THAT(warning([](Record& r) { r.timing->clock_agreement = "disagrees: 10 us against 20 us"; }),
              HasSubstr("the second clock disagrees: 10 us against 20 us"));
  EXPECT_EQ(warning([](Record& r) { r.timing->clock_agreement = "agrees; throttled: 3 of 20"; }),
            "throttled: 3 of 20");
  EXPECT_THAT(warning([](Record& r) { r.timing->high = 1.2e-5; }), HasSubstr("±10 %"));
  EXPECT_THAT(warning([](Record& r) { r.floor->flop_seconds = 1.14e-5; }), HasSubstr("114 %"));
  EXPECT_THAT(warning([](Record& r) { r.floor->flop_seconds = 1.04e-5; }), IsEmpty());
  EXPECT_THAT(warning([](Record& r) { r.timing->dropped_throttled = 21; }), HasSubstr("(21) than kept (20)"));
}

TEST(Analyse, FailuresComeWrongFirstAndTotalsCountAll) {
  std::vector<Record> records(6, Case("p", "tiled", 10));
  records[0].verdict = Verdict::kFailed;
  records[2].verdict = Verdict::kWrong;
  records[3].verdict = Verdict::kUnsupported;
  records[4].verdict = Verdict::kUnsupported;
  records[4].named = true;
  records[5].verdict = Verdict::kWrong;
  Journal journal = JournalOf(records);
  journal.header.planned_cases = 10;
  const Analysis analysis = Analyse(journal);
  EXPECT_THAT(analysis.failures, ElementsAre(2, 5, 0, 4));
  EXPECT_EQ(analysis.Total(Verdict::kRight), 1);
  EXPECT_EQ(analysis.Total(Verdict::kWrong), 2);
  EXPECT_EQ(analysis.Total(Verdict::kUnsupported), 2);
  EXPECT_EQ(std::accumulate(analysis.totals.begin(), analysis.totals.end(), 0), 6);
  EXPECT_EQ(analysis.missing, 4);
}

TEST(Quantiles, KeepTheEndsAndTheMedian) {
  std::vector<double> samples(1001);
  std::iota(samples.rbegin(), samples.rend(), 0.0);
  const std::vector<double> quantiles = Quantiles(samples, 5);
  EXPECT_THAT(quantiles, ElementsAre(0, 250, 500, 750, 1000));
  EXPECT_THAT(Quantiles({3, 1, 2}, 5), ElementsAre(1, 2, 3));
  EXPECT_THAT(Quantiles({4, 0, 1, 2, 3, 5}, 3), ElementsAre(0, 2.5, 5));
}

}  // namespace
}  // namespace assay
