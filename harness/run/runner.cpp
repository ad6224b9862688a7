#include "harness/run/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "harness/run/job.h"
#include "harness/run/sanitizer.h"
#include "harness/run/sweep_journal.h"
#include "harness/run/timing_session.h"
#include "harness/verify/judge.h"
#include "harness/worker/worker_process.h"
#include "reference/dtype.h"

namespace assay {
namespace {

class SweepRun {
 public:
  SweepRun(const Sweep& sweep, Executor& executor, const RunOptions& options, Progress& progress)
      : sweep_(sweep),
        executor_(executor),
        packs_(executor.packs()),
        options_(options),
        progress_(progress),
        judge_(executor.device(), sweep.verify),
        journal_(sweep, executor, options) {
    judge_.CountOn(&stages_);
    if (!options.sanitizers.empty())
      sanitizer_.emplace(options.sanitizers, options.worker, sweep.limits.seconds);
  }

  Journal Run() {
    const std::vector<const Case*>& to_run = journal_.to_run();
    progress_.Begin(static_cast<int>(to_run.size()));
    {
      const ExecutorRange range(executor_, ProfileRange::Kind::kSweep, sweep_.name);
      for (std::size_t begin = 0; begin < to_run.size();) {
        const std::size_t end = GroupEnd(begin);
        RunGroup(begin, end);
        begin = end;
      }
    }
    RestartIfPoisoned("");  // also sends on the ranges that were closed last
    progress_.End();
    journal_.WriteBenchmarkLog(log_);
    return journal_.Take();
  }

 private:
  // Cases from `begin` on that share problem, dtype and layout: they are timed side by side.
  std::size_t GroupEnd(std::size_t begin) const {
    const std::vector<const Case*>& to_run = journal_.to_run();
    const Case& first = *to_run[begin];
    std::size_t end = begin + 1;
    while (end < to_run.size() && to_run[end]->problem == first.problem &&
           to_run[end]->dtype == first.dtype && to_run[end]->layout == first.layout) {
      ++end;
    }
    return end;
  }

  void RunGroup(std::size_t begin, std::size_t end) {
    std::vector<Job> to_time;
    for (std::size_t i = begin; i < end; ++i) {
      Job job;
      job.c = journal_.to_run()[i];
      job.number = static_cast<std::size_t>(job.c - sweep_.cases.data()) + 1;
      progress_.CaseStarted(job.c->Id());
      const Stopwatch watch;
      JudgeJob(job);
      if (sanitizer_) sanitizer_->Check(job, sweep_.verify.first_seed);
      job.record.printed = executor_.TakeOutput();
      job.seconds = watch.Seconds();
      AddStages(job.record.stages, stages_.Take(), 1);
      if (journal_.timed() && job.judgement.verdict == Verdict::kRight &&
          job.record.verdict == Verdict::kRight) {
        to_time.push_back(std::move(job));
      } else {
        Finish(job);
      }
    }
    if (!to_time.empty()) TimeJobs(std::move(to_time));
  }

  void JudgeJob(Job& job) {
    const Case& c = *job.c;
    job.record = StartRecord(c, sweep_, executor_.device(), options_);
    const ExecutorRange range(executor_, ProfileRange::Kind::kCase, job.record.id, job.number);
    const VariantLookup found =
        packs_.Find(c.problem.op->name(), c.variant, executor_.device().info().backend);
    if (!found.variant) return Settle(job, Verdict::kUnavailable, found.unavailable);
    job.variant = *found.variant;
    job.id = found.id;
    job.record.operand_bits =
        std::min(SignificantBits(job.variant.promise(c.dtype).operand), SignificantBits(c.dtype));
    // Who kills processes may hit this one by chance; twice in a row it has to do with the case.
    constexpr int kTries = 2;
    for (int attempt = 1; !TryToJudge(job) && attempt < kTries; ++attempt) {
    }
  }

  // False if the worker was killed from outside meanwhile, which says nothing of the case.
  bool TryToJudge(Job& job) {
    if (device_lost_) {
      job.record.transient = true;
      Settle(job, Verdict::kFailed, lost_reason_);
      return true;
    }
    const Case& c = *job.c;
    const assay_problem view = c.problem.View(c.dtype, c.layout);
    job.record.transient = false;
    try {
      executor_.BeginCase(job.record.id, sweep_.limits.seconds + TransferSeconds(c));
      if (const std::string why = executor_.WhyNot(job.id, view); !why.empty()) {
        Settle(job, Verdict::kUnsupported, why);
        return true;
      }
      CreatePlan(job);
      job.judged_plan = job.record.plan;
      const ExecutorRange verify(executor_, ProfileRange::Kind::kVerify, "verify", job.number);
      job.judgement = judge_.JudgeCase(c, job.variant, *job.plan);
      TakeJudgement(job.record, job.judgement);
    } catch (const DeviceError& error) {
      Settle(job, Verdict::kFailed, error.what());
      job.record.transient = KilledFromOutside(error);
      if (error.sticky) RestartAfter(job.record.id);
    } catch (const std::exception& error) {
      Settle(job, Verdict::kFailed, error.what());
      RestartIfPoisoned(job.record.id);
    }
    return !job.record.transient;
  }

