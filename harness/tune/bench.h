// Times configurations of variants for one problem, dtype and layout, side by side and as often as asked,
// through whatever worker the executor has just then.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/config/config.h"
#include "harness/device/guarded_buffer.h"
#include "harness/run/input_sets.h"
#include "harness/worker/executor.h"

namespace assay {

// One to be timed.
struct Contender {
  VariantId id;
  const VariantInfo* variant = nullptr;
  std::string configuration;
};

// A time, or why there is none and never will be.
struct BenchResult {
  std::optional<Timing> timing;
  std::string failed;
};

class TuneBench {
 public:
  // `c` is any case of the problem, dtype and layout, and outlives this, as contenders and limits do.
  TuneBench(Executor& executor, const Case& c, std::span<const Contender> contenders,
            const LimitSettings& limits);
  ~TuneBench();
  TuneBench(const TuneBench&) = delete;
  TuneBench& operator=(const TuneBench&) = delete;

  // One result for each of `who`, places among the contenders. One that takes the worker down costs the
  // others a round that is begun again. Throws DeviceError if the device cannot be used any more, if there
  // is no room on it, or if somebody kills workers again and again.
  std::vector<BenchResult> Measure(std::span<const std::size_t> who, const MeasureSettings& settings);

  // What the contender's plan says of itself; empty if it was never made.
  const std::string& PlanOf(std::size_t place) const { return lanes_.at(place).description; }

 private:
  // A contender's plan and workspace in the worker of that generation.
  struct Lane {
    std::unique_ptr<Plan> plan;
    std::unique_ptr<GuardedBuffer> workspace;
    std::string description;
    std::string failed;
  };

  void MakeReady(std::span<const std::size_t> who);
  void MakeShared();
  void MakeLane(std::size_t place);
  void Fail(std::size_t place, const std::string& why);
  std::vector<std::size_t> Living(std::span<const std::size_t> who) const;
  LaunchBuffers BuffersOf(const Lane& lane) const;
  TimedLaunches Timed(std::size_t place) const;
  std::vector<Measurement> MeasureOnce(const std::vector<std::size_t>& who, const MeasureSettings& settings);
  // After the worker was lost while `culprit` (if known) was at work; false if there is no sense in going on.
  bool Recover(const DeviceError& error, std::optional<std::size_t> culprit);
  std::string IdOf(std::size_t place) const;

  Executor& executor_;
  const Case& case_;
  std::span<const Contender> contenders_;
  const LimitSettings& limits_;
  std::uint64_t generation_ = 0;
  std::unique_ptr<InputSets> inputs_;
  std::vector<std::unique_ptr<GuardedBuffer>> outputs_;  // that all write to
  std::unique_ptr<Stream> stream_;
  std::vector<Lane> lanes_;
  std::optional<std::size_t> at_work_;  // who is, where it is one alone
  int killed_ = 0;                      // how often somebody from outside ended the worker
  bool alone_ = false;  // one after the other: who takes the worker down was not to be seen side by side
};

}  // namespace assay
