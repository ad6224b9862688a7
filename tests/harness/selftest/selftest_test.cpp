// What records say of a fault, and that nobody is praised or accused for what the machine did.
#include "harness/selftest/selftest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "reference/dtype.h"

namespace assay {
namespace {

using faulty::Row;
using State = RowResult::State;
using testing::HasSubstr;

constexpr Row kFault = {"flipped", faulty::Class::kComposition, "flips it", faulty::kExact, faulty::kNothing,
                        ""};
constexpr Row kSpecial = {
    "nan", faulty::Class::kArithmetic, "loses NaN", faulty::kSpecialValues, faulty::kNothing, ""};
constexpr Row kTimedFault = {"late",         faulty::Class::kTiming,        "is late",
                             faulty::kClock, faulty::kGpu | faulty::kTimed, ""};
constexpr Row kCrash = {"crash", faulty::Class::kProcess, "crashes", faulty::kWorker, faulty::kWorkers, ""};
constexpr Row kControl = {"control_x", faulty::Class::kControl, "is right", 0, faulty::kNothing, ""};

Record Right() {
  Record record;
  record.verdict = Verdict::kRight;
  return record;
}
Record WrongIn(Step step) {
  Record record;
  record.verdict = Verdict::kWrong;
  record.reason = "it is wrong";
  record.failure.emplace();
  record.failure->step = step;
  return record;
}
Record Unsupported() {
  Record record;
  record.verdict = Verdict::kUnsupported;
  record.reason = "k is odd";
  return record;
}
Record TimedWith(const std::string& agreement) {
  Record record = Right();
  record.timing.emplace();
  record.timing->clock_agreement = agreement;
  return record;
}

RowResult Of(const Row& row, const std::vector<Record>& records, std::uint32_t in_use = faulty::kValues) {
  std::vector<const Record*> pointers;
  for (const Record& record : records) pointers.push_back(&record);
  return ResultOf(row, pointers, in_use);
}

TEST(ResultOf, OneCaseThatIsNotRightIsACatch) {
  const RowResult result =
      Of(kFault, {Right(), WrongIn(Step::kMemory), WrongIn(Step::kExact), Unsupported()});
  EXPECT_EQ(result.state, State::kCaught);
  EXPECT_EQ(result.cases, 3);
  EXPECT_EQ(result.not_right, 2);
  EXPECT_EQ(result.caught_by, faulty::kMemory | faulty::kExact);
  EXPECT_EQ(result.note, "it is wrong");
}

TEST(ResultOf, AllCasesRightIsAnEscape) { EXPECT_EQ(Of(kFault, {Right(), Right()}).state, State::kEscaped); }

TEST(ResultOf, AFaultThatNoCaseShowsEscapes) {
  const RowResult result = Of(kFault, {Unsupported()});
  EXPECT_EQ(result.state, State::kEscaped);
  EXPECT_THAT(result.note, HasSubstr("k is odd"));
  EXPECT_EQ(Of(kFault, {}).state, State::kEscaped);
}

TEST(ResultOf, AnUnavailablePackIsNoCatch) {
  Record record = Unsupported();
  record.verdict = Verdict::kUnavailable;
  EXPECT_EQ(Of(kFault, {record}).state, State::kEscaped);
}

TEST(ResultOf, AStepInUseIsNotWaitedFor) {
  if ((kStepsToCome & faulty::kSpecialValues) != 0) {
    EXPECT_EQ(Of(kSpecial, {Right()}).state, State::kWaiting);
  }
  EXPECT_EQ(Of(kSpecial, {Right()}, faulty::kValues | faulty::kSpecialValues).state, State::kEscaped);
}

TEST(ResultOf, ATimeThatIsRefusedOrDisputedIsACatch) {
  EXPECT_EQ(Of(kTimedFault, {TimedWith("agrees")}).state, State::kEscaped);
  EXPECT_EQ(Of(kTimedFault, {TimedWith("disagrees: by half")}).state, State::kCaught);
  EXPECT_EQ(Of(kTimedFault, {TimedWith("disagrees: by half")}).note, "disagrees: by half");
  EXPECT_EQ(Of(kTimedFault, {Right()}).caught_by, faulty::kClock);
  EXPECT_EQ(Of(kFault, {Right()}).caught_by, 0u) << "nobody timed it";
}

TEST(ResultOf, ALostWorkerIsToldFromALaunchError) {
  Record failed;
  failed.verdict = Verdict::kFailed;
  EXPECT_EQ(Of(kCrash, {failed}).caught_by, faulty::kWorker);
  EXPECT_EQ(Of(kFault, {failed}).caught_by, faulty::kLaunch);
}

TEST(ResultOf, AControlMustBeRightEverywhere) {
  EXPECT_EQ(Of(kControl, {Right(), Unsupported()}).state, State::kRight);
  EXPECT_EQ(Of(kControl, {Right(), WrongIn(Step::kBounded)}).state, State::kAccused);
  EXPECT_EQ(Of(kControl, {}).state, State::kAccused) << "a control that never ran proves nothing";
}

// A sweep whose records are made up: `verdict` decides on each case.
Journal Pretend(const Sweep& sweep, const std::function<Verdict(const Case&)>& verdict) {
  Journal journal;
  for (const Case& c : sweep.cases) {
    Record record;
    record.verdict = verdict(c);
    record.problem = c.problem.op->ProblemId(c.problem);
    record.dtype = DTypeName(c.dtype);
    record.layout = LayoutName(c.layout);
    record.variant = c.variant;
    journal.records.push_back(record);
  }
  return journal;
}

std::vector<const Row*> RowsNamed(const std::set<std::string>& names) {
  std::vector<const Row*> rows;
  for (const Row& row : faulty::kRows) {
    if (names.contains(row.name)) rows.push_back(&row);
  }
  return rows;
}

TEST(RunSelftest, ACaseOnWhichThePlainControlIsNotRightDoesNotCount) {
  SelftestOptions options;
  options.rows = RowsNamed({"filter_flipped", "control_tiles"});
  const auto results = RunSelftest(options, [](const Sweep& sweep) {
    return Pretend(sweep, [](const Case& c) {
      return c.dtype == ASSAY_F32 && c.variant != "filter_flipped" ? Verdict::kRight : Verdict::kFailed;
    });
  });
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].cases, std::ranges::count_if(faulty::kStandardSet, [](const auto& problem) {
              return std::string_view(problem.dtype) == "fp32";
            }));
  EXPECT_EQ(results[1].state, State::kRight);
}

