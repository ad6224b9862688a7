// What `assay tune` does: for every problem, dtype and layout of a sweep, searches the configurations of the
// variants that offer any, judges the winners, and journals what it found. With a picker, a variant that
// chooses among others, it times that beside everything that it might have chosen instead.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "harness/config/config.h"
#include "harness/run/runner.h"
#include "harness/tune/journal.h"
#include "harness/tune/table.h"
#include "harness/worker/executor.h"

namespace assay {

struct TuneOptions {
  std::filesystem::path out_dir;  // created; tune.jsonl goes there
  std::string command;            // as typed, for the record
  bool resume = false;            // go on with the journal in out_dir
  std::string picker;             // held-out: the variant whose loss is asked for; empty: tune
  // No problem is begun after so many seconds; 0: no limit. Problems are then taken in an order of which any
  // beginning is spread over the sweep.
  double seconds = 0;
};

// Told of each problem as its search ends; `done` counts those of the journal too.
using TuneProgress = std::function<void(const TuneRecord& record, int done, int planned)>;

// `table` is what there was before: whose winners are incumbents, and, with a picker, whose problems are not
// held out and are left out. Throws ConfigError if there is nothing to tune, or if a journal to go on with is
// of another config or device; DeviceError if the device is lost.
TuneJournal RunTune(const Sweep& sweep, Executor& executor, const TunedTable& table,
                    const TuneOptions& options, const TuneProgress& progress);

// The rows of what was right.
std::vector<TunedProblem> RowsOf(const TuneJournal& journal);

// kWrong if any configuration was wrong or failed.
ExitCode ExitCodeOf(const TuneJournal& journal);

}  // namespace assay
