// Samples candidates in interleaved batches until each one's stop rule holds. Templated on the probe, see
// sample.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "harness/measure/benchmark_driver.h"
#include "harness/measure/candidate_state.h"
#include "harness/measure/clock_check.h"
#include "harness/measure/sample.h"
#include "harness/measure/stop_rule.h"
#include "harness/profile/ranges.h"

namespace assay {

// However a sample ends, the inputs are as they were.
class AlteredInputs {
 public:
  AlteredInputs(const Candidate& candidate, std::size_t index) : candidate_(&candidate) {
    try {
      if (candidate.alter_inputs) candidate.alter_inputs(index);
    } catch (...) {
      RestoreQuietly();  // what was altered before the error
      throw;
    }
  }
  ~AlteredInputs() {
    if (candidate_ != nullptr) RestoreQuietly();
  }
  AlteredInputs(const AlteredInputs&) = delete;
  AlteredInputs& operator=(const AlteredInputs&) = delete;
  void Restore() {
    const Candidate* candidate = std::exchange(candidate_, nullptr);
    if (candidate->restore_inputs) candidate->restore_inputs();
  }

 private:
  // An error of its own is on its way already.
  void RestoreQuietly() noexcept {
    try {
      if (candidate_->restore_inputs) candidate_->restore_inputs();
    } catch (...) {
    }
  }

  const Candidate* candidate_;
};

template <Probe P>
class Sampler {
 public:
  // The seed fixes the order of the batches, which thereby is the same in every run.
  Sampler(P& probe, const MeasureSettings& settings, BenchmarkLog* log, std::uint64_t seed = 1)
      : probe_(probe), settings_(settings), log_(log), random_(seed) {
    CheckSettings(settings);
  }

  std::vector<Measurement> Run(std::span<const Candidate> candidates) {
    std::vector<CandidateState> states;
    for (const Candidate& candidate : candidates) states.emplace_back(candidate);
    for (CandidateState& state : states) {
      Guarded(state, [&] { WarmUp(state); });
    }
    while (RunRound(states)) {
    }
    std::vector<Measurement> results;
    for (CandidateState& state : states) {
      if (settings_.second_clock) Guarded(state, [&] { CheckAgainstWallClock(state); });
      results.push_back(state.Finish(settings_));
    }
    return results;
  }

 private:
  // A blocking kernel that gave up once may be bad luck (a host that was suspended); three in a row are not.
  static constexpr int kTries = 3;

  // First launches load modules, compile, and allocate: all input sets, neither blocked nor counted.
  void WarmUp(CandidateState& state) {
    const ProfileRange case_range(ProfileRange::Kind::kCase, state.candidate().id, state.candidate().number);
    const ProfileRange warm_up(ProfileRange::Kind::kWarmUp, state.candidate().number);
    ReleaseOnExit guard(probe_);
    for (int i = 0; i < settings_.input_sets; ++i) {
      probe_.Launch(state.candidate().launch, state.NextIndex());
      probe_.Synchronize();
    }
    guard.Done();
    PoisonOutputs(state);
  }

  static void PoisonOutputs(const CandidateState& state) {
    if (state.candidate().poison_outputs) state.candidate().poison_outputs();
  }

  // One batch of every candidate that is not done yet, in random order. False: none was left.
  bool RunRound(std::vector<CandidateState>& states) {
    std::vector<CandidateState*> active;
    for (CandidateState& state : states) {
      if (!state.done()) active.push_back(&state);
    }
    if (active.empty()) return false;
    // Fisher and Yates, written out since std::shuffle's order differs from library to library.
    for (std::size_t i = active.size() - 1; i > 0; --i) std::swap(active[i], active[random_() % (i + 1)]);
    std::vector<BenchmarkBatch> batches;
    for (CandidateState* state : active) batches.push_back(MakeBatch(*state));
    const std::vector<std::exception_ptr> thrown = RunBatches(batches, log_);
    for (std::size_t i = 0; i < active.size(); ++i) {
      Guarded(*active[i], [&] {
        if (thrown[i]) std::rethrow_exception(thrown[i]);
        active[i]->DecideStop(settings_);
      });
    }
    return true;
  }

  BenchmarkBatch MakeBatch(CandidateState& state) {
    BenchmarkBatch batch;
    batch.name = state.candidate().id;
    batch.number = state.candidate().number;
    batch.samples = state.NextBatchSize(settings_);
    batch.begin = [this, &state] {
      state.BeginBatch(probe_.Now());
      probe_.BeginBatch();
      state.AddClocks(probe_.ReadClocks());
    };
    batch.take = [this, &state] { return TakeOne(state); };
    batch.end = [this, &state] {
      state.AddClocks(probe_.ReadClocks());
      probe_.EndBatch();
      state.EndBatch(probe_.Now());
    };
    return batch;
  }

  double TakeOne(CandidateState& state) {
    for (int attempt = 0; attempt < kTries; ++attempt) {
      const std::size_t index = state.NextIndex();
      AlteredInputs altered(state.candidate(), index);
      const auto sample = TakeSample(probe_, state.candidate().launch, index);
      altered.Restore();
      if (sample) {
        state.AddSample(*sample);
        return sample->seconds;
      }
    }
    throw NotTimeable("a launch does not return while the GPU is held back (" + std::to_string(kTries) +
                      " tries): it waits for the GPU itself, by a synchronising call, an allocation, or a "
                      "kernel that is loaded or "
                      "compiled only now; it cannot be timed");
  }

  void CheckAgainstWallClock(CandidateState& state) {
    constexpr int kBatches = 3;
    ClockEvidence evidence = state.Evidence(settings_);
    const int launches = BackToBackLaunches(evidence.median, evidence.enqueue_seconds);
    for (int b = 0; b < kBatches; ++b) {
      PoisonOutputs(state);
      const BackToBack batch = TimeBackToBack(probe_, state.candidate().launch, state.index(), launches);
      state.Skip(static_cast<std::size_t>(launches));
      // A host that is interrupted only ever adds time: the shortest batch is the truest.
      if (b == 0 || batch.wall_seconds < evidence.batch.wall_seconds) evidence.batch = batch;
    }
    evidence.clock_ratio = state.ClockRatio(probe_.ReadClocks());
    state.SetSecondClock(evidence.batch.wall_seconds, JudgeClocks(evidence));
  }

  // A failure is its candidate's own, unless the device cannot go on.
  template <class Fn>
  void Guarded(CandidateState& state, Fn&& fn) {
    if (state.failed()) return;
    try {
      fn();
    } catch (const NotTimeable& error) {
      state.Fail(error.what(), true);
    } catch (const DeviceError& error) {
      if (error.sticky) throw;
      state.Fail(error.what());
    } catch (const std::exception& error) {
      state.Fail(error.what());
    }
  }

  P& probe_;
  const MeasureSettings& settings_;
  BenchmarkLog* log_;
  std::mt19937_64 random_;
};

}  // namespace assay
