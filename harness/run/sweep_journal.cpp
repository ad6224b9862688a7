#include "harness/run/sweep_journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "harness/run/environment.h"

namespace assay {
namespace {

constexpr const char* kHostUntimed =
    "The host device runs kernels as CPU fibers to judge them; its times say nothing of a GPU, so none are "
    "reported.";

// The header's line on what the cases are judged with.
constexpr const char* kSeedsName = "inputs judged";
// And from which files the sweep was read.
constexpr const char* kFilesName = "read from";

}  // namespace

SweepJournal::SweepJournal(const Sweep& sweep, Executor& executor, const RunOptions& options)
    : sweep_(sweep),
      executor_(executor),
      options_(options),
      timed_(executor.device().can_time() && sweep.measure.enabled) {
  std::filesystem::create_directories(options_.out_dir);
  lock_.emplace(options_.out_dir);
  const std::filesystem::path path = options_.out_dir / "results.jsonl";
  const bool go_on = options_.resume && std::filesystem::exists(path) && HasWholeHeader(path);
  if (options_.resume && !go_on) std::filesystem::remove(path);
  if (go_on) {
    GoOn(path);
  } else {
    journal_.header = MakeHeader();
  }
  std::unordered_set<std::string> done;
  for (const Record& record : journal_.records) done.insert(record.id);
  for (const Case& c : sweep_.cases) {
    if (!done.contains(c.Id())) to_run_.push_back(&c);
  }
  // A run cut short by a filter may be resumed without it.
  journal_.header.planned_cases =
      std::max(journal_.header.planned_cases, static_cast<int>(journal_.records.size() + to_run_.size()));
  writer_.emplace(go_on ? JournalWriter::Resume(path, journal_) : JournalWriter(path, journal_.header));
}

void SweepJournal::GoOn(const std::filesystem::path& path) {
  journal_ = ReadJournal(path);
  CheckSameSweep(path);
  // What the case itself was not to blame for is tried again.
  std::erase_if(journal_.records, [](const Record& record) { return record.transient; });
  journal_.header.notices = sweep_.notices;  // there may be more memory now, or less
}

void SweepJournal::CheckSameSweep(const std::filesystem::path& path) const {
  const SweepHeader& header = journal_.header;
  if (header.config_text != sweep_.text) {
    throw ConfigError(
        fmt::format("--resume: {} is of another config ({})", path.string(), header.config_path));
  }
  CheckLine(path.string(), kSeedsName, SeedsLine());
  CheckLine(path.string(), kFilesName, FilesLine());
  if (header.device != DeviceLine() || header.timed != timed_) {
    throw ConfigError(fmt::format("--resume: {} was {} on {}; this run would be {} on {}", path.string(),
                                  header.timed ? "timed" : "judged", header.device,
                                  timed_ ? "timed" : "judged", DeviceLine()));
  }
}

void SweepJournal::CheckLine(const std::string& path, const char* name, const std::string& now) const {
  for (const auto& [line, value] : journal_.header.method) {
    if (line != name || value == now) continue;
    throw ConfigError(fmt::format("--resume: {} was run with \"{}\": {}; this run would be with {}", path,
                                  name, value, now));
  }
}

std::string SweepJournal::FilesLine() const {
  std::string line;
  for (const SweepSource& source : sweep_.sources) {
    line += fmt::format("{}{} ({})", line.empty() ? "" : ", ", source.path, source.digest);
  }
  return line.empty() ? "the command line" : line;
}

std::string SweepJournal::SeedsLine() const {
  return fmt::format("{} seeds from {} on", sweep_.verify.seeds, sweep_.verify.first_seed);
}

std::string SweepJournal::DeviceLine() const {
  return fmt::format("{}: {}", executor_.device().name(), executor_.device().description());
}

SweepHeader SweepJournal::MakeHeader() const {
  SweepHeader header;
  header.name = sweep_.name;
  header.config_path = sweep_.path.string();
  header.config_text = sweep_.text;
  header.command = options_.command;
  header.started = UtcNow();
  header.assay_version = ProgramVersion();
  header.device = DeviceLine();
  header.timed = timed_;
  if (!executor_.device().can_time()) {
    header.untimed_reason = kHostUntimed;
  } else if (!timed_) {
    header.untimed_reason = "Measuring was turned off (--no-measure, or measure.enabled in the config).";
  }
  header.environment = DescribeEnvironment(executor_);
  if (timed_) {
    header.method = DescribeMethod(sweep_.measure);
    header.method.emplace_back("empty kernel",
                               fmt::format("reads as {:.2f} us between the events; not subtracted",
                                           1e6 * executor_.EmptyLaunchSeconds()));
    header.ceilings = executor_.MeasureCeilings();
  }
  header.method.emplace_back(kSeedsName, SeedsLine());
  header.method.emplace_back(kFilesName, FilesLine());
  header.notices = sweep_.notices;
  header.planned_cases = static_cast<int>(sweep_.cases.size());
  return header;
}

void SweepJournal::Append(const Record& record) {
  writer_->Append(record);
  journal_.records.push_back(record);
}

void SweepJournal::WriteBenchmarkLog(const BenchmarkLog& log) const {
  if (log.empty()) return;
  std::filesystem::path path = options_.out_dir / "benchmark.json";
  for (int i = 2; std::filesystem::exists(path); ++i) {
    path = options_.out_dir / fmt::format("benchmark-{}.json", i);
  }
  std::ofstream out(path);
  out << log.Json() << '\n';
  out.close();
  if (!out) throw std::runtime_error(fmt::format("{}: cannot be written", path.string()));
}

}  // namespace assay
