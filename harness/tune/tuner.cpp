#include "harness/tune/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "harness/run/environment.h"
#include "harness/run/folder_lock.h"
#include "harness/run/job.h"
#include "harness/run/pack_set.h"
#include "harness/tune/candidates.h"
#include "harness/tune/search.h"
#include "harness/verify/judge.h"

namespace assay {
namespace {

std::string SourcesOf(const Sweep& sweep) {
  std::string line;
  for (const SweepSource& source : sweep.sources)
    line += fmt::format("{}{} ({})", line.empty() ? "" : ", ", source.path, source.digest);
  return line;
}

// "driver 580.159.04, CUDA runtime 13.0, driver supports 13.0, Assay 0.1.0, 2026-11-28"
std::string EnvironmentLine(Executor& executor) {
  std::string line;
  for (const auto& [name, value] : executor.DescribeDevice()) {
    if (name == "driver" || name == "CUDA") line += fmt::format("{} {}, ", name, value);
  }
  return line + fmt::format("Assay {}, {}", ProgramVersion(), UtcNow().substr(0, 10));
}

// The groups of a problem stay together. Problems stand in steps of the golden section through their list,
// round and round, so that any beginning is spread over all of it, also where the list repeats with a period:
// configs list N = 1 and N = 128 of each layer.
std::vector<TuneGroup> Spread(const std::vector<TuneGroup>& groups) {
  constexpr double kGoldenSection = 0.6180339887498949;
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i == 0 || groups[i].key.problem != groups[i - 1].key.problem) begins.push_back(i);
  }
  std::vector<bool> taken(begins.size());
  std::vector<TuneGroup> spread;
  for (double at = 0; spread.size() < groups.size(); at = std::fmod(at + kGoldenSection, 1.0)) {
    const auto place = static_cast<std::size_t>(at * static_cast<double>(begins.size()));
    if (taken[place]) continue;
    taken[place] = true;
    const std::size_t end = place + 1 < begins.size() ? begins[place + 1] : groups.size();
    spread.insert(spread.end(), groups.begin() + static_cast<std::ptrdiff_t>(begins[place]),
                  groups.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return spread;
}

class TuneRun {
 public:
  TuneRun(const Sweep& sweep, Executor& executor, const TunedTable& table, const TuneOptions& options,
          const TuneProgress& progress)
      : sweep_(sweep),
        executor_(executor),
        packs_(executor.packs()),
        table_(table),
        options_(options),
        progress_(progress),
        judge_(executor.device(), OneSeed(sweep.verify)) {}

  TuneJournal Run() {
    const std::vector<TuneGroup> groups = Selected();
    OpenJournal(static_cast<int>(groups.size()));
    std::set<TuneKey> done;
    for (const TuneRecord& record : journal_.records) done.insert(record.key);
    const Stopwatch watch;
    for (const TuneGroup& group : groups) {
      if (done.contains(group.key)) continue;
      if (options_.seconds > 0 && watch.Seconds() > options_.seconds) break;
      TuneRecord record = Tune(group);
      writer_->Append(ToJson(record));
      journal_.records.push_back(std::move(record));
      progress_(journal_.records.back(), static_cast<int>(journal_.records.size()), journal_.header.planned);
    }
    return std::move(journal_);
  }

 private:
  static VerifySettings OneSeed(VerifySettings settings) {
    settings.seeds = 1;
    return settings;
  }

  std::vector<TuneGroup> Selected() const {
    std::vector<TuneGroup> groups = GroupsOf(sweep_);
    if (!options_.picker.empty()) {
      std::erase_if(groups, [&](const TuneGroup& group) {
        return table_.Holds(executor_.device().description(), group.key);
      });
      if (groups.empty())
        throw ConfigError("--held-out: the table holds every problem of the config, and none is left");
    }
    return options_.seconds > 0 ? Spread(groups) : groups;
  }

  void OpenJournal(int planned) {
    std::filesystem::create_directories(options_.out_dir);
    lock_.emplace(options_.out_dir);
    const std::filesystem::path path = options_.out_dir / "tune.jsonl";
    TuneHeader header;
    header.name = sweep_.name;
    header.command = options_.command;
    header.started = UtcNow();
    header.picker = options_.picker;
    header.gpu = executor_.device().description();
    header.capability = executor_.device().info().compute_capability;
    header.sms = executor_.device().info().num_sms;
    header.environment = EnvironmentLine(executor_);
    header.config_text = sweep_.text;
    header.sources = SourcesOf(sweep_);
    header.device = fmt::format("{}: {}", executor_.device().name(), executor_.device().description());
    header.planned = planned;
    if (options_.resume && std::filesystem::exists(path) && HasWholeHeader(path)) {
      journal_ = ReadTuneJournal(path);
      CheckSame(path, header);
      // A run cut short by a filter may be gone on with without it.
      journal_.header.planned = std::max(journal_.header.planned, planned);
      writer_.emplace(LineWriter::Resume(path));
      return;
    }
    if (options_.resume) std::filesystem::remove(path);
    journal_.header = header;
    writer_.emplace(path, ToJson(header));
  }

  void CheckSame(const std::filesystem::path& path, const TuneHeader& now) const {
    const TuneHeader& then = journal_.header;
    const auto check = [&](const char* what, const std::string& before, const std::string& after) {
      if (before == after) return;
      throw ConfigError(fmt::format("--resume: {} is of {} {}; this run would be of {}", path.string(), what,
                                    before.empty() ? "none" : before, after.empty() ? "none" : after));
    };
    if (then.config_text != now.config_text)
      throw ConfigError(fmt::format("--resume: {} is of another config ({})", path.string(), then.name));
    check("the files", then.sources, now.sources);
    check("device", then.device, now.device);
    check("--held-out", then.picker, now.picker);
  }

  TuneRecord Tune(const TuneGroup& group) {
    const Stopwatch watch;
    const Case& first = *group.cases.front();
    TuneRecord record;
    record.key = group.key;
    record.label = first.label;
    Candidates candidates = ListCandidates(executor_, packs_, group, sweep_.limits, table_, options_.picker);
    if (candidates.contenders.empty()) {
      record.not_tuned = "no variant offers configurations for it";
    } else {
      try {
        TuneBench bench(executor_, first, candidates.contenders, sweep_.limits);
        Search(bench, candidates.trials, sweep_.measure, !options_.picker.empty());
      } catch (const DeviceError& error) {
        if (error.sticky) throw;
        record.not_tuned = error.what();
      }
    }
    if (record.not_tuned.empty()) JudgeThem(first, candidates);
    static_cast<void>(executor_.TakeOutput());
    record.trials = std::move(candidates.trials);
    record.trials.insert(record.trials.end(), candidates.failed.begin(), candidates.failed.end());
    record.seconds = watch.Seconds();
    return record;
  }

  void JudgeThem(const Case& any, Candidates& candidates) {
    const auto judge = [&](Trial& trial) {
      const auto place = static_cast<std::size_t>(&trial - candidates.trials.data());
      JudgeOne(any, candidates.contenders[place], trial);
    };
    if (options_.picker.empty()) {
      JudgeWinners(candidates.trials, judge);
    } else {
      JudgePick(candidates.trials, options_.picker, judge);
    }
  }

  void JudgeOne(const Case& any, const Contender& contender, Trial& trial) {
    Case c = any;
    c.variant = trial.variant;
    c.configuration = trial.configuration;
    trial.state = TrialState::kFailed;
    try {
      executor_.BeginCase(c.Id(), sweep_.limits.seconds + TransferSeconds(c));
      const std::unique_ptr<Plan> plan =
          executor_.Create(contender.id, c.problem.View(c.dtype, c.layout), c.configuration);
      const Judgement judgement = judge_.JudgeCase(c, *contender.variant, *plan);
      trial.why = judgement.reason;
      if (judgement.verdict == Verdict::kRight) {
        trial.state = TrialState::kRight;
        trial.why.clear();
      } else if (judgement.verdict != Verdict::kFailed) {
        trial.state = TrialState::kWrong;
      }
    } catch (const DeviceError& error) {
      trial.why = error.what();
      if (error.sticky) executor_.Restart();
    } catch (const std::exception& error) {
      trial.why = error.what();
    }
  }

  const Sweep& sweep_;
  Executor& executor_;
  const PackSet packs_;
  const TunedTable& table_;
  const TuneOptions& options_;
  const TuneProgress& progress_;
  Judge judge_;
  std::optional<FolderLock> lock_;
  std::optional<LineWriter> writer_;
  TuneJournal journal_;
};

}  // namespace

TuneJournal RunTune(const Sweep& sweep, Executor& executor, const TunedTable& table,
                    const TuneOptions& options, const TuneProgress& progress) {
  return TuneRun(sweep, executor, table, options, progress).Run();
}

std::vector<TunedProblem> RowsOf(const TuneJournal& journal) {
  std::vector<TunedProblem> problems;
  for (const TuneRecord& record : journal.records) {
    TunedProblem problem;
    problem.key = record.key;
    for (const Trial& trial : record.trials) {
      // What was tried and has no right row any more loses the one that it had.
      if (std::ranges::find(problem.variants, trial.variant) == problem.variants.end())
        problem.variants.push_back(trial.variant);
      if (trial.state != TrialState::kRight) continue;
      problem.rows.push_back({journal.header.gpu, journal.header.capability, journal.header.sms, record.key,
                              trial.variant, trial.configuration, 1e6 * trial.median});
    }
    if (!problem.variants.empty()) problems.push_back(std::move(problem));
  }
  return problems;
}

ExitCode ExitCodeOf(const TuneJournal& journal) {
  for (const TuneRecord& record : journal.records) {
    for (const Trial& trial : record.trials) {
      if (trial.state == TrialState::kWrong || trial.state == TrialState::kFailed) return ExitCode::kWrong;
    }
  }
  return ExitCode::kRight;
}

}  // namespace assay
