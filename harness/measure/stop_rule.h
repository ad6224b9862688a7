// When to stop sampling a candidate, and how many samples to take until the question is asked again.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "harness/config/config.h"

namespace assay {

// Where one candidate's sampling stands.
struct Progress {
  std::span<const double> kept;  // seconds; throttled samples left out
  int taken = 0;                 // kept and throttled
  double wall_seconds = 0;       // spent on this candidate, everything included
};

// True if the median's interval, at the confidence asked for, is within relative_width of the median on both
// sides. Too few samples for that confidence: false.
bool IsNarrow(std::span<const double> samples, const MeasureSettings& settings);

// Nothing: go on. "interval": narrow enough, with min_samples and min_seconds. "samples", "time": max_samples
// were taken or max_seconds passed, and the interval was not narrow; where it was narrow by then, that is
// what is said.
std::optional<std::string> StopReason(const Progress& progress, const MeasureSettings& settings);

// The next batch: short at first, then about 30 ms of wall time, 1 to 20 samples, never past max_samples.
int NextBatch(const Progress& progress, const MeasureSettings& settings);

// Throws std::invalid_argument that names the setting which makes no sense.
void CheckSettings(const MeasureSettings& settings);

}  // namespace assay
