// What has been sampled of one candidate so far, and the Timing that it adds up to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/measure/clock_check.h"
#include "harness/measure/measure.h"
#include "harness/measure/throttle.h"

namespace assay {

class CandidateState {
 public:
  explicit CandidateState(const Candidate& candidate) : candidate_(&candidate) {}

  const Candidate& candidate() const { return *candidate_; }
  bool done() const { return failed() || !stop_reason_.empty(); }
  bool failed() const { return !error_.empty(); }
  void Fail(const std::string& error, bool untimeable = false);

  // Launches are numbered through, so that input sets rotate without a break.
  std::size_t index() const { return next_index_; }
  std::size_t NextIndex() { return next_index_++; }
  void Skip(std::size_t launches) { next_index_ += launches; }

  // Begin, clocks, samples, clocks, end. Throttling at either end counts for the batch's every sample.
  int NextBatchSize(const MeasureSettings& settings) const;
  void BeginBatch(double now);
  void AddClocks(const ClockState& clocks);
  void AddSample(const Sample& sample);
  void EndBatch(double now);
  void DecideStop(const MeasureSettings& settings);

  // The evidence but for the batch itself. Call when done.
  ClockEvidence Evidence(const MeasureSettings& settings) const;
  // Median SM clock while sampling over the clock now; 1 if either is unknown.
  double ClockRatio(const ClockState& now) const;
  void SetSecondClock(double wall_seconds, std::string agreement);

  Measurement Finish(const MeasureSettings& settings) const;

 private:
  // All samples if so many were throttled that fewer than min_samples remain: a time with a warning is worth
  // more than none.
  bool KeepsThrottled(const MeasureSettings& settings) const;
  std::vector<double> Reported(const MeasureSettings& settings) const;

  const Candidate* candidate_;
  std::size_t next_index_ = 0;
  std::vector<double> kept_, throttled_;  // seconds
  std::vector<double> batch_, enqueue_, sm_mhz_;
  std::uint64_t batch_reasons_ = 0, all_reasons_ = 0;
  double batch_start_ = 0, wall_seconds_ = 0;
  double second_clock_ = 0;
  std::string stop_reason_, agreement_, error_;
  bool untimeable_ = false;
};

}  // namespace assay
