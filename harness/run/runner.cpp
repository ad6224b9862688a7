#include "harness/run/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <unordered_set>
#include <utility>
#include <vector>

#include "harness/measure/measure.h"
#include "harness/profile/ranges.h"
#include "harness/run/environment.h"
#include "harness/run/folder_lock.h"
#include "harness/run/timing_session.h"
#include "harness/verify/judge.h"
#include "reference/dtype.h"

namespace assay {
namespace {

constexpr const char* kHostUntimed =
    "The host device runs kernels as CPU fibers to judge them; its times say nothing of a GPU, so none are "
    "reported.";

// The header's line on what the cases are judged with.
constexpr const char* kSeedsName = "inputs judged";

// Begins the reason of a case that never began.
constexpr const char* kNotRun = "not run: ";

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One case on its way through judging and timing.
struct Job {
  const Case* c = nullptr;
  std::size_t number = 0;  // in the sweep
  VariantInfo variant;
  std::unique_ptr<Plan> plan;
  Judgement judgement;
  Record record;
  double seconds = 0;
};

Record StartRecord(const Case& c, const Sweep& sweep, const Device& device, const RunOptions& options) {
  Record record;
  record.id = c.Id();
  record.op = c.problem.op->name();
  record.problem = c.problem.op->ProblemId(c.problem);
  for (const assay_param& param : c.problem.params) record.params.emplace_back(param.name, param.value);
  record.label = c.label;
  record.dtype = DTypeName(c.dtype);
  record.layout = LayoutName(c.layout);
  record.variant = c.variant;
  record.baseline = c.baseline;
  record.named = c.named;
  record.device = device.name();
  record.reproduce = ReproduceCommand(c, sweep.verify, options.device_argument);
  const Cost cost = c.problem.op->CostOf(c.problem, c.dtype);
  record.bytes = cost.compulsory_bytes;
  record.flops = cost.Flops();
  return record;
}

void TakeJudgement(Record& record, const Judgement& judgement) {
  record.verdict = judgement.verdict;
  record.reason = judgement.reason;
  record.steps = judgement.steps;
  record.failure = judgement.failure;
  record.max_error_share = judgement.max_error_share;
}

class SweepRun {
 public:
  SweepRun(const Sweep& sweep, const PackSet& packs, Device& device, const RunOptions& options,
           Progress& progress)
      : sweep_(sweep),
        packs_(packs),
        device_(device),
        options_(options),
        progress_(progress),
        judge_(device, sweep.verify),
        timed_(device.can_time() && sweep.measure.enabled) {}

  Journal Run() {
    std::filesystem::create_directories(options_.out_dir);
    const FolderLock lock(options_.out_dir);
    JournalWriter writer = OpenJournal();
    writer_ = &writer;
    progress_.Begin(static_cast<int>(to_run_.size()));
    {
      const ProfileRange range(ProfileRange::Kind::kSweep, sweep_.name);
      for (std::size_t begin = 0; begin < to_run_.size();) {
        const std::size_t end = GroupEnd(begin);
        RunGroup(begin, end);
        begin = end;
      }
    }
    progress_.End();
    if (!log_.empty()) WriteBenchmarkLog();
    return std::move(journal_);
  }

 private:
  // Also decides which cases are to be run.
  JournalWriter OpenJournal() {
    const std::filesystem::path path = options_.out_dir / "results.jsonl";
    std::unordered_set<std::string> done;
    if (options_.resume) {
      journal_ = ReadJournal(path);
      CheckSameSweep(path);
      // What a lost device kept from running is run now.
      std::erase_if(journal_.records, [](const Record& record) {
        return record.verdict == Verdict::kFailed && record.reason.starts_with(kNotRun);
      });
      for (const Record& record : journal_.records) done.insert(record.id);
    } else {
      journal_.header = MakeHeader();
    }
    for (const Case& c : sweep_.cases) {
      if (!done.contains(c.Id())) to_run_.push_back(&c);
    }
    // A run cut short by a filter may be resumed without it.
    journal_.header.planned_cases =
        std::max(journal_.header.planned_cases, static_cast<int>(journal_.records.size() + to_run_.size()));
    return options_.resume ? JournalWriter::Resume(path, journal_) : JournalWriter(path, journal_.header);
  }