  void CreatePlan(Job& job) {
    const InStage stage(&stages_, "plan");
    job.plan =
        executor_.Create(job.id, job.c->problem.View(job.c->dtype, job.c->layout), job.c->configuration);
    job.plan_generation = executor_.generation();
    job.record.plan = job.plan->Describe();
  }

  // A pack's code may have poisoned the device and reported a failure of its own: it is the culprit, not the
  // next case.
  void RestartIfPoisoned(const std::string& id) {
    try {
      executor_.device().Synchronize();
    } catch (const DeviceError& error) {
      if (error.sticky) RestartAfter(id);
    }
  }

  void RestartAfter(const std::string& id) {
    try {
      executor_.Restart();
    } catch (const std::exception& error) {
      device_lost_ = true;
      lost_reason_ = fmt::format("not run: the device was lost in case {} ({})", id, error.what());
    }
  }

  void TimeJobs(std::vector<Job> jobs) {
    bool tried_again = false;
    while (!jobs.empty()) {
      if (device_lost_) {
        for (Job& job : jobs) job.record.transient = true;
        return FinishAll(jobs, Verdict::kFailed, lost_reason_);
      }
      const Stopwatch watch;
      try {
        BeginTiming(jobs);
        TimeGroup(jobs);
        const double share = watch.Seconds() / static_cast<double>(jobs.size());
        const StageSeconds stages = stages_.Take();
        for (Job& job : jobs) {
          job.seconds += share;
          AddStages(job.record.stages, stages, 1 / static_cast<double>(jobs.size()));
          Finish(job);
        }
        return;
      } catch (const CulpritFound& found) {
        std::vector<Job> accused;
        accused.push_back(std::move(jobs.at(found.candidate)));
        jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(found.candidate));
        RestartAfter(accused.front().record.id);
        if (jobs.empty() || device_lost_) {
          accused.front().record.transient = !jobs.empty();  // alone it might have been right
          Settle(accused.front(), Verdict::kFailed, fmt::format("while timing: {}", found.what()));
          Finish(accused.front());
        } else {
          // It was launched last, which is not proof: work that another left behind may have ended only then.
          accused.front().timed_alone = "the device was lost when it had launched beside others";
          TimeJobs(std::move(accused));
        }
      } catch (const DeviceError& error) {
        if (!error.sticky)
          return FinishAll(jobs, Verdict::kRight, fmt::format("not timed: {}", error.what()));
        RestartAfter(jobs.front().record.id);
        if (KilledFromOutside(error) && !tried_again) {
          tried_again = true;
        } else if (jobs.size() == 1 || device_lost_) {
          for (Job& job : jobs) job.record.transient = KilledFromOutside(error) || jobs.size() > 1;
          return FinishAll(jobs, Verdict::kFailed,
                           fmt::format("the device was lost while timing: {}", error.what()));
        } else {
          return TimeEachAlone(std::move(jobs));
        }
      } catch (const std::exception& error) {
        RestartIfPoisoned(jobs.front().record.id);
        return FinishAll(jobs, Verdict::kRight, fmt::format("not timed: {}", error.what()));
      }
    }
  }

  // Whose doing it was is not known: alone each shows.
  void TimeEachAlone(std::vector<Job> jobs) {
    for (Job& job : jobs) {
      std::vector<Job> one;
      job.timed_alone = "the device was lost while several were timed";
      one.push_back(std::move(job));
      TimeJobs(std::move(one));
    }
  }

  void BeginTiming(std::vector<Job>& jobs) {
    // Each input set goes to the device, and so does what is judged after timing.
    const double transfers = (sweep_.measure.input_sets + 1) * TransferSeconds(*jobs.front().c);
    executor_.BeginCase(jobs.front().record.id + (jobs.size() > 1 ? " and those beside it" : ""),
                        (sweep_.limits.seconds + transfers) * static_cast<double>(jobs.size()));
    for (Job& job : jobs) {
      if (job.plan_generation != executor_.generation()) CreatePlan(job);
    }
  }

  void TimeGroup(std::vector<Job>& jobs) {
    const InStage stage(&stages_, "timing");
    std::vector<TimingEntry> entries;
    for (const Job& job : jobs) entries.push_back({job.c, &job.variant, job.plan.get(), job.number});
    std::vector<TimingResult> results = TimeEntries(executor_.device(), sweep_, entries, StagedTiming());
    for (std::size_t i = 0; i < jobs.size(); ++i) TakeTiming(jobs[i], results[i]);
  }

  // Launches and times through the executor.
  TimingFunctions StagedTiming() {
    const TimingFunctions plain = TimingOf(executor_, sweep_.measure, &log_);
    return {[this, plain](std::span<const TimedLaunches> candidates) {
              const InStage stage(&stages_, "samples");
              return plain.measure(candidates);
            },
            [this, plain](const TimedLaunches& launches, std::size_t first, std::size_t count) {
              const InStage stage(&stages_, "own clock");
              plain.back_to_back(launches, first, count);
            },
            [this](const Case& c, std::uint64_t seed) { return judge_.RandomInputs(c, seed); }};
  }

