// The sampling loop over several candidates, driven by Google Benchmark as on a GPU, on a probe without one.
#include "harness/measure/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/harness/measure/fake_probe.h"

namespace assay {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Candidate Takes(const std::string& id, double seconds) {
  return {id, [seconds](std::size_t, void* stream) { ProbeOf(stream).Run(seconds); }};
}

// Uniform within +-`spread` of `seconds`, the same in every run.
Candidate Jitters(const std::string& id, double seconds, double spread) {
  return {id, [seconds, spread](std::size_t i, void* stream) {
            std::mt19937_64 random(i);
            const double unit = static_cast<double>(random() % 10001) / 5000.0 - 1.0;
            ProbeOf(stream).Run(seconds * (1 + spread * unit));
          }};
}

class SamplerTest : public testing::Test {
 protected:
  std::vector<Measurement> Run(const std::vector<Candidate>& candidates, std::uint64_t seed = 1) {
    return Sampler(probe_, settings_, &log_, seed).Run(candidates);
  }
  Timing RunOne(const Candidate& candidate) {
    const std::vector<Measurement> results = Run({candidate});
    EXPECT_TRUE(results.at(0).timing) << results.at(0).error;
    return results.at(0).timing.value_or(Timing{});
  }

  FakeProbe probe_;
  MeasureSettings settings_;
  BenchmarkLog log_;
};

TEST_F(SamplerTest, StopsWhenTheIntervalIsNarrow) {
  settings_.min_seconds = 1e-3;
  const Timing timing = RunOne(Takes("steady", 100e-6));
  EXPECT_EQ(timing.stop_reason, "interval");
  EXPECT_NEAR(timing.median, 100e-6, 1e-12);
  EXPECT_GE(timing.samples.size(), 10u);
  EXPECT_LT(timing.samples.size(), 40u);
  EXPECT_EQ(timing.clock_agreement, "agrees");
  EXPECT_NEAR(timing.wall_seconds, 100e-6, 1e-6);
  EXPECT_EQ(timing.sm_clock_mhz, 1980);
  EXPECT_EQ(timing.dropped_throttled, 0);
}

TEST_F(SamplerTest, GoesOnUntilMinSeconds) {
  settings_.min_seconds = 0.05;
  const Timing timing = RunOne(Takes("steady", 1e-3));
  EXPECT_EQ(timing.stop_reason, "interval");
  EXPECT_GE(timing.samples.size(), 50u);
}

TEST_F(SamplerTest, StopsAtMaxSamplesIfTheIntervalStaysWide) {
  settings_.max_samples = 37;
  const Timing timing = RunOne(Jitters("noisy", 100e-6, 0.5));
  EXPECT_EQ(timing.stop_reason, "samples");
  EXPECT_EQ(timing.samples.size(), 37u);
}

TEST_F(SamplerTest, StopsWhenTheTimeIsUp) {
  settings_.max_seconds = 0.2;
  const Timing timing = RunOne(Jitters("noisy and slow", 10e-3, 0.5));
  EXPECT_EQ(timing.stop_reason, "time");
  EXPECT_GE(timing.samples.size(), 15u);
  EXPECT_LE(timing.samples.size(), 25u);
}

TEST_F(SamplerTest, WarmUpLaunchesAreNotCounted) {
  // A second and a half of compilation in the first call, and in the first call with each further input set.
  const Candidate compiles{"compiles", [](std::size_t i, void* stream) {
                             if (i < 3) ProbeOf(stream).SpendHostTime(1.5);
                             ProbeOf(stream).Run(i < 3 ? 1.5 : 100e-6);
                           }};
  const Timing timing = RunOne(compiles);
  EXPECT_THAT(timing.samples, Each(testing::DoubleNear(100e-6, 1e-9)));
  EXPECT_EQ(timing.stop_reason, "interval");
}

TEST_F(SamplerTest, OutputsArePoisonedAfterWarmUpAndBeforeEachBackToBackBatch) {
  std::vector<std::size_t> launches_before;
  std::size_t launches = 0;
  Candidate candidate{"poisoned", [&](std::size_t, void* stream) {
                        ++launches;
                        ProbeOf(stream).Run(100e-6);
                      }};
  candidate.poison_outputs = [&] { launches_before.push_back(launches); };
  const Timing timing = RunOne(candidate);
  ASSERT_EQ(launches_before.size(), 4u);
  EXPECT_EQ(launches_before[0], static_cast<std::size_t>(settings_.input_sets));
  EXPECT_EQ(launches_before[1], launches_before[0] + timing.samples.size());
  EXPECT_GT(launches_before[2], launches_before[1]);
  EXPECT_GT(launches, launches_before[3]) << "the last launches come after the last poison";
}

TEST_F(SamplerTest, NoSampleFindsTheInputsOfALaunchBefore) {
  int content = 0, alterations = 0;
  std::vector<int> seen;
  Candidate candidate{"altered", [&](std::size_t, void* stream) {
                        seen.push_back(content);
                        ProbeOf(stream).Run(100e-6);
                      }};
  std::size_t altered = 0, launched = 0;
  candidate.launch = [&, launch = candidate.launch](std::size_t i, void* stream) {
    launched = i;
    launch(i, stream);
    if (content != 0) {
      EXPECT_EQ(altered, launched);
    }
  };
  candidate.alter_inputs = [&](std::size_t i) {
    EXPECT_FALSE(probe_.blocked) << "outside the time";
    altered = i;
    content = ++alterations;
  };
  candidate.restore_inputs = [&] { content = 0; };
  const Timing timing = RunOne(candidate);
  const auto sets = static_cast<std::size_t>(settings_.input_sets);
  ASSERT_GT(seen.size(), sets + timing.samples.size());
  for (std::size_t i = 0; i < timing.samples.size(); ++i) {
    EXPECT_EQ(seen[sets + i], static_cast<int>(i) + 1);
  }
  EXPECT_EQ(seen.back(), 0) << "launches in a row find the sets as they are";
  EXPECT_EQ(content, 0);
}

TEST_F(SamplerTest, InputsAreRestoredWhenALaunchThrows) {
  bool altered = false;
  Candidate candidate{"throws", [&](std::size_t, void*) {
                        if (altered) throw std::runtime_error("no such kernel");
                      }};
  candidate.alter_inputs = [&](std::size_t) { altered = true; };
  candidate.restore_inputs = [&] { altered = false; };
  EXPECT_FALSE(Run({candidate})[0].timing);
  EXPECT_FALSE(altered);
}

TEST_F(SamplerTest, ALaunchThatWaitsForTheGpuIsUntimeableNotFaulty) {
  const std::vector<Measurement> results = Run({{"waits",
                                                 [](std::size_t i, void* stream) {
                                                   ProbeOf(stream).Run(100e-6);
                                                   if (i >= 3) ProbeOf(stream).WaitInLaunch();
                                                 }},
                                                {"throws", [](std::size_t i, void*) {
                                                   if (i >= 3) throw std::runtime_error("no such kernel");
                                                 }}});
  EXPECT_FALSE(results[0].timing);
  EXPECT_TRUE(results[0].untimeable) << results[0].error;
  EXPECT_FALSE(results[1].timing);
  EXPECT_FALSE(results[1].untimeable);
}

TEST_F(SamplerTest, LaunchesAreNumberedThrough) {
  std::vector<std::size_t> seen;
  RunOne({"counted", [&](std::size_t i, void* stream) {
            seen.push_back(i);
            ProbeOf(stream).Run(100e-6);
          }});
  for (std::size_t i = 0; i < 50; ++i) ASSERT_EQ(seen.at(i), i);
}

TEST_F(SamplerTest, ALaunchThatWaitsForTheGpuIsReportedAndTheOthersAreTimed) {
  const Candidate waits{"waits", [](std::size_t, void* stream) {
                          ProbeOf(stream).Run(100e-6);
                          ProbeOf(stream).WaitInLaunch();
                        }};
  const auto results = Run({Takes("a", 100e-6), waits, Takes("b", 200e-6)});
  EXPECT_TRUE(results[0].timing);
  EXPECT_FALSE(results[1].timing);
  EXPECT_THAT(results[1].error, HasSubstr("waits for the GPU itself"));
  ASSERT_TRUE(results[2].timing);
  EXPECT_NEAR(results[2].timing->median, 200e-6, 1e-9);
}

TEST_F(SamplerTest, ABlockThatGaveUpOnceCostsOneSampleOnly) {
  const Candidate stumbles{"stumbles", [](std::size_t i, void* stream) {
                             ProbeOf(stream).Run(i == 8 ? 1.0 : 100e-6);
                             if (i == 8) ProbeOf(stream).WaitInLaunch();
                           }};
  const Timing timing = RunOne(stumbles);
  EXPECT_THAT(timing.samples, Each(testing::DoubleNear(100e-6, 1e-9)));
}

TEST_F(SamplerTest, AFailingCandidateCostsOnlyItself) {
  const Candidate fails{"fails", [](std::size_t i, void* stream) {
                          if (i > 10) throw std::runtime_error("no more of this");
                          ProbeOf(stream).Run(1e-6);
                        }};
  const auto results = Run({fails, Takes("works", 100e-6)});
  EXPECT_FALSE(results[0].timing);  // no sentinel that could win
  EXPECT_EQ(results[0].error, "no more of this");
  EXPECT_TRUE(results[1].timing);
  EXPECT_FALSE(probe_.blocked);
}

TEST_F(SamplerTest, ALostDeviceEndsEverything) {
  const Candidate kills{"kills", [](std::size_t i, void* stream) {
                          ProbeOf(stream).Run(1e-6);
                          if (i < 10) return;
                          DeviceError error("illegal address");
                          error.sticky = true;
                          throw error;
                        }};
  EXPECT_THROW(Run({kills, Takes("works", 100e-6)}), DeviceError);
}

TEST_F(SamplerTest, WhatALaunchDidToTheCacheLimitFailsIt) {
  probe_.end_batch = [] { throw DeviceError("a launch changed the persisting-L2 limit"); };
  const auto results = Run({Takes("cheats", 100e-6)});
  EXPECT_FALSE(results[0].timing);
  EXPECT_THAT(results[0].error, HasSubstr("persisting-L2"));
}

// Clocks that are throttled in a share of the batches.
std::function<ClockState()> ThrottledEvery(int n, std::uint64_t reason) {
  return [n, reason, reads = 0]() mutable {
    const bool throttled = reads++ / 2 % n == 0;  // two reads a batch
    return throttled ? ClockState{1200, reason} : ClockState{1980, 0};
  };
}

TEST_F(SamplerTest, ThrottledBatchesAreDroppedAndCounted) {
  probe_.clocks = ThrottledEvery(3, clock_reason::kHwThermalSlowdown);
  settings_.max_samples = 60;
  settings_.min_seconds = 1;  // so that all 60 are taken
  const Timing timing = RunOne(Takes("hot", 100e-6));
  EXPECT_GT(timing.dropped_throttled, 0);
  EXPECT_EQ(timing.samples.size() + static_cast<std::size_t>(timing.dropped_throttled), 60u);
  EXPECT_EQ(timing.clock_agreement, "agrees");
}

TEST_F(SamplerTest, ClockSettingsAreNoThrottling) {
  probe_.clocks = [] {
    return ClockState{1500,
                      clock_reason::kGpuIdle | clock_reason::kApplicationClocks | clock_reason::kSyncBoost};
  };
  EXPECT_EQ(RunOne(Takes("set", 100e-6)).dropped_throttled, 0);
}

TEST_F(SamplerTest, IfAllIsThrottledTheSamplesAreKeptWithAWarning) {
  probe_.clocks = [] { return ClockState{1200, clock_reason::kSwPowerCap}; };
  settings_.max_samples = 30;
  const Timing timing = RunOne(Takes("hot", 100e-6));
  EXPECT_EQ(timing.samples.size(), 30u);
  EXPECT_NEAR(timing.median, 100e-6, 1e-9);
  EXPECT_EQ(timing.dropped_throttled, 0);
  EXPECT_EQ(timing.clock_agreement,
            "agrees; throttled: SW power cap: 30 of 30 samples were taken under it and are kept");
}

TEST_F(SamplerTest, WorkOnAnotherStreamIsReported) {
  const Candidate escapes{"escapes", [](std::size_t, void* stream) {
                            ProbeOf(stream).Run(10e-6);
                            ProbeOf(stream).RunElsewhere(100e-6);
                          }};
  const Timing timing = RunOne(escapes);
  EXPECT_NEAR(timing.median, 10e-6, 1e-9);
  EXPECT_THAT(timing.clock_agreement, StartsWith("disagrees"));
  EXPECT_NEAR(timing.wall_seconds, 100e-6, 2e-6);
}

TEST_F(SamplerTest, WorkDoneInOneLaunchOfFifteenIsReported) {
  const Candidate batches{
      "batches", [](std::size_t i, void* stream) { ProbeOf(stream).Run(i % 15 == 0 ? 1500e-6 : 1e-6); }};
  EXPECT_THAT(RunOne(batches).clock_agreement, StartsWith("disagrees"));
}

// The seconds at which each candidate's launches happened tell the order of the batches.
std::vector<int> BatchOrder(std::uint64_t seed) {
  FakeProbe probe;
  MeasureSettings settings;
  settings.max_samples = 100;
  settings.min_seconds = 1;
  std::vector<int> order;
  std::vector<Candidate> candidates;
  for (int c = 0; c < 3; ++c) {
    candidates.push_back({std::to_string(c), [c, &order](std::size_t, void* stream) {
                            if (ProbeOf(stream).blocked && (order.empty() || order.back() != c))
                              order.push_back(c);
                            ProbeOf(stream).Run(100e-6);
                          }});
  }
  Sampler(probe, settings, nullptr, seed).Run(candidates);
  return order;
}

TEST(Interleaving, IsSeeded) {
  EXPECT_EQ(BatchOrder(1), BatchOrder(1));
  EXPECT_NE(BatchOrder(1), BatchOrder(2));
}

TEST(Interleaving, NobodyAlwaysGoesFirst) {
  std::vector<int> first(3);
  for (std::uint64_t seed = 1; seed <= 300; ++seed)
    ++first[static_cast<std::size_t>(BatchOrder(seed).front())];
  EXPECT_THAT(first, Each(testing::Gt(60)));  // 100 expected, 60 is five standard deviations away
}

TEST_F(SamplerTest, ADriftHitsAllAlike) {
  // The GPU gets 30 % slower while the two are timed; one after the other, the second would seem slower.
  settings_.max_samples = 400;
  settings_.min_seconds = 1;
  const LaunchFn drifts = [](std::size_t, void* stream) {
    FakeProbe& probe = ProbeOf(stream);
    probe.Run(100e-6 * (1 + 0.3 * std::min(1.0, probe.Now() / 0.15)));
  };
  const auto results = Run({{"a", drifts}, {"b", drifts}});
  ASSERT_TRUE(results[0].timing && results[1].timing);
  EXPECT_GT(results[0].timing->samples.back(), 1.2 * results[0].timing->samples.front());
  EXPECT_NEAR(results[0].timing->median / results[1].timing->median, 1, 0.02);
}

TEST_F(SamplerTest, GoogleBenchmarkKeepsItsOwnAccount) {
  const Candidate fails{"op/problem/fails", [](std::size_t i, void*) {
                          if (i > 10) throw std::runtime_error("no more of this");
                        }};
  const auto results = Run({Takes("op/problem/works", 100e-6), fails});
  const auto json = nlohmann::json::parse(log_.Json());
  EXPECT_TRUE(json.at("context").contains("num_cpus"));
  std::size_t iterations = 0;
  std::vector<std::string> errors;
  for (const auto& entry : json.at("benchmarks")) {
    const std::string name = entry.at("name");
    if (entry.contains("error_message")) {
      errors.push_back(entry.at("error_message"));
    } else if (name.find("op/problem/works") == 0) {
      EXPECT_THAT(name, HasSubstr("manual_time"));
      EXPECT_NEAR(entry.at("real_time").get<double>(), 100, 0.01);  // microseconds
      iterations += entry.at("iterations").get<std::size_t>();
    }
  }
  EXPECT_EQ(iterations, results[0].timing->samples.size());
  EXPECT_THAT(errors, Contains("no more of this"));
}

TEST_F(SamplerTest, NoCandidatesNoWork) {
  EXPECT_TRUE(Run({}).empty());
  EXPECT_TRUE(log_.empty());
}

TEST_F(SamplerTest, SettingsThatMakeNoSenseAreNamed) {
  settings_.max_samples = 5;
  settings_.min_samples = 10;
  try {
    Run({Takes("a", 1e-6)});
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("max_samples must be at least min_samples"));
  }
}

}  // namespace
}  // namespace assay
