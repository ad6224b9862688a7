// Times a variant on a GPU; see docs/measuring.md. One sample is one launch between two CUDA events, queued behind a kernel
// that blocks until the host has enqueued everything, after the L2 cache has been written over.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/config/config.h"
#include "harness/device/device.h"
#include "harness/record/record.h"
#include "reference/operator.h"

namespace assay {

// Enqueues launch number `i` on the stream; it rotates through the input sets.
using LaunchFn = std::function<void(std::size_t i, void* stream)>;

// What one timed thing needs.
struct Candidate {
  std::string id;
  LaunchFn launch;
};

// Drives Google Benchmark (manual time) over the candidate until the settings' stop rule holds.
// Throws DeviceError if a launch fails.
Timing Measure(Device& device, const MeasureSettings& settings, const Candidate& candidate);

// Median of the samples with a distribution-free confidence interval from order statistics (binomial), and whether the
// interval is narrow enough.
struct Estimate {
  double median = 0, low = 0, high = 0;
};
Estimate MedianWithInterval(std::span<const double> samples, double confidence);

// a / b of two medians, with an interval from a seeded bootstrap of both sample sets.
struct Ratio {
  double value = 0, low = 0, high = 0;
};
Ratio RatioOfMedians(std::span<const double> a, std::span<const double> b, double confidence);

Ceilings MeasureCeilings(Device& device);
// `dtype` decides which unit the operator's matrix work is held against; non-matrix work always against FFMA.
Floor FloorOf(const Cost& cost, assay_dtype dtype, const Ceilings& ceilings);

}  // namespace assay
