// Runs a sweep on one device: judges every case, times the right ones, and journals each.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/config/config.h"
#include "harness/record/journal.h"
#include "harness/report/progress.h"
#include "harness/run/pack_set.h"
#include "harness/worker/remote_executor.h"

namespace assay {

struct RunOptions {
  std::filesystem::path out_dir;        // created
  std::string command;                  // as typed, for the record
  std::string device_argument;          // what --device said, for reproduce commands
  std::string more_arguments;           // what reproduce commands need besides, as " --pack ./my.so"
  std::vector<std::string> sanitizers;  // compute-sanitizer's tools to run each case under as well
  WorkerOptions worker;                 // of the executor, to start others like it
  bool resume = false;  // go on with the journal in out_dir: cases that it holds are not run again
};

enum class ExitCode : int { kRight = 0, kWrong = 1, kUsage = 2, kEnvironment = 3 };

// A kernel that takes its process down costs its own case alone. Throws std::runtime_error if the folder
// cannot be written to, and ConfigError if a journal to go on with is of another config or device.
Journal RunSweep(const Sweep& sweep, Executor& executor, const RunOptions& options, Progress& progress);

// What the records say: docs in the README under "Exit codes".
ExitCode ExitCodeOf(const Journal& journal);

// The one command that runs a case alone.
std::string ReproduceCommand(const Case& c, const VerifySettings& verify, const std::string& device_argument);

}  // namespace assay
