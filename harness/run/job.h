// One case on its way through judging and timing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "harness/config/config.h"
#include "harness/record/record.h"
#include "harness/run/runner.h"
#include "harness/verify/judge.h"
#include "harness/worker/executor.h"

namespace assay {

struct Job {
  const Case* c = nullptr;
  std::size_t number = 0;  // in the sweep
  VariantInfo variant;
  VariantId id;
  std::unique_ptr<Plan> plan;
  std::uint64_t plan_generation = 0;  // of the executor that it was created in
  std::string judged_plan;            // Describe() of the one that the judging steps saw
  Judgement judgement;
  Record record;
  double seconds = 0;
  std::string timed_alone;  // why it is not timed beside the others; empty: it is
};

// Everything of the record that is known before the case runs.
Record StartRecord(const Case& c, const Sweep& sweep, const Device& device, const RunOptions& options);
void TakeJudgement(Record& record, const Judgement& judgement);

// What moving a case's tensors may take: a kernel's time limit is not meant for copying, filling and hashing
// gigabytes around its launches.
double TransferSeconds(const Case& c);

inline void Settle(Job& job, Verdict verdict, const std::string& reason) {
  job.record.verdict = verdict;
  job.record.reason = reason;
}

// Seconds since it was made.
class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace assay
