// Times variants on a GPU; see docs/measuring.md. One sample is one launch between two CUDA events, queued
// behind a kernel that blocks until the host has enqueued everything, after the L2 cache has been written
// over and drained.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "harness/config/config.h"
#include "harness/device/device.h"
#include "harness/measure/benchmark_log.h"
#include "harness/record/record.h"
#include "harness/record/statistics.h"
#include "reference/operator.h"

namespace assay {

// Enqueues launch number `i` on the stream and returns without waiting for it; it rotates through the input
// sets (set i % input_sets). Throws if the launch fails.
using LaunchFn = std::function<void(std::size_t i, void* stream)>;

// What one timed thing needs.
struct Candidate {
  std::string id;
  LaunchFn launch;
  std::uint64_t number = 0;  // of the case in its sweep, for profile ranges
  // Fills the outputs with NaN; may be empty. Called after warm-up and before each back-to-back batch, so
  // that a launch which stops doing its work leaves NaN and not an earlier launch's result.
  std::function<void()> poison_outputs = {};
  // Alters what launch i will read, in another way at each call, and puts it back; both may be empty. Called
  // around each sample, outside its time, so that a result kept from any earlier launch is of no use.
  std::function<void(std::size_t i)> alter_inputs = {};
  std::function<void()> restore_inputs = {};
};

// What came of one candidate: a timing, or the sentence that says why there is none.
struct Measurement {
  std::optional<Timing> timing;
  std::string error;
  // The launch did its work but cannot be timed this way (it waits for the GPU itself): no fault of its
  // result.
  bool untimeable = false;
};

// A launch that cannot stand behind a blocking kernel.
class NotTimeable : public DeviceError {
 public:
  using DeviceError::DeviceError;
};

// Samples all candidates (the kernels and baselines of one problem) in randomly interleaved batches, so that
// a drift of clock or temperature hits all alike; each runs until its own stop rule holds. A candidate that
// fails costs only its own timing. Throws DeviceError if the device itself fails (sticky) or cannot be timed
// on. Google Benchmark, which drives the loop, has process-wide state: one call at a time in a process.
// `log`, if given, keeps its JSON.
std::vector<Measurement> MeasureInterleaved(Device& device, const MeasureSettings& settings,
                                            std::span<const Candidate> candidates,
                                            BenchmarkLog* log = nullptr);

// One candidate alone. Throws DeviceError with the sentence if there is no timing.
Timing Measure(Device& device, const MeasureSettings& settings, const Candidate& candidate,
               BenchmarkLog* log = nullptr);

// Device memory that measuring takes besides the candidates' own, in bytes.
std::size_t MeasureScratchBytes(const assay_device_info& info);

// What an empty kernel reads as between the two events: a constant part of every sample, not subtracted.
// Seconds.
double EmptyLaunchSeconds(Device& device);

// Takes under 3 s and up to 4 GiB (less if the GPU has less to give). Throws DeviceError.
Ceilings MeasureCeilings(Device& device);

// `dtype`, and `operand`, which a variant promises that products multiply, decide which unit the operator's
// matrix work is held against; non-matrix work always against FFMA.
Floor FloorOf(const Cost& cost, assay_dtype dtype, assay_format operand, const Ceilings& ceilings);

// For the report's header: "GPU" -> "NVIDIA H100 80GB HBM3", ... A value that cannot be had says why.
std::vector<std::pair<std::string, std::string>> DescribeGpu(int ordinal);
// How times are taken: "L2 flush" -> "...".
std::vector<std::pair<std::string, std::string>> DescribeMethod(const MeasureSettings& settings);

}  // namespace assay
