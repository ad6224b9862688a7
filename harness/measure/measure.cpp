#include "harness/measure/measure.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/measure/flush_size.h"

namespace assay {

Timing Measure(Device& device, const MeasureSettings& settings, const Candidate& candidate,
               BenchmarkLog* log) {
  std::vector<Measurement> results = MeasureInterleaved(device, settings, {&candidate, 1}, log);
  if (!results.front().timing) throw DeviceError(candidate.id + ": " + results.front().error);
  return std::move(*results.front().timing);
}

std::size_t MeasureScratchBytes(const assay_device_info& info) { return 2 * FlushBytes(info.l2_bytes); }

std::vector<std::pair<std::string, std::string>> DescribeMethod(const MeasureSettings& settings) {
  return {
      {"sample",
       "one launch between two CUDA events on a stream of its own, queued behind a kernel that blocks until "
       "the "
       "host has enqueued everything, so that launch latency stays out"},
      {"L2 flush",
       "before each sample, outside the events: a buffer of twice the L2 size is written, then a second one "
       "of "
       "that size is read, so that no dirty line is left to be written back in the timed window"},
      {"persisting L2", "limit set to zero and checked around every batch"},
      {"inputs",
       fmt::format("random, {} distinct sets in rotation; before each sample a few elements become others "
                   "than any launch has read before, and afterwards what they were",
                   settings.input_sets)},
      {"warm-up", "every input set launched once, not counted; plans are built before"},
      {"order",
       "kernels and baselines of one problem in randomly interleaved batches (seeded), driven by Google "
       "Benchmark "
       "with manual time"},
      {"stop rule",
       fmt::format(
           "the median's {:.4g} % interval lies within {:.3g} % of it on both sides, after at least {} "
           "samples and {:.3g} s of them; or {} samples; or {:.3g} s",
           100 * settings.confidence, 100 * settings.relative_width, settings.min_samples,
           settings.min_seconds, settings.max_samples, settings.max_seconds)},
      {"estimate", "median, with a distribution-free interval from order statistics"},
      {"throttling",
       "NVML is asked around every batch; a batch under a power cap, slowdown or thermal limit is dropped "
       "and "
       "counted, unless too little would remain: then it is kept and the record says so"},
      {"second clock",
       "host wall time over back-to-back launches until every stream is idle, against events around the "
       "same launches and against the samples"},
  };
}

}  // namespace assay
