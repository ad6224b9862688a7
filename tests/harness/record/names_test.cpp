#include "harness/record/names.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace assay {
namespace {

TEST(Names, EveryValueIsFoundByItsOwnName) {
  std::set<std::string> names;
  for (Verdict verdict : kAllVerdicts) {
    EXPECT_EQ(ParseVerdict(VerdictName(verdict)), verdict);
    names.insert(VerdictName(verdict));
  }
  EXPECT_EQ(names,
            (std::set<std::string>{"right", "wrong", "failed", "untrusted", "unsupported", "unavailable"}));
  for (Step step : kAllSteps) EXPECT_EQ(ParseStep(StepName(step)), step);
  for (Outcome outcome : kAllOutcomes) EXPECT_EQ(ParseOutcome(OutcomeName(outcome)), outcome);
}

TEST(Names, UnknownNamesAreRefused) {
  EXPECT_EQ(ParseVerdict("Right"), std::nullopt);
  EXPECT_EQ(ParseStep(""), std::nullopt);
  EXPECT_EQ(ParseOutcome("?"), std::nullopt);
}

TEST(CountsAsFailure, WrongFailedAndUnsupportedByName) {
  Record record;
  for (bool named : {false, true}) {
    record.named = named;
    record.verdict = Verdict::kRight;
    EXPECT_FALSE(CountsAsFailure(record));
    record.verdict = Verdict::kUnavailable;
    EXPECT_FALSE(CountsAsFailure(record));
    record.verdict = Verdict::kWrong;
    EXPECT_TRUE(CountsAsFailure(record));
    record.verdict = Verdict::kUntrusted;
    EXPECT_TRUE(CountsAsFailure(record));
    record.verdict = Verdict::kFailed;
    EXPECT_TRUE(CountsAsFailure(record));
    record.verdict = Verdict::kUnsupported;
    EXPECT_EQ(CountsAsFailure(record), named);
    record.baseline = true;
    EXPECT_FALSE(CountsAsFailure(record)) << "a baseline may leave a problem out";
    record.baseline = false;
  }
}

}  // namespace
}  // namespace assay
