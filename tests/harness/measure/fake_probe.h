// A probe without a GPU: a host clock, a stream and a second stream that advance by what is asked of them.
#pragma once

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/measure/sample.h"

namespace assay {

class FakeProbe {
 public:
  static constexpr double kBlockTimeout = 0.5;
  static constexpr double kWayThere = 2e-6;  // from the host's release or launch to the GPU
  static constexpr double kWayBack = 10e-6;  // from the GPU's end to the host knowing it
  static constexpr double kFlushSeconds = 80e-6;

  // What a test looks at.
  std::vector<std::string> steps;  // since the test last cleared it
  bool blocked = false;
  double stream_free = 0;  // when the stream has done all that was enqueued
  int drains = 0;

  // What a test sets.
  std::string throw_at;  // a step that throws
  std::function<ClockState()> clocks = [] { return ClockState{1980, 0}; };
  std::function<void()> end_batch = [] {};

  // What a launch function does to the probe, which it is given as its stream.
  void Run(double seconds) {
    if (blocked) {
      pending_ += seconds;
    } else {
      stream_free = std::max(stream_free, now_ + kWayThere) + seconds;
    }
  }
  void RunElsewhere(double seconds) { other_free_ = std::max(other_free_, now_ + kWayThere) + seconds; }
  void SpendHostTime(double seconds) { now_ += seconds; }
  // A synchronising call: the host comes back only once the blocking kernel has given up.
  void WaitInLaunch() {
    if (blocked) {
      now_ += kBlockTimeout;
      timed_out_ = true;
      Unblock();
    }
    now_ = std::max(now_, stream_free);
  }

  // The probe.
  void BeginBatch() { Step("begin batch"); }
  void EndBatch() {
    Step("end batch");
    end_batch();
  }
  void Flush() {
    Step("flush");
    Run(kFlushSeconds);
  }
  void Block() {
    Step("block");
    blocked = true;
    timed_out_ = false;
    pending_ = 0;
  }
  void RecordStart() {
    Step("start");
    Record(start_, start_pending_);
  }
  void Launch(const LaunchFn& launch, std::size_t i) {
    Step("launch");
    now_ += 3e-6;
    launch(i, this);
  }
  void RecordStop() {
    Step("stop");
    Record(stop_, stop_pending_);
  }
  void Release() noexcept {
    steps.push_back("release");
    Unblock();
  }
  void Drain() noexcept {
    steps.push_back("drain");
    ++drains;
    now_ = std::max(now_, stream_free);
  }
  double WaitElapsed() {
    Step("wait");
    now_ = std::max(now_, stop_) + kWayBack;
    return stop_ - start_;
  }
  bool BlockTimedOut() const { return timed_out_; }
  void Synchronize() {
    Step("synchronize");
    now_ = std::max({now_, stream_free, other_free_}) + kWayBack;
  }
  ClockState ReadClocks() const { return clocks(); }
  double Now() const { return now_; }

 private:
  void Step(const std::string& step) {
    steps.push_back(step);
    if (step == throw_at) throw std::runtime_error("thrown at " + step);
  }
  void Record(double& mark, double& pending_mark) {
    if (blocked) {
      pending_mark = pending_;
    } else {
      mark = std::max(stream_free, now_ + kWayThere);
    }
  }
  void Unblock() {
    if (!blocked) return;
    blocked = false;
    const double base = std::max(stream_free, now_ + kWayThere);
    start_ = base + start_pending_;
    stop_ = base + stop_pending_;
    stream_free = base + pending_;
  }

  double now_ = 0, other_free_ = 0;
  double start_ = 0, stop_ = 0;
  double pending_ = 0, start_pending_ = 0, stop_pending_ = 0;  // seconds of work behind the blocking kernel
  bool timed_out_ = false;
};

static_assert(Probe<FakeProbe>);

// A launch function gets its probe back from the stream.
inline FakeProbe& ProbeOf(void* stream) { return *static_cast<FakeProbe*>(stream); }

}  // namespace assay
