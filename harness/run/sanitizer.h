// Launches a case once more in workers under compute-sanitizer, and makes its findings part of the verdict.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/config/config.h"
#include "harness/run/job.h"
#include "harness/worker/remote_executor.h"

namespace assay {

// "memcheck", "racecheck", "initcheck", "synccheck".
std::vector<std::string> SanitizerTools();

// What compute-sanitizer said, from what it printed.
struct SanitizerReport {
  int findings = 0;
  std::string first;  // the first finding's first line
};
SanitizerReport ReadSanitizerOutput(std::string_view printed);

// One worker a tool, started when the first case needs it and kept from case to case.
class Sanitizer {
 public:
  // `worker` as for the sweep's own. Throws DeviceError if there is no compute-sanitizer.
  Sanitizer(const std::vector<std::string>& tools, const WorkerOptions& worker, double limit_seconds);

  // Adds the step to the job's record; a finding makes a case that was right or untrusted wrong. Baselines
  // are left out.
  void Check(Job& job, std::uint64_t seed);

 private:
  struct Tool {
    std::string name;
    std::unique_ptr<RemoteExecutor> executor;
  };
  // What one tool finds; empty: nothing.
  std::string Find(Tool& tool, const Job& job, std::uint64_t seed);
  void Launch(Tool& tool, const Job& job, std::uint64_t seed);

  std::vector<Tool> tools_;
  WorkerOptions worker_;
  std::string program_;
  double limit_seconds_;
};

}  // namespace assay
