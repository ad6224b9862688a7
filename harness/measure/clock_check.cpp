#include "harness/measure/clock_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace assay {
namespace {

// What the host's clock sees beyond the events without any fault: the first launch's way to the GPU and the
// way back from its end, tens of microseconds a batch.
constexpr double kBatchOverhead = 100e-6;
constexpr double kBatchShare = 0.03;
// A launch in a row may wait for the one before it to drain; more than this share beyond the cold median it
// may not take, since its inputs are in L2 at least as often.
constexpr double kLaunchShare = 0.15;
constexpr double kLaunchGap = 3e-6;
// Where the launch calls take longer than the GPU does, the batch is as long as they are; and beside a
// running GPU a call takes longer than behind a blocked one: 1.4 times on an H100, for cuDNN with four
// kernels a launch.
constexpr double kHostFactor = 2;
constexpr double kBatchSeconds = 10e-3;

}  // namespace

int BackToBackLaunches(double median, double enqueue_seconds) {
  const double each = std::max({median, enqueue_seconds, 1e-6});
  return static_cast<int>(std::clamp(std::ceil(kBatchSeconds / each), 5.0, 2000.0));
}

std::string JudgeSupervisorClock(const Timing& timing, std::size_t launches) {
  // A request, its answer and the first launch's way to the GPU.
  constexpr double kRequest = 1e-3;
  constexpr double kShare = 0.15;
  const double slack = kLaunchGap + kRequest / static_cast<double>(launches);
  // As in JudgeClocks: where the launch calls are the limit they may take twice as long another time.
  const bool host_is_the_limit = timing.wall_seconds > timing.median * (1 + kLaunchShare) + kLaunchGap;
  const double claimed = std::max(timing.wall_seconds * (host_is_the_limit ? kHostFactor : 1), timing.median);
  if (!(timing.supervisor_seconds > claimed * (1 + kShare) + slack)) return {};
  return fmt::format(
      "over {} back-to-back launches the judging process's own clock saw {:.4g} us each, the kernel's "
      "process claims {:.4g} "
      "us",
      launches, timing.supervisor_seconds * 1e6, claimed * 1e6);
}

std::string JudgeClocks(const ClockEvidence& evidence) {
  const BackToBack& batch = evidence.batch;
  const double wall = batch.wall_seconds, events = batch.event_seconds;
  if (!(wall > 0 && events > 0)) {
    return fmt::format(
        "disagrees: {} back-to-back launches took {:.3g} us each by the host's clock and {:.3g} us by events",
        batch.launches, wall * 1e6, events * 1e6);
  }
  const double slack = kBatchOverhead / batch.launches;
  if (wall > events * (1 + kBatchShare) + slack) {
    return fmt::format(
        "disagrees: over {} back-to-back launches the host's clock saw {:.4g} us each, the events {:.4g} us: "
        "work runs "
        "outside the stream, where events do not see it",
        batch.launches, wall * 1e6, events * 1e6);
  }
  if (events > wall * (1 + kBatchShare)) {
    return fmt::format(
        "disagrees: over {} back-to-back launches the events claim {:.4g} us each, the host's clock only "
        "{:.4g} us",
        batch.launches, events * 1e6, wall * 1e6);
  }
  const double on_gpu = evidence.median * std::max(1.0, evidence.clock_ratio);
  const double on_host = evidence.enqueue_seconds;
  const double expected = on_host > on_gpu ? on_host * kHostFactor : on_gpu;
  if (wall > expected * (1 + kLaunchShare) + kLaunchGap + slack) {
    return fmt::format(
        "disagrees: a single cold launch reads {:.4g} us, but over {} back-to-back launches each took {:.4g} "
        "us: work "
        "runs outside the events of a sample, or not every launch does its work",
        evidence.median * 1e6, batch.launches, wall * 1e6);
  }
  return "agrees";
}

}  // namespace assay
