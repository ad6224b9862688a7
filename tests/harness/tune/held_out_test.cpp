#include "harness/tune/held_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/tune/console.h"
#include "harness/tune/search.h"

namespace assay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Trial Timed(const std::string& variant, const std::string& configuration, double us,
            TrialState state = TrialState::kRight) {
  Trial trial;
  trial.variant = variant;
  trial.configuration = configuration;
  trial.median = trial.low = trial.high = us * 1e-6;
  trial.samples = 20;
  trial.rounds = 2;
  trial.state = state;
  return trial;
}

TuneJournal Journal() {
  TuneJournal journal;
  journal.header.picker = "auto";
  journal.header.gpu = "H100";
  journal.header.planned = 3;
  TuneRecord record;
  record.key = {"dsconv", "n1c8k8h9w9r3p1", "fp16", "nhwc"};
  record.label = "a, b";
  record.trials = {Timed("auto", "", 11), Timed("mma", "a", 10), Timed("mma", "b", 9, TrialState::kWrong),
                   Timed("tiled", "c", 8, TrialState::kPruned)};
  record.trials[0].plan = "mma a, by the model";
  journal.records.push_back(record);
  record.key.layout = "nchw";
  record.trials = {Timed("auto", "", 10), Timed("mma", "a", 10)};
  journal.records.push_back(record);
  record.key.problem = "n2c8k8h9w9r3p1";
  record.trials = {Timed("auto", "", 10, TrialState::kWrong), Timed("mma", "a", 10)};
  record.trials[0].why = "step exact: y[0]";
  journal.records.push_back(record);
  return journal;
}

TEST(HeldOut, IsHeldAgainstTheFastestThatIsRight) {
  const TuneJournal journal = Journal();
  const std::vector<Loss> losses = LossesOf(journal);
  ASSERT_EQ(losses.size(), 3u);
  EXPECT_DOUBLE_EQ(losses[0].ratio(), 1.1);
  EXPECT_EQ(losses[0].best->configuration, "a");
  EXPECT_EQ(losses[0].tried, 3);
  EXPECT_DOUBLE_EQ(losses[1].ratio(), 1);
  EXPECT_FALSE(losses[2].known()) << "what is wrong has no time";
  EXPECT_NEAR(GeometricMean(losses), std::sqrt(1.1), 1e-12);
}

TEST(HeldOut, TheFileSaysAllOfIt) {
  const std::string csv = HeldOutCsv(Journal());
  EXPECT_THAT(csv, HasSubstr("# geometric mean of auto/best: 1.0488 over 2 of 3\n"));
  EXPECT_THAT(csv, HasSubstr("#   fp16/nchw: 1.0000 over 1 of 2\n"));
  EXPECT_THAT(csv,
              HasSubstr("dsconv,n1c8k8h9w9r3p1,fp16,nhwc,\"a, b\",1.1000,11,11,11,10,10,10,mma,a,3,\"mma a, "
                        "by the model\",\n"));
  EXPECT_THAT(csv, HasSubstr(",,,,,10,10,10,mma,a,1,,step exact: y[0]\n"));
}

TEST(TuneConsole, ALineAProblemAndItsFaultsLoudly) {
  const TuneJournal journal = Journal();
  const std::string line = TuneLine(journal.records[0], "auto", 7, 340);
  EXPECT_THAT(line,
              HasSubstr("[  7/340] dsconv/n1c8k8h9w9r3p1/fp16/nhwc: 4 tried, 1 pruned, 0 failed, 1 WRONG; "
                        "best mma a 10 us"));
  EXPECT_THAT(line, HasSubstr("  WRONG: mma b: "));
  EXPECT_THAT(line, HasSubstr("assay run --problem n1c8k8h9w9r3p1 --dtype fp16 --layout nhwc --variant mma "
                              "--configuration b\n"));
  TuneRecord nothing = journal.records[0];
  nothing.trials.clear();
  nothing.not_tuned = "8 GiB do not fit";
  EXPECT_THAT(TuneLine(nothing, "", 1, 1), AllOf(HasSubstr("not tuned: 8 GiB"), Not(HasSubstr("best"))));
}

TEST(TuneConsole, TheSummaryComparesWithOwnChoices) {
  TuneJournal journal;
  journal.header.planned = 2;
  TuneRecord record;
  record.trials = {Timed("mma", "a", 12, TrialState::kPruned), Timed("mma", "b", 10), Timed("tiled", "c", 40),
                   Timed("tiled", "d", 41, TrialState::kFailed)};
  record.trials[0].own_choice = record.trials[2].own_choice = true;
  record.trials[3].samples = 0;
  journal.records = {record, record};
  journal.records[1].trials[0].median = 27e-6;
  const std::string summary = TuneSummary(journal);
  EXPECT_THAT(summary,
              HasSubstr("2 of 2 problems (dtypes and layouts counted), 6 tried, 2 pruned, 2 failed"));
  EXPECT_THAT(summary, testing::ContainsRegex("mma +2 +2 +4 +2 +0 +0  1\\.800, at most 2\\.700\n"));
  EXPECT_THAT(summary, testing::ContainsRegex("tiled +2 +0 +2 +0 +2 +0  1\\.000, at most 1\\.000\n"));
}

TEST(JudgeWinners, AnIncumbentStaysUnlessItIsBeatenClearly) {
  std::vector<Trial> trials = {Timed("mma", "a", 10.00, TrialState::kFinalist),
                               Timed("mma", "b", 10.09, TrialState::kFinalist)};
  EXPECT_THAT(InOrder(trials, "mma"), testing::ElementsAre(0, 1));
  trials[1].incumbent = true;
  EXPECT_THAT(InOrder(trials, "mma"), testing::ElementsAre(1, 0));
  trials[1].median = 10.2e-6;
  EXPECT_THAT(InOrder(trials, "mma"), testing::ElementsAre(0, 1));
}

TEST(JudgeWinners, OfThoseThatAreAlikeTheFirstListedWins) {
  std::vector<Trial> trials = {Timed("mma", "a", 10.04, TrialState::kFinalist),
                               Timed("mma", "b", 10.02, TrialState::kFinalist),
                               Timed("mma", "c", 10.00, TrialState::kFinalist)};
  EXPECT_THAT(InOrder(trials, "mma"), testing::ElementsAre(0, 2, 1));
  trials[0].median = 10.06e-6;
  EXPECT_THAT(InOrder(trials, "mma"), testing::ElementsAre(1, 2, 0));
}

TEST(JudgeWinners, WhatWentOnForLongerComesFirst) {
  std::vector<Trial> trials = {Timed("mma", "a", 9, TrialState::kPruned),
                               Timed("mma", "b", 10, TrialState::kFinalist)};
  trials[0].rounds = 1;
  EXPECT_THAT(InOrder(trials, "mma"), testing::ElementsAre(1, 0));
}

}  // namespace
}  // namespace assay
