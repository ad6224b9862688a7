#include "harness/selftest/selftest.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string_view>

#include "harness/config/boundary.h"
#include "reference/dtype.h"
#include "reference/operator.h"

namespace assay {
namespace {

using faulty::Row;
using State = RowResult::State;

constexpr std::uint32_t BitOf(Step step) { return 1U << static_cast<unsigned>(step); }
static_assert(faulty::kExact == BitOf(Step::kExact) && faulty::kBounded == BitOf(Step::kBounded) &&
                  faulty::kPrecision == BitOf(Step::kPrecision) &&
                  faulty::kSpecialValues == BitOf(Step::kSpecialValues) &&
                  faulty::kMemory == BitOf(Step::kMemory) && faulty::kOrder == BitOf(Step::kOrder) &&
                  faulty::kAfterTiming == BitOf(Step::kAfterTiming),
              "the gallery counts the judging steps as records do");

// Right on every problem whatever happens, so that a fault is not praised for what the machine did.
constexpr std::string_view kPlainControl = "control_fused";
constexpr std::string_view kOperator = "dsconv";

const Row& PlainControl() {
  const auto* found =
      std::ranges::find_if(faulty::kRows, [](const Row& row) { return kPlainControl == row.name; });
  return *found;
}

void AddCases(Sweep& sweep, const faulty::StandardProblem& problem, const std::vector<const Row*>& rows) {
  Case c;
  c.problem = FindOperator(kOperator)->ParseProblemId(problem.id);
  c.label = problem.covers;
  c.dtype = ParseDType(problem.dtype).value();
  c.layout = ParseLayout(problem.layout).value();
  for (const Row* row : rows) {
    c.variant = row->name;
    sweep.cases.push_back(c);
  }
}

JudgingMemory MemoryOfBigProblem() {
  return MemoryToJudge(FindOperator(kOperator)->ParseProblemId(faulty::kBigProblem.id),
                       ParseDType(faulty::kBigProblem.dtype).value());
}

Sweep MakeSweep(const std::string& name, bool timed) {
  Sweep sweep;
  sweep.name = name;
  sweep.text = "# " + name + " of assay selftest\n";
  sweep.measure.enabled = timed;
  sweep.measure.max_seconds = 0.5;
  sweep.measure.relative_width = 0.05;
  return sweep;
}

// Several sweeps, and what came of them.
class Selftest {
 public:
  Selftest(const SelftestOptions& options, const SweepRunner& run) : options_(options), run_(run) {}

  std::vector<RowResult> Run() {
    RunJudged();
    for (const Row* row : Selected(faulty::kTimed)) RunAlone(*row, faulty::kStandardSet[1], true);
    for (const Row* row : Selected(faulty::kBig)) RunBig(*row);
    for (const Row* row : Selected(options_.gpu ? faulty::kRaces : faulty::kNothing)) RunUnderRacecheck(*row);
    // Last, since they may leave the device in any state.
    for (const Row* row : Selected(faulty::kWorkers)) RunAlone(*row, faulty::kStandardSet[1], false);
    std::vector<RowResult> results;
    for (const Row* row : options_.rows) results.push_back(Result(*row));
    return results;
  }

 private:
  static constexpr double kHangSeconds = 15;  // many times what a small case takes on a busy machine
  static constexpr std::uint32_t kOwnSweep = faulty::kTimed | faulty::kBig | faulty::kWorkers;

  // Why a row cannot be shown here; empty: it can.
  std::string WhyNotShown(const Row& row) const {
    if ((row.needs & (faulty::kGpu | faulty::kTimed)) != 0 && !options_.gpu) return "needs a GPU";
    if ((row.needs & faulty::kWorkers) != 0 && !options_.has_worker) {
      return "needs a worker process, which may be lost";
    }
    if ((row.needs & faulty::kBig) != 0) return WhyNoRoom(MemoryOfBigProblem(), options_.room);
    return {};
  }

  std::vector<const Row*> Selected(std::uint32_t need) const {
    std::vector<const Row*> rows;
    for (const Row* row : options_.rows) {
      if ((row->needs & need) != 0 && WhyNotShown(*row).empty()) rows.push_back(row);
    }
    return rows;
  }

  // All rows that can be run side by side, over the standard set.
  void RunJudged() {
    std::vector<const Row*> rows = {&PlainControl()};
    for (const Row* row : options_.rows) {
      if ((row->needs & kOwnSweep) == 0 && row != rows.front() && WhyNotShown(*row).empty())
        rows.push_back(row);
    }
    Sweep sweep = MakeSweep("selftest", false);
    for (const faulty::StandardProblem& problem : faulty::kStandardSet) AddCases(sweep, problem, rows);
    Keep(run_(sweep));
  }

