#include "harness/verify/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>

#include "harness/device/host_memory.h"
#include "harness/verify/case_run.h"
#include "harness/verify/memory_step.h"
#include "harness/verify/reference_cache.h"
#include "harness/verify/sentences.h"
#include "harness/verify/steps.h"

namespace assay {
namespace {

// On the host device each seed is judged under another legal order of lanes; back to forward when the case
// ends.
class LaneOrders {
 public:
  explicit LaneOrders(Device& device) : device_(&device) {}
  ~LaneOrders() { device_->SetLaneOrder(LaneOrder::kForward, 0); }
  LaneOrders(const LaneOrders&) = delete;
  LaneOrders& operator=(const LaneOrders&) = delete;

  void Use(int seed_index, std::uint64_t seed) {
    constexpr LaneOrder kOrders[] = {LaneOrder::kForward, LaneOrder::kReverse, LaneOrder::kShuffled};
    device_->SetLaneOrder(kOrders[seed_index % 3], seed);
  }

 private:
  Device* device_;
};

// How far each step of the table has come.
struct Progress {
  std::string not_applicable;
  int turns = 0;
  int turns_passed = 0;
  double max_error_share = 0;
  std::string note;
  std::optional<Failure> failure;
  std::string launch_failure;  // the launch itself failed: all that is known of it
};

std::string Stopped(int passed, const std::string& what, const std::string& why) {
  return passed == 0 ? "not run: " + why : fmt::format("stopped after {} without fault: {}", what, why);
}

// The judgement of a case from its steps' progress; `why_stopped` is empty if all were run to their end.
void ReportSteps(const CaseRun& run, const std::vector<Progress>& progress, const std::string& why_stopped,
                 Judgement& judgement) {
  const auto table = JudgingSteps();
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Progress& p = progress[i];
    StepResult result{table[i].step, Outcome::kNotRun, ""};
    if (!p.not_applicable.empty()) {
      result = {table[i].step, Outcome::kNotApplicable, p.not_applicable};
    } else if (p.failure) {
      result = {table[i].step, Outcome::kFailed, p.failure->detail};
    } else if (!p.launch_failure.empty()) {
      result = {table[i].step, Outcome::kFailed, p.launch_failure};
    } else if (p.turns_passed >= p.turns) {
      result = {table[i].step, Outcome::kPassed,
                table[i].passed(run, {p.turns_passed, p.max_error_share, p.note})};
    } else {
      const bool seeds = table[i].for_each_seed;
      result.detail =
          Stopped(p.turns_passed, Counted(p.turns_passed, seeds ? "seed" : "turn", seeds ? "seeds" : "turns"),
                  why_stopped);
    }
    judgement.steps.push_back(result);
    judgement.max_error_share = std::max(judgement.max_error_share, p.max_error_share);
    if (p.failure && !judgement.failure) judgement.failure = p.failure;
  }
  StepResult memory{Step::kMemory, Outcome::kPassed, MemoryPassed(run.launches())};
  if (run.memory_failure()) {
    memory = {Step::kMemory, Outcome::kFailed, run.memory_failure()->detail};
    if (!judgement.failure) judgement.failure = run.memory_failure();
  } else if (!why_stopped.empty()) {
    memory = {Step::kMemory, Outcome::kNotRun,
              Stopped(run.launches(), Counted(run.launches(), "launch", "launches"), why_stopped)};
  }
  judgement.steps.push_back(memory);
  std::stable_sort(judgement.steps.begin(), judgement.steps.end(),
                   [](const StepResult& a, const StepResult& b) { return a.step < b.step; });
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// Filling and evaluating takes minutes of CPU time from here on.
bool TooLargeForProbes(const Case& c) {
  constexpr std::int64_t kElements = std::int64_t{1} << 30;
  const auto large = [](const TensorSpec& spec) { return spec.Count() > kElements; };
  return std::ranges::any_of(c.problem.op->Inputs(c.problem), large) ||
         std::ranges::any_of(c.problem.op->Outputs(c.problem), large);
}

// Runs the table's steps up to the first fault: those for each seed seed by seed, then the others.
class StepRunner {
 public:
  StepRunner(CaseRun& run, Device& device, const VerifySettings& settings, Judgement& judgement)
      : run_(run), settings_(settings), judgement_(judgement), orders_(device), progress_(table_.size()) {
    for (std::size_t i = 0; i < table_.size(); ++i) {
      progress_[i].not_applicable = table_[i].not_applicable(run.c());
      if (!table_[i].for_each_seed && TooLargeForProbes(run.c())) {
        progress_[i].not_applicable =
            "too large a problem to be drawn again and again; what this step shows does not depend on the "
            "size";
      }
      progress_[i].turns = table_[i].turns(run.c(), settings.seeds);
    }
  }

