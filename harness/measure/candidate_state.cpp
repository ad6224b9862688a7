#include "harness/measure/candidate_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/measure/stop_rule.h"

namespace assay {
namespace {

double MedianOf(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void CandidateState::Fail(const std::string& error, bool untimeable) {
  untimeable_ = untimeable;
  error_ = error.empty() ? "failed without saying why" : error;
}

int CandidateState::NextBatchSize(const MeasureSettings& settings) const {
  return NextBatch({kept_, static_cast<int>(kept_.size() + throttled_.size()), wall_seconds_}, settings);
}

void CandidateState::BeginBatch(double now) {
  batch_.clear();
  batch_reasons_ = 0;
  batch_start_ = now;
}

void CandidateState::AddClocks(const ClockState& clocks) {
  batch_reasons_ |= clocks.reasons;
  if (clocks.sm_mhz > 0) sm_mhz_.push_back(clocks.sm_mhz);
}

void CandidateState::AddSample(const Sample& sample) {
  batch_.push_back(sample.seconds);
  enqueue_.push_back(sample.enqueue_seconds);
}

void CandidateState::EndBatch(double now) {
  std::vector<double>& to = IsThrottled(batch_reasons_) ? throttled_ : kept_;
  to.insert(to.end(), batch_.begin(), batch_.end());
  all_reasons_ |= batch_reasons_;
  wall_seconds_ += now - batch_start_;
}

void CandidateState::DecideStop(const MeasureSettings& settings) {
  const int taken = static_cast<int>(kept_.size() + throttled_.size());
  if (auto reason = StopReason({kept_, taken, wall_seconds_}, settings)) stop_reason_ = std::move(*reason);
}

bool CandidateState::KeepsThrottled(const MeasureSettings& settings) const {
  return static_cast<int>(kept_.size()) < settings.min_samples && !throttled_.empty();
}

std::vector<double> CandidateState::Reported(const MeasureSettings& settings) const {
  std::vector<double> samples = kept_;
  if (KeepsThrottled(settings)) samples.insert(samples.end(), throttled_.begin(), throttled_.end());
  return samples;
}

ClockEvidence CandidateState::Evidence(const MeasureSettings& settings) const {
  ClockEvidence evidence;
  evidence.median = MedianOf(Reported(settings));
  evidence.enqueue_seconds = MedianOf(enqueue_);
  return evidence;
}

double CandidateState::ClockRatio(const ClockState& now) const {
  const double sampled = MedianOf(sm_mhz_);
  return sampled > 0 && now.sm_mhz > 0 ? sampled / now.sm_mhz : 1;
}

void CandidateState::SetSecondClock(double wall_seconds, std::string agreement) {
  second_clock_ = wall_seconds;
  agreement_ = std::move(agreement);
}

Measurement CandidateState::Finish(const MeasureSettings& settings) const {
  Measurement result;
  result.error = error_;
  result.untimeable = untimeable_;
  if (failed()) return result;
  Timing timing;
  timing.samples = Reported(settings);
  const Estimate estimate = MedianWithInterval(timing.samples, settings.confidence);
  timing.median = estimate.median;
  timing.low = estimate.low;
  timing.high = estimate.high;
  timing.confidence = settings.confidence;
  timing.stop_reason = stop_reason_;
  timing.wall_seconds = second_clock_;
  timing.clock_agreement = agreement_;
  timing.sm_clock_mhz = MedianOf(sm_mhz_);
  if (KeepsThrottled(settings)) {
    timing.clock_agreement +=
        fmt::format("; throttled: {}: {} of {} samples were taken under it and are kept",
                    ThrottleNames(all_reasons_), throttled_.size(), timing.samples.size());
  } else {
    timing.dropped_throttled = static_cast<int>(throttled_.size());
  }
  result.timing = std::move(timing);
  return result;
}

}  // namespace assay
