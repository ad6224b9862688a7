// The timing core: the order of operations in one sample, and what is cleaned up if one of them throws.
// Templated on the probe that does the device's part, so that both are tested without a GPU.
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>

#include "harness/measure/measure.h"
#include "harness/measure/throttle.h"

namespace assay {

// The device's part in timing. All work goes to one stream unless said otherwise; every function but Release
// and Drain may throw.
template <class T>
concept Probe = requires(T probe, const LaunchFn& launch, std::size_t i) {
  probe.BeginBatch();  // persisting L2 off, whatever a launch may have set
  probe.EndBatch();    // throws if a launch changed what BeginBatch set
  probe.Flush();       // enqueues: L2 written over, then its dirty lines driven out
  probe.Block();  // enqueues the kernel that holds the stream until Release, or until it has waited too long
  probe.RecordStart();
  probe.Launch(launch, i);
  probe.RecordStop();
  { probe.Release() }
  noexcept;
  { probe.Drain() }
  noexcept;  // waits for the stream; for clean-up, errors are not looked at
  { probe.WaitElapsed() } -> std::same_as<double>;  // seconds between the two records, once both have passed
  { probe.BlockTimedOut() } -> std::same_as<bool>;  // the last Block gave up before Release
  probe.Synchronize();                              // waits for all streams of the device
  { probe.ReadClocks() } -> std::same_as<ClockState>;
  { probe.Now() } -> std::same_as<double>;  // host's monotonic clock in seconds
};

// However a sample ends, nothing may stay behind in the stream: neither the blocking kernel nor a launch.
template <Probe P>
class ReleaseOnExit {
 public:
  explicit ReleaseOnExit(P& probe) : probe_(probe) {}
  ~ReleaseOnExit() {
    if (done_) return;
    probe_.Release();
    probe_.Drain();
  }
  ReleaseOnExit(const ReleaseOnExit&) = delete;
  ReleaseOnExit& operator=(const ReleaseOnExit&) = delete;
  void Done() { done_ = true; }

 private:
  P& probe_;
  bool done_ = false;
};

struct Sample {
  double seconds = 0;          // between the events
  double enqueue_seconds = 0;  // of host time, for the launch call alone
};

// Nothing if the blocking kernel gave up waiting, which makes the time worthless.
template <Probe P>
std::optional<Sample> TakeSample(P& probe, const LaunchFn& launch, std::size_t i) {
  Sample sample;
  ReleaseOnExit guard(probe);
  probe.Flush();
  probe.Block();
  probe.RecordStart();
  const double before = probe.Now();
  probe.Launch(launch, i);
  sample.enqueue_seconds = probe.Now() - before;
  probe.RecordStop();
  probe.Release();
  sample.seconds = probe.WaitElapsed();
  guard.Done();
  if (probe.BlockTimedOut()) return std::nullopt;
  return sample;
}

// `launches` back to back, neither flushed nor blocked, under both clocks.
struct BackToBack {
  int launches = 0;
  double event_seconds = 0;  // per launch, between events around them all
  double wall_seconds = 0;   // per launch, on the host's clock until every stream is idle
};

template <Probe P>
BackToBack TimeBackToBack(P& probe, const LaunchFn& launch, std::size_t first, int launches) {
  ReleaseOnExit guard(probe);
  probe.Synchronize();
  const double start = probe.Now();
  probe.RecordStart();
  for (int i = 0; i < launches; ++i) probe.Launch(launch, first + static_cast<std::size_t>(i));
  probe.RecordStop();
  probe.Synchronize();
  const double stop = probe.Now();
  const double events = probe.WaitElapsed();
  guard.Done();
  return {launches, events / launches, (stop - start) / launches};
}

}  // namespace assay