  void Run() {
    for (int turn = 0; turn < settings_.seeds; ++turn) TakeSeed(turn);
    // A few numbers may all be zero by chance.
    constexpr std::int64_t kFewElements = 4096;
    constexpr int kMoreSeeds = 8;
    for (int more = 0; more < kMoreSeeds && why_stopped_.empty() && !Informative(); ++more) {
      if (compared_ > kFewElements * settings_.seeds) break;
      TakeSeed(settings_.seeds + more);
    }
    for (std::size_t i = 0; i < table_.size(); ++i) {
      if (table_[i].for_each_seed) continue;
      for (int turn = 0; turn < progress_[i].turns; ++turn) Take(i, turn);
    }
    ReportSteps(run_, progress_, why_stopped_, judgement_);
    if (judgement_.failure) {
      judgement_.verdict = Verdict::kWrong;
      judgement_.reason = judgement_.failure->detail;
    } else if (why_stopped_.empty()) {
      judgement_.verdict = Informative() ? Verdict::kRight : Verdict::kUntrusted;
      if (!Informative()) judgement_.reason = WhyUntrusted();
    }
  }

 private:
  void TakeSeed(int turn) {
    for (std::size_t i = 0; i < table_.size(); ++i) {
      if (table_[i].for_each_seed) Take(i, turn);
    }
  }

  void Take(std::size_t index, int number) {
    Progress& p = progress_[index];
    if (!why_stopped_.empty() || !p.not_applicable.empty()) return;
    const Turn turn{number, settings_.seeds, settings_.first_seed};
    orders_.Use(number, turn.seed());
    try {
      const Finding finding = table_[index].run(run_, turn);
      p.max_error_share = std::max(p.max_error_share, finding.max_error_share);
      p.failure = finding.failure;
      p.note = finding.note;
      if (table_[index].for_each_seed) {
        compared_ += finding.compared;
        idle_ += finding.idle;
      }
      if (p.failure) {
        why_stopped_ = fmt::format("step {} failed", StepName(table_[index].step));
      } else {
        ++p.turns_passed;
        if (run_.memory_failure()) why_stopped_ = fmt::format("step {} failed", StepName(Step::kMemory));
      }
    } catch (const LaunchFailure& failure) {
      judgement_.verdict = Verdict::kFailed;
      judgement_.reason = FirstLine(failure.what());
      p.launch_failure = failure.what();
      if (!failure.fault().empty()) {
        judgement_.reason += ": " + FirstLine(failure.fault());
        p.launch_failure += "\n" + failure.fault();
      }
      why_stopped_ = "a launch failed";
    }
  }

  double DesignShare() const { return run_.c().problem.op->InformativeShare(run_.c().problem); }

  // Half of the outputs that the operator's design leaves, and one at least, have to be worth comparing.
  bool Informative() const {
    const std::int64_t informative = compared_ - idle_;
    return informative > 0 &&
           static_cast<double>(informative) >= 0.5 * DesignShare() * static_cast<double>(compared_);
  }