  // In a sweep of its own, so that its timing disturbs nobody else's.
  void RunAlone(const Row& row, const faulty::StandardProblem& problem, bool timed) {
    Sweep sweep = MakeSweep(std::string("selftest-") + row.name, timed);
    if ((row.needs & faulty::kWorkers) != 0) sweep.limits.seconds = kHangSeconds;
    AddCases(sweep, problem, {&PlainControl(), &row});
    Keep(run_(sweep));
  }

  void RunUnderRacecheck(const Row& row) {
    Sweep sweep = MakeSweep(std::string(kUnderRacecheck) + row.name, false);
    for (const faulty::StandardProblem& problem : faulty::kStandardSet) {
      AddCases(sweep, problem, {&PlainControl(), &row});
    }
    Keep(run_(sweep));
  }

  void RunBig(const Row& row) {
    Sweep sweep = MakeSweep(std::string("selftest-") + row.name, false);
    sweep.verify.seeds = kHugeSeeds;
    AddCases(sweep, faulty::kBigProblem, {&PlainControl(), &row});
    Keep(run_(sweep));
  }

  static std::string Place(const Record& record) {
    return record.problem + "/" + record.dtype + "/" + record.layout;
  }

  // Keeps the records of the cases on which the plain control was right.
  void Keep(const Journal& journal) {
    std::set<std::string> sound;
    for (const Record& record : journal.records) {
      if (record.variant == kPlainControl && record.verdict == Verdict::kRight) sound.insert(Place(record));
      for (const StepResult& step : record.steps) {
        if (step.outcome == Outcome::kPassed || step.outcome == Outcome::kFailed) {
          steps_in_use_ |= BitOf(step.step);
        }
      }
    }
    for (const Record& record : journal.records) {
      if (record.variant == kPlainControl || sound.contains(Place(record))) records_.push_back(record);
    }
  }

  RowResult Result(const Row& row) const {
    if (const std::string why = WhyNotShown(row); !why.empty()) {
      RowResult result;
      result.row = &row;
      result.note = why;
      return result;
    }
    std::vector<const Record*> records;
    for (const Record& record : records_) {
      if (record.variant == row.name) records.push_back(&record);
    }
    return ResultOf(row, records, steps_in_use_);
  }

  const SelftestOptions& options_;
  const SweepRunner& run_;
  std::vector<Record> records_;
  std::uint32_t steps_in_use_ = 0;
};

std::string FirstSentence(const Record& record) {
  if (!record.reason.empty()) return record.reason;
  return record.timing ? record.timing->clock_agreement : "no time is given, and no reason";
}

}  // namespace

std::uint32_t CatcherOf(const Record& record, bool timed) {
  switch (record.verdict) {
    case Verdict::kUnsupported:
    case Verdict::kUnavailable:
      return 0;
    case Verdict::kRight:
      if (!timed || (record.timing && record.timing->clock_agreement == "agrees")) return 0;
      return faulty::kClock;
    case Verdict::kFailed:
      return faulty::kLaunch;
    default:
      break;
  }
  if (record.failure && record.failure->step == Step::kSanitizer) return faulty::kSanitizer;
  if (record.failure) return BitOf(record.failure->step);
  for (const StepResult& step : record.steps) {
    if (step.outcome == Outcome::kFailed) return BitOf(step.step);
  }
  return faulty::kMemory;  // found behind the timed launches, whose step is not in the list
}

RowResult ResultOf(const Row& row, const std::vector<const Record*>& records, std::uint32_t steps_in_use) {
  RowResult result;
  result.row = &row;
  const bool timed = (row.needs & faulty::kTimed) != 0;
  for (const Record* record : records) {
    if (record->verdict == Verdict::kUnsupported || record->verdict == Verdict::kUnavailable) continue;
    ++result.cases;
    std::uint32_t catcher = CatcherOf(*record, timed);
    if (catcher == 0) continue;
    if (catcher == faulty::kLaunch && (row.needs & faulty::kWorkers) != 0) catcher = faulty::kWorker;
    if (result.not_right++ == 0) result.note = FirstSentence(*record);
    result.caught_by |= catcher;
  }
  const bool right = result.not_right == 0 && result.cases > 0;
  if (result.cases == 0) {
    result.note = records.empty() ? "it was not run" : "no problem shows it: " + records.front()->reason;
  }
  if (faulty::IsControl(row)) {
    result.state = right ? State::kRight : State::kAccused;
  } else if (result.not_right > 0) {
    result.state = State::kCaught;
  } else {
    const bool may_come = (row.caught_by & kStepsToCome & ~steps_in_use) != 0;
    result.state = may_come && result.cases > 0 ? State::kWaiting : State::kEscaped;
  }
  return result;
}

std::vector<RowResult> RunSelftest(const SelftestOptions& options, const SweepRunner& run) {
  return Selftest(options, run).Run();
}

bool AllCaught(const std::vector<RowResult>& results) {
  return std::ranges::none_of(results, [](const RowResult& result) {
    return result.state == State::kEscaped || result.state == State::kAccused;
  });
}

}  // namespace assay