  void CheckSameSweep(const std::filesystem::path& path) const {
    const SweepHeader& header = journal_.header;
    if (header.config_text != sweep_.text) {
      throw ConfigError(
          fmt::format("--resume: {} is of another config ({})", path.string(), header.config_path));
    }
    for (const auto& [name, value] : header.method) {
      if (name == kSeedsName && value != SeedsLine()) {
        throw ConfigError(fmt::format("--resume: {} was judged with {}; this run would be with {}",
                                      path.string(), value, SeedsLine()));
      }
    }
    if (header.device != DeviceLine() || header.timed != timed_) {
      throw ConfigError(fmt::format("--resume: {} was {} on {}; this run would be {} on {}", path.string(),
                                    header.timed ? "timed" : "judged", header.device,
                                    timed_ ? "timed" : "judged", DeviceLine()));
    }
  }

  // Which inputs the cases are judged on.
  std::string SeedsLine() const {
    return fmt::format("{} seeds from {} on", sweep_.verify.seeds, sweep_.verify.first_seed);
  }

  std::string DeviceLine() const { return fmt::format("{}: {}", device_.name(), device_.description()); }

  void WriteBenchmarkLog() const {
    std::filesystem::path path = options_.out_dir / "benchmark.json";
    for (int i = 2; std::filesystem::exists(path); ++i) {
      path = options_.out_dir / fmt::format("benchmark-{}.json", i);
    }
    std::ofstream out(path);
    out << log_.Json() << '\n';
    out.close();
    if (!out) throw std::runtime_error(fmt::format("{}: cannot be written", path.string()));
  }

  SweepHeader MakeHeader() {
    SweepHeader header;
    header.name = sweep_.name;
    header.config_path = sweep_.path.string();
    header.config_text = sweep_.text;
    header.command = options_.command;
    header.started = UtcNow();
    header.assay_version = ProgramVersion();
    header.device = DeviceLine();
    header.timed = timed_;
    if (!device_.can_time()) {
      header.untimed_reason = kHostUntimed;
    } else if (!timed_) {
      header.untimed_reason = "Measuring was turned off (--no-measure, or measure.enabled in the config).";
    }
    header.environment = DescribeEnvironment(device_, packs_);
    if (timed_) {
      header.method = DescribeMethod(sweep_.measure);
      header.method.emplace_back("empty kernel",
                                 fmt::format("reads as {:.2f} us between the events; not subtracted",
                                             1e6 * EmptyLaunchSeconds(device_)));
      header.ceilings = MeasureCeilings(device_);
    }
    header.method.emplace_back(kSeedsName, SeedsLine());
    header.planned_cases = static_cast<int>(sweep_.cases.size());
    return header;
  }

  // Cases from `begin` on that share problem, dtype and layout: they are timed side by side.
  std::size_t GroupEnd(std::size_t begin) const {
    const Case& first = *to_run_[begin];
    std::size_t end = begin + 1;
    while (end < to_run_.size() && to_run_[end]->problem == first.problem &&
           to_run_[end]->dtype == first.dtype && to_run_[end]->layout == first.layout) {
      ++end;
    }
    return end;
  }

  void RunGroup(std::size_t begin, std::size_t end) {
    std::vector<Job> to_time;
    for (std::size_t i = begin; i < end; ++i) {
      Job job;
      job.c = to_run_[i];
      job.number = static_cast<std::size_t>(job.c - sweep_.cases.data()) + 1;
      progress_.CaseStarted(job.c->Id());
      const Clock::time_point start = Clock::now();
      JudgeJob(job);
      job.seconds = SecondsSince(start);
      if (timed_ && job.judgement.verdict == Verdict::kRight && job.record.verdict == Verdict::kRight) {
        to_time.push_back(std::move(job));
      } else {
        Finish(job);
      }
    }
    TimeJobs(to_time);
  }

  void JudgeJob(Job& job) {
    const Case& c = *job.c;
    job.record = StartRecord(c, sweep_, device_, options_);
    const ProfileRange range(ProfileRange::Kind::kCase, job.record.id, job.number);
    const VariantLookup found = packs_.Find(c.problem.op->name(), c.variant, device_.info().backend);
    if (!found.variant) return Settle(job, Verdict::kUnavailable, found.unavailable);
    const assay_variant& row = *found.variant;
    job.variant = VariantInfo(row);
    if (device_lost_) return Settle(job, Verdict::kFailed, lost_reason_);

    const assay_problem view = c.problem.View(c.dtype, c.layout);
    assay_message why{};
    if (row.supports(&view, &device_.info(), &why) != 0) {
      why.text[sizeof why.text - 1] = '\0';  // a pack may have forgotten it
      return Settle(job, Verdict::kUnsupported,
                    why.text[0] != '\0' ? why.text : "the variant does not say why");
    }
    try {
      job.plan = std::make_unique<LocalPlan>(row, view, device_.info());
      job.record.plan = job.plan->Describe();
      const ProfileRange verify(ProfileRange::Kind::kVerify, "verify", job.number);
      job.judgement = judge_.JudgeCase(c, job.variant, *job.plan);
      TakeJudgement(job.record, job.judgement);
    } catch (const DeviceError& e) {
      Settle(job, Verdict::kFailed, e.what());
      if (e.sticky) LoseDevice(job.record.id, e.what());
    } catch (const std::exception& e) {
      Settle(job, Verdict::kFailed, e.what());
      LoseDeviceIfPoisoned(job.record.id);
    }
  }

