#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "fmt/core.h"
#include "harness/report/analysis.h"
#include "harness/report/report.h"
#include "tests/harness/report/parse.h"
#include "tests/harness/report/synthetic.h"
#include "tests/harness/report/unkind.h"
#include "tests/harness/report/untrusted.h"

namespace assay {
namespace {

using RowMap = std::map<std::string, std::string>;

std::vector<RowMap> Rows(const Journal& journal) {
  const auto table = testing::ParseCsv(RenderCsv(journal));
  std::vector<RowMap> rows;
  for (std::size_t i = 1; i < table.size(); ++i) {
    RowMap row;
    for (std::size_t j = 0; j < table[i].size(); ++j) {
      EXPECT_TRUE(row.emplace(table[0][j], table[i][j]).second)
          << "column " << table[0][j] << " is there twice";
    }
    rows.push_back(row);
  }
  return rows;
}

void ExpectNear(const std::string& cell, double value) {
  ASSERT_NE(cell, "");
  EXPECT_NEAR(std::stod(cell), value, 1e-5 * std::abs(value)) << cell;
}

TEST(RenderCsv, AnUntrustedCaseHasItsReasonAndNoTime) {
  Journal journal = testing::SyntheticJournal();
  testing::MakeUntrusted(journal.records[1]);
  const RowMap row = Rows(journal).at(1);
  EXPECT_EQ(row.at("verdict"), "untrusted");
  EXPECT_EQ(row.at("reason"), testing::kWhyUntrusted);
  EXPECT_EQ(row.at("steps"), "exact passed; bounded passed");
  for (const char* column : {"failure_step", "failure_detail", "median_us", "speedup"}) {
    EXPECT_EQ(row.at(column), "") << column;
  }
}

TEST(RenderCsv, EveryCaseIsARowWithItsFigures) {
  const Journal journal = testing::SyntheticJournal();
  const Analysis analysis = Analyse(journal);
  const auto rows = Rows(journal);
  ASSERT_EQ(rows.size(), journal.records.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Record& record = journal.records[i];
    const CaseFigures& figures = analysis.cases[i];
    const RowMap& row = rows[i];
    EXPECT_EQ(row.at("id"), record.id);
    EXPECT_EQ(row.at("verdict"), VerdictName(record.verdict));
    EXPECT_EQ(row.at("reason"), record.reason);
    EXPECT_EQ(row.at("plan"), record.plan);
    EXPECT_EQ(row.at("reproduce"), record.reproduce);
    EXPECT_EQ(row.at("role"), record.baseline ? "baseline" : "kernel");
    EXPECT_EQ(row.at("compulsory_bytes"), fmt::format("{:.0f}", record.bytes));
    if (figures.timed) {
      ExpectNear(row.at("median_us"), 1e6 * record.timing->median);
      ExpectNear(row.at("interval_low_us"), 1e6 * record.timing->low);
      ExpectNear(row.at("interval_high_us"), 1e6 * record.timing->high);
      ExpectNear(row.at("achieved_gb_per_s"), record.bytes / record.timing->median / 1e9);
      ExpectNear(row.at("achieved_tflop_per_s"), record.flops / record.timing->median / 1e12);
      ExpectNear(row.at("floor_us"), 1e6 * record.floor->Seconds());
      ExpectNear(row.at("floor_share"), record.floor->Seconds() / record.timing->median);
      EXPECT_EQ(row.at("samples"), "40");
      EXPECT_EQ(row.at("dropped_throttled_samples"), "0");
    }
    if (const Comparison* strongest = figures.Strongest()) {
      ExpectNear(row.at("speedup"), strongest->speedup.value);
      ExpectNear(row.at("speedup_low"), strongest->speedup.low);
      ExpectNear(row.at("speedup_high"), strongest->speedup.high);
      EXPECT_EQ(row.at("baseline"), journal.records[strongest->baseline].variant);
    }
    for (const Comparison& comparison : figures.comparisons) {
      const std::string column = "speedup_over_" + journal.records[comparison.baseline].variant;
      ExpectNear(row.at(column), comparison.speedup.value);
      ExpectNear(row.at(column + "_low"), comparison.speedup.low);
      ExpectNear(row.at(column + "_high"), comparison.speedup.high);
    }
  }
}

TEST(RenderCsv, WithoutATimeTheColumnsAreEmpty) {
  testing::SyntheticOptions options;
  options.timed = false;
  options.problems = 2;
  for (const RowMap& row : Rows(testing::SyntheticJournal(options))) {
    for (const char* column :
         {"median_us", "interval_low_us", "interval_high_us", "samples", "dropped_throttled_samples",
          "achieved_gb_per_s", "achieved_tflop_per_s", "floor_us", "floor_share", "speedup", "speedup_low",
          "speedup_high", "baseline", "wall_us", "speedup_over_cudnn", "speedup_over_cudnn_two_plans_low"}) {
      EXPECT_EQ(row.at(column), "") << column;
    }
  }
}

TEST(RenderCsv, AFailureKeepsEveryDigit) {
  Journal journal = testing::SyntheticJournal();
  Record& record = journal.records[0];
  record.verdict = Verdict::kWrong;
  record.failure = Failure{Step::kExact,
                           "y",
                           "n=0 k=1",
                           1.0 / 3.0,
                           std::numeric_limits<double>::quiet_NaN(),
                           0,
                           7,
                           9,
                           std::numeric_limits<std::uint64_t>::max(),
                           "said so"};
  const RowMap row = Rows(journal)[0];
  EXPECT_EQ(std::stod(row.at("failure_expected")), 1.0 / 3.0);
  EXPECT_EQ(row.at("failure_got"), "nan");
  EXPECT_EQ(row.at("failure_bound"), "0");
  EXPECT_EQ(row.at("failure_step"), "exact");
  EXPECT_EQ(row.at("failure_coordinates"), "n=0 k=1");
  EXPECT_EQ(row.at("failure_count"), "7");
  EXPECT_EQ(row.at("failure_total"), "9");
  EXPECT_EQ(row.at("failure_seed"), "18446744073709551615");
  EXPECT_EQ(row.at("median_us"), "") << "a wrong kernel's time is not reported";
}

TEST(RenderCsv, UnkindTextsComeBack) {
  Journal journal = testing::SyntheticJournal();
  testing::MakeUnkind(journal);
  const auto rows = Rows(journal);
  ASSERT_EQ(rows.size(), journal.records.size());
  EXPECT_EQ(rows[0].at("label"), testing::kUnkindLabel);
  EXPECT_EQ(rows[0].at("reproduce"), testing::kUnkindLabel);
  EXPECT_EQ(rows[7].at("failure_detail"), testing::kUnkindLabel);
}

TEST(RenderCsv, NoCasesGiveAHeaderAlone) { EXPECT_EQ(testing::ParseCsv(RenderCsv(Journal{})).size(), 1u); }

}  // namespace
}  // namespace assay