  std::string WhyUntrusted() const {
    return fmt::format(
        "every step passed, but of the {} reference values compared only {} ({:.2g} %) are neither zero nor "
        "saturated, where {:.2g} % are expected of this problem: too few for the comparison to say much",
        compared_, compared_ - idle_,
        100 * static_cast<double>(compared_ - idle_) / static_cast<double>(compared_), 100 * DesignShare());
  }

  CaseRun& run_;
  const VerifySettings& settings_;
  Judgement& judgement_;
  LaneOrders orders_;
  std::span<const JudgingStep> table_ = JudgingSteps();
  std::vector<Progress> progress_;
  std::string why_stopped_;
  std::int64_t compared_ = 0, idle_ = 0;
};

// Half of what is free; where that is not known, a quarter of all there is.
std::size_t DefaultCacheBytes() { return HostFreeBytes().value_or(HostTotalBytes() / 2) / 2; }

// Every step that JudgeCase reports, as not run.
std::vector<StepResult> NothingRun(const std::string& why) {
  std::vector<StepResult> steps;
  for (const JudgingStep& entry : JudgingSteps()) steps.push_back({entry.step, Outcome::kNotRun, why});
  steps.push_back({Step::kMemory, Outcome::kNotRun, why});
  return steps;
}

}  // namespace

Judge::Judge(Device& device, const VerifySettings& settings, std::size_t cache_bytes)
    : device_(&device),
      settings_(settings),
      cache_(std::make_unique<ReferenceCache>(cache_bytes != 0 ? cache_bytes : DefaultCacheBytes())),
      scratch_(std::make_unique<JudgeScratch>()) {
  if (settings.seeds < 1) {
    throw std::invalid_argument(
        fmt::format("verify: {} seeds were asked for; 1 or more are allowed", settings.seeds));
  }
  // Of what one problem has taken the next one is made.
  KeepFreedTensors(cache_->budget());
}

Judge::~Judge() { KeepFreedTensors(0); }

void Judge::CountOn(StageClock* clock) { cache_->CountOn(clock); }

std::shared_ptr<const TensorBits> Judge::RandomInputs(const Case& c, std::uint64_t seed) {
  return cache_->InputBits({&c.problem, c.dtype, FillKind::kRandom, seed}, c.layout);
}

Judgement Judge::JudgeCase(const Case& c, const VariantInfo& variant, Plan& plan) {
  const InStage stage(cache_->stage_clock(), "launches");
  Judgement judgement;
  const auto fail = [&](const std::string& reason) {
    judgement = Judgement{};
    judgement.reason = reason;
    judgement.steps = NothingRun("not run: " + reason);
  };
  const std::uint64_t workspace_bytes = plan.WorkspaceBytes();
  const std::size_t needed = CaseBuffers::BytesNeeded(c.problem, c.dtype, workspace_bytes);
  // The host device's memory is also the cache's.
  if (device_->info().backend == ASSAY_BACKEND_HOST && needed > device_->FreeBytes()) cache_->Clear();
  const std::size_t free_bytes = device_->FreeBytes();
  try {
    const std::string needs = MemoryNeeds(c, workspace_bytes, free_bytes);
    std::optional<CaseRun> run;
    try {
      if (needed <= free_bytes) run.emplace(*device_, c, variant, plan, *cache_, *scratch_);
      if (!run) fail(needs);
    } catch (const DeviceError& error) {
      if (error.sticky) throw;
      fail(fmt::format("{}: {}", needs, error.what()));
    }
    VerifySettings settings = settings_;
    if (c.seeds > 0) settings.seeds = c.seeds;
    if (run) StepRunner(*run, *device_, settings, judgement).Run();
  } catch (const DeviceError& error) {
    if (error.sticky) throw;
    fail(error.what());
  } catch (const std::bad_alloc&) {
    const auto free_now = HostFreeBytes();
    fail(fmt::format("judging it takes more host memory than there is{}",
                     free_now ? fmt::format("; {} are free", Size(*free_now)) : ""));
  }
  judgement.steps.push_back({Step::kAfterTiming, Outcome::kNotRun, "not timed"});
  return judgement;
}

}  // namespace assay