  // A pack's code may have poisoned the device and reported a failure of its own: it is the culprit, not the
  // next case.
  void LoseDeviceIfPoisoned(const std::string& id) {
    try {
      device_.Synchronize();
    } catch (const DeviceError& e) {
      if (e.sticky) LoseDevice(id, e.what());
    }
  }

  static void Settle(Job& job, Verdict verdict, const std::string& reason) {
    job.record.verdict = verdict;
    job.record.reason = reason;
  }

  // The process cannot use the device any more: what is left of the sweep is recorded as failed, with the
  // culprit's name.
  void LoseDevice(const std::string& id, const std::string& why) {
    device_lost_ = true;
    lost_reason_ = fmt::format("{}the device was lost in case {} ({})", kNotRun, id, why);
  }

  void TimeJobs(std::vector<Job>& jobs) {
    if (jobs.empty()) return;
    std::vector<TimingEntry> entries;
    for (const Job& job : jobs) entries.push_back({job.c, &job.variant, job.plan.get(), job.number});
    const Clock::time_point start = Clock::now();
    std::vector<TimingResult> results;
    try {
      results = TimeEntries(device_, sweep_, entries, [&](std::span<const Candidate> candidates) {
        return MeasureInterleaved(device_, sweep_.measure, candidates, &log_);
      });
    } catch (const DeviceError& e) {
      if (e.sticky) {
        LoseDevice(jobs.front().record.id + " or a variant timed beside it", e.what());
        return FinishUntimed(jobs, Verdict::kFailed,
                             fmt::format("the device was lost while timing: {}", e.what()));
      }
      return FinishUntimed(jobs, Verdict::kRight, fmt::format("not timed: {}", e.what()));
    } catch (const std::exception& e) {
      LoseDeviceIfPoisoned(jobs.front().record.id + " or a variant timed beside it");
      return FinishUntimed(jobs, Verdict::kRight, fmt::format("not timed: {}", e.what()));
    }
    const double share = SecondsSince(start) / static_cast<double>(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i].seconds += share;
      TakeTiming(jobs[i], results[i]);
      Finish(jobs[i]);
    }
  }

  void FinishUntimed(std::vector<Job>& jobs, Verdict verdict, const std::string& reason) {
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
      judge_.JudgeAfterTiming(*job.c, job.variant, result.last_seed, result.outputs, job.judgement);
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
    job.record.floor = FloorOf(job.c->problem.op->CostOf(job.c->problem, job.c->dtype), job.c->dtype,
                               *journal_.header.ceilings);
  }

  void Finish(Job& job) {
    job.plan.reset();
    job.record.case_seconds = job.seconds;
    writer_->Append(job.record);
    progress_.CaseEnded(job.record);
    journal_.records.push_back(std::move(job.record));
  }

  const Sweep& sweep_;
  const PackSet& packs_;
  Device& device_;
  const RunOptions& options_;
  Progress& progress_;
  Judge judge_;
  bool timed_;
  BenchmarkLog log_;
  Journal journal_;
  JournalWriter* writer_ = nullptr;
  std::vector<const Case*> to_run_;
  bool device_lost_ = false;
  std::string lost_reason_;
};

}  // namespace

Journal RunSweep(const Sweep& sweep, const PackSet& packs, Device& device, const RunOptions& options,
                 Progress& progress) {
  return SweepRun(sweep, packs, device, options, progress).Run();
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
  const VerifySettings defaults;
  if (verify.seeds != defaults.seeds) command += fmt::format(" --seeds {}", verify.seeds);
  if (verify.first_seed != defaults.first_seed) command += fmt::format(" --first-seed {}", verify.first_seed);
  if (!device_argument.empty() && device_argument != "auto") command += " --device " + device_argument;
  return command;
}

}  // namespace assay