TEST(RunSelftest, WhatWouldTakeTheProcessDownIsNotRunInIt) {
  SelftestOptions options;
  for (const Row& row : faulty::kRows) options.rows.push_back(&row);
  const auto results = RunSelftest(options, [](const Sweep& sweep) {
    for (const Case& c : sweep.cases) {
      for (const Row& row : faulty::kRows) {
        EXPECT_TRUE(c.variant != row.name || (row.needs & ~faulty::kRaces) == faulty::kNothing) << row.name;
      }
    }
    return Pretend(sweep, [](const Case&) { return Verdict::kRight; });
  });
  for (const RowResult& result : results) {
    EXPECT_EQ(result.state == State::kNotShown, (result.row->needs & ~faulty::kRaces) != faulty::kNothing)
        << result.row->name;
  }
}

TEST(RunSelftest, OnAGpuWithAWorkerEveryRowIsRunAndTimedOnesAlone) {
  SelftestOptions options;
  options.gpu = options.has_worker = true;
  options.room = {std::size_t{80} << 30, std::size_t{120} << 30, ""};
  for (const Row& row : faulty::kRows) options.rows.push_back(&row);
  std::set<std::string> run, sweeps;
  RunSelftest(options, [&](const Sweep& sweep) {
    EXPECT_TRUE(sweeps.insert(sweep.name).second) << sweep.name << " runs twice";
    for (const Case& c : sweep.cases) {
      run.insert(c.variant);
      const auto rows = RowsNamed({c.variant});
      const bool timed = (rows.front()->needs & faulty::kTimed) != 0;
      EXPECT_TRUE(!timed || (sweep.measure.enabled && sweep.cases.size() == 2)) << c.variant;
    }
    return Pretend(sweep, [](const Case&) { return Verdict::kRight; });
  });
  EXPECT_EQ(run.size(), std::size(faulty::kRows));
}

TEST(RunSelftest, SaysWhatMemoryTheLargeProblemLacks) {
  SelftestOptions options;
  options.gpu = options.has_worker = true;
  for (const Row& row : faulty::kRows) {
    if ((row.needs & faulty::kBig) != 0) options.rows.push_back(&row);
  }
  ASSERT_FALSE(options.rows.empty());
  options.room = {std::size_t{5} << 30, std::size_t{120} << 30, ""};
  const auto results = RunSelftest(options, [](const Sweep& sweep) {
    return Pretend(sweep, [](const Case&) { return Verdict::kRight; });
  });
  for (const RowResult& result : results) {
    EXPECT_EQ(result.state, State::kNotShown);
    EXPECT_EQ(result.note, "7 GiB of free device memory are needed, and 5 GiB are free");
  }
}

TEST(AllCaught, FailsForAnEscapeAndForAnAccusation) {
  EXPECT_TRUE(AllCaught({Of(kFault, {WrongIn(Step::kExact)}), Of(kControl, {Right()})}));
  EXPECT_FALSE(AllCaught({Of(kFault, {Right()})}));
  EXPECT_FALSE(AllCaught({Of(kControl, {WrongIn(Step::kExact)})}));
}

TEST(RenderSelftest, NamesTheEscapedAndCountsBySteps) {
  const std::string text = RenderSelftest(
      {Of(kFault, {WrongIn(Step::kExact)}), Of(kTimedFault, {TimedWith("agrees")}), Of(kControl, {Right()})});
  EXPECT_THAT(text, HasSubstr("caught     flipped"));
  EXPECT_THAT(text, HasSubstr("ESCAPED    late"));
  EXPECT_THAT(text, HasSubstr("Faults caught: 1 of 2, 1 escaped"));
  EXPECT_THAT(text, HasSubstr("Controls right: 1 of 1"));
}

}  // namespace
}  // namespace assay
