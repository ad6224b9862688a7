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
  int seeds_passed = 0;
  double max_error_share = 0;
  std::optional<Failure> failure;
  std::string launch_failure;  // the launch itself failed: all that is known of it
};

std::string Stopped(int passed, const std::string& what, const std::string& why) {
  return passed == 0 ? "not run: " + why : fmt::format("stopped after {} without fault: {}", what, why);
}

// The judgement of a case from its steps' progress; `why_stopped` is empty if all were run to their end.
void ReportSteps(const CaseRun& run, const std::vector<Progress>& progress, int seeds,
                 const std::string& why_stopped, Judgement& judgement) {
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
    } else if (p.seeds_passed == seeds) {
      result = {table[i].step, Outcome::kPassed, table[i].passed(run, seeds, p.max_error_share)};
    } else {
      result.detail = Stopped(p.seeds_passed, Counted(p.seeds_passed, "seed", "seeds"), why_stopped);
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

// Runs the table's steps, seed by seed, up to the first fault.
void RunSteps(CaseRun& run, Device& device, const VerifySettings& settings, Judgement& judgement) {
  const auto table = JudgingSteps();
  std::vector<Progress> progress(table.size());
  for (std::size_t i = 0; i < table.size(); ++i)
    progress[i].not_applicable = table[i].not_applicable(run.c());
  std::string why_stopped;
  LaneOrders orders(device);
  for (int s = 0; s < settings.seeds && why_stopped.empty(); ++s) {
    const std::uint64_t seed = settings.first_seed + static_cast<std::uint64_t>(s);
    orders.Use(s, seed);
    for (std::size_t i = 0; i < table.size() && why_stopped.empty(); ++i) {
      Progress& p = progress[i];
      if (!p.not_applicable.empty()) continue;
      try {
        const Finding finding = table[i].run(run, seed);
        p.max_error_share = std::max(p.max_error_share, finding.max_error_share);
        p.failure = finding.failure;
        if (p.failure) {
          why_stopped = fmt::format("step {} failed", StepName(table[i].step));
        } else {
          ++p.seeds_passed;
          if (run.memory_failure()) why_stopped = fmt::format("step {} failed", StepName(Step::kMemory));
        }
      } catch (const LaunchFailure& failure) {
        judgement.verdict = Verdict::kFailed;
        judgement.reason = FirstLine(failure.what());
        p.launch_failure = failure.what();
        if (!failure.fault().empty()) {
          judgement.reason += ": " + FirstLine(failure.fault());
          p.launch_failure += "\n" + failure.fault();
        }
        why_stopped = "a launch failed";
      }
    }
  }
  ReportSteps(run, progress, settings.seeds, why_stopped, judgement);
  if (judgement.failure) {
    judgement.verdict = Verdict::kWrong;
    judgement.reason = judgement.failure->detail;
  } else if (why_stopped.empty()) {
    judgement.verdict = Verdict::kRight;
  }
}

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
      cache_(std::make_unique<ReferenceCache>(cache_bytes != 0 ? cache_bytes : HostFreeBytes() / 2)),
      scratch_(std::make_unique<JudgeScratch>()) {
  if (settings.seeds < 1) {
    throw std::invalid_argument(
        fmt::format("verify: {} seeds were asked for; 1 or more are allowed", settings.seeds));
  }
}

Judge::~Judge() = default;

Judgement Judge::JudgeCase(const Case& c, const VariantInfo& variant, Plan& plan) {
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
    if (run) RunSteps(*run, *device_, settings_, judgement);
  } catch (const DeviceError& error) {
    if (error.sticky) throw;
    fail(error.what());
  } catch (const std::bad_alloc&) {
    fail(fmt::format("judging it takes more host memory than there is; {} are free", Size(HostFreeBytes())));
  }
  judgement.steps.push_back({Step::kAfterTiming, Outcome::kNotRun, "not timed"});
  return judgement;
}

}  // namespace assay
