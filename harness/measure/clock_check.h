// The second clock: whether the host's wall time over back-to-back launches agrees with what the events said.
#pragma once

#include <cstddef>
#include <string>

#include "harness/measure/sample.h"

namespace assay {

struct ClockEvidence {
  double median = 0;           // seconds, of the samples (between events, cold)
  double enqueue_seconds = 0;  // host time of one launch call, median
  BackToBack batch;
  // SM clock while sampling over SM clock during the batch: heavy work back to back may draw more power than
  // single samples do. 1 if unknown.
  double clock_ratio = 1;
};

// How many launches make a batch: about 10 ms of them.
int BackToBackLaunches(double median, double enqueue_seconds);

// "agrees", or "disagrees: ..." with both times and what it may mean.
std::string JudgeClocks(const ClockEvidence& evidence);

// The judging process's clock over a batch of `launches` (timing.supervisor_seconds each), against what the
// kernel's process says of such a batch and of single launches. Empty: nothing to object.
std::string JudgeSupervisorClock(const Timing& timing, std::size_t launches);

}  // namespace assay