  void FinishAll(std::vector<Job>& jobs, Verdict verdict, const std::string& reason) {
    for (Job& job : jobs) {
      Settle(job, verdict, reason);
      Finish(job);
    }
  }

  void TakeTiming(Job& job, TimingResult& result) {
    if (result.failed) return Settle(job, Verdict::kFailed, result.not_timed);
    if (!result.timing) {
      job.record.reason = result.not_timed;
      return;
    }
    try {
      judge_.JudgeAfterTiming(*job.c, job.variant, result.last_inputs, result.outputs, job.judgement);
    } catch (const std::exception& e) {
      return Settle(job, Verdict::kFailed,
                    fmt::format("what the timed launches wrote could not be judged: {}", e.what()));
    }
    TakeJudgement(job.record, job.judgement);
    if (!result.memory_fault.empty() && job.record.verdict == Verdict::kRight) {
      Settle(job, Verdict::kWrong, "step memory: " + result.memory_fault);
    }
    // A wrong result's time means nothing, so it is not kept.
    if (job.record.verdict != Verdict::kRight) return;
    job.record.timing = std::move(result.timing);
    job.record.reason = result.note;
    if (result.note.empty() && !job.timed_alone.empty())
      job.record.reason = "timed alone: " + job.timed_alone;
    if (job.record.plan != job.judged_plan) {
      job.record.reason +=
          fmt::format("{}its plan was made again for timing, and is not the one that was judged before: {}",
                      job.record.reason.empty() ? "" : "; ", job.judged_plan);
    }
    const Case& c = *job.c;
    job.record.floor = FloorOf(c.problem.op->CostOf(c.problem, c.dtype), c.dtype,
                               job.variant.promise(c.dtype).operand, journal_.ceilings());
  }

  // Here, and not along with whatever the next case asks for: what release() does is this case's.
  void ReleasePlan(Job& job) {
    const bool lives = job.plan && job.plan_generation == executor_.generation() && !device_lost_;
    try {
      if (lives) executor_.ContinueCase(job.record.id, sweep_.limits.seconds);
      job.plan.reset();
      if (lives) executor_.device().Synchronize();  // is what the release goes along with
    } catch (const DeviceError& error) {
      // Who kills processes says nothing of a case that was judged.
      if (!KilledFromOutside(error)) FailInRelease(job, error);
      if (error.sticky) RestartAfter(job.record.id);
    } catch (const std::exception& error) {
      FailInRelease(job, error);
    }
  }

  void FailInRelease(Job& job, const std::exception& error) {
    if (job.record.verdict == Verdict::kRight || job.record.verdict == Verdict::kUntrusted) {
      Settle(job, Verdict::kFailed, fmt::format("when its plan was released: {}", error.what()));
    }
  }

  void Finish(Job& job) {
    ReleasePlan(job);
    job.record.case_seconds = job.seconds;
    job.record.printed += executor_.TakeOutput();
    journal_.Append(job.record);
    progress_.CaseEnded(job.record);
  }

  const Sweep& sweep_;
  Executor& executor_;
  const PackSet packs_;
  const RunOptions& options_;
  Progress& progress_;
  StageClock stages_;  // of what runs now
  Judge judge_;
  std::optional<Sanitizer> sanitizer_;
  SweepJournal journal_;
  BenchmarkLog log_;
  bool device_lost_ = false;
  std::string lost_reason_;
};

}  // namespace

Journal RunSweep(const Sweep& sweep, Executor& executor, const RunOptions& options, Progress& progress) {
  return SweepRun(sweep, executor, options, progress).Run();
}

ExitCode ExitCodeOf(const Journal& journal) {
  bool environment = false;
  for (const Record& record : journal.records) {
    switch (record.verdict) {
      case Verdict::kWrong:
      case Verdict::kUntrusted:
      case Verdict::kFailed:
        return ExitCode::kWrong;
      case Verdict::kUnsupported:
        if (record.named && !record.baseline) return ExitCode::kWrong;
        break;
      case Verdict::kUnavailable:
        environment = environment || record.named;
        break;
      case Verdict::kRight:
        break;
    }
  }
  return environment ? ExitCode::kEnvironment : ExitCode::kRight;
}

std::string ReproduceCommand(const Case& c, const VerifySettings& verify,
                             const std::string& device_argument) {
  std::string command =
      fmt::format("build/assay run --problem {} --dtype {} --layout {} --variant {}",
                  c.problem.op->ProblemId(c.problem), DTypeName(c.dtype), LayoutName(c.layout), c.variant);
  if (!c.configuration.empty()) command += " --configuration " + c.configuration;
  const VerifySettings defaults;
  const int seeds = c.seeds > 0 ? c.seeds : verify.seeds;
  if (seeds != defaults.seeds) command += fmt::format(" --seeds {}", seeds);
  if (verify.first_seed != defaults.first_seed) command += fmt::format(" --first-seed {}", verify.first_seed);
  if (!device_argument.empty() && device_argument != "auto") command += " --device " + device_argument;
  return command;
}

}  // namespace assay
