// A run's journal: begun or gone on with, and what it says is still to be done.
#pragma once

#include <optional>
#include <vector>

#include "harness/config/config.h"
#include "harness/record/journal.h"
#include "harness/run/folder_lock.h"
#include "harness/run/runner.h"

namespace assay {

class SweepJournal {
 public:
  // Locks the folder, creating it if need be. With options.resume it reads what is there and compares: throws
  // ConfigError for another config, device or seeds. Where there is nothing to go on with it begins anew.
  SweepJournal(const Sweep& sweep, Executor& executor, const RunOptions& options);

  // In the sweep's order. They point into the sweep.
  const std::vector<const Case*>& to_run() const { return to_run_; }
  bool timed() const { return timed_; }
  const Ceilings& ceilings() const { return *journal_.header.ceilings; }

  void Append(const Record& record);
  // Google Benchmark's own account; nothing if there is none.
  void WriteBenchmarkLog(const BenchmarkLog& log) const;
  Journal Take() { return std::move(journal_); }

 private:
  void GoOn(const std::filesystem::path& path);
  void CheckSameSweep(const std::filesystem::path& path) const;
  SweepHeader MakeHeader() const;
  void CheckLine(const std::string& path, const char* name, const std::string& now) const;
  std::string SeedsLine() const;
  std::string FilesLine() const;
  std::string DeviceLine() const;

  const Sweep& sweep_;
  Executor& executor_;
  const RunOptions& options_;
  bool timed_;
  std::optional<FolderLock> lock_;
  Journal journal_;
  std::vector<const Case*> to_run_;
  std::optional<JournalWriter> writer_;
};

}  // namespace assay
