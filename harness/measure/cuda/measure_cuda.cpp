#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "harness/measure/cuda/event_probe.h"
#include "harness/measure/cuda/gpu_nvml.h"
#include "harness/measure/cuda/require_gpu.h"
#include "harness/measure/measure.h"
#include "harness/measure/sampler.h"

namespace assay {

std::vector<Measurement> MeasureInterleaved(Device& device, const MeasureSettings& settings,
                                            std::span<const Candidate> candidates, BenchmarkLog* log) {
  const int ordinal = cuda::RequireGpu(device);
  cuda::EventProbe probe(ordinal, cuda::NvmlOf(ordinal));
  return Sampler(probe, settings, log).Run(candidates);
}

double EmptyLaunchSeconds(Device& device) {
  constexpr std::size_t kSamples = 31;
  const int ordinal = cuda::RequireGpu(device);
  cuda::EventProbe probe(ordinal, cuda::NvmlOf(ordinal));
  const LaunchFn empty = [](std::size_t, void* stream) {
    cuda::EnqueueEmpty(static_cast<cudaStream_t>(stream));
  };
  probe.BeginBatch();
  probe.Launch(empty, 0);
  probe.Synchronize();
  std::vector<double> seconds;
  while (seconds.size() < kSamples) {
    const auto sample = TakeSample(probe, empty, seconds.size());
    if (!sample) throw DeviceError("an empty kernel could not be timed: the host is too slow to enqueue it");
    seconds.push_back(sample->seconds);
  }
  probe.EndBatch();
  std::nth_element(seconds.begin(), seconds.begin() + kSamples / 2, seconds.end());
  return seconds[kSamples / 2];
}

}  // namespace assay
