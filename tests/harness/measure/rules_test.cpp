// The stop rule, the second clock's judgement, floors, throttle names, the log and the method's lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/measure/clock_check.h"
#include "harness/measure/flush_size.h"
#include "harness/measure/measure.h"
#include "harness/measure/stop_rule.h"
#include "harness/measure/throttle.h"

namespace assay {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// n=10 at 95 %: the interval is the 2nd smallest to the 2nd largest sample (2 * 11/1024 = 2.1 % outside).
TEST(IsNarrow, LooksAtBothSidesOfTheMedian) {
  MeasureSettings settings;
  settings.relative_width = 0.01;
  EXPECT_TRUE(IsNarrow(std::vector<double>{50, 99.1, 100, 100, 100, 100, 100, 100, 100.9, 900}, settings));
  EXPECT_FALSE(IsNarrow(std::vector<double>{50, 99.1, 100, 100, 100, 100, 100, 100, 101.1, 900}, settings));
  EXPECT_FALSE(IsNarrow(std::vector<double>{50, 98.9, 100, 100, 100, 100, 100, 100, 100.9, 900}, settings));
}

TEST(IsNarrow, FiveEqualSamplesCannotGive95Percent) {
  MeasureSettings settings;
  EXPECT_FALSE(IsNarrow(std::vector<double>(5, 1.0), settings));  // all of them: 1 - 2/32 = 93.75 %
  EXPECT_TRUE(IsNarrow(std::vector<double>(6, 1.0), settings));
  EXPECT_FALSE(IsNarrow({}, settings));
}

TEST(StopReason, NeedsEnoughSamplesAndSeconds) {
  MeasureSettings settings;
  settings.min_samples = 10;
  settings.min_seconds = 1;
  EXPECT_FALSE(StopReason({std::vector<double>(9, 1.0), 9, 0}, settings));
  EXPECT_EQ(StopReason({std::vector<double>(10, 1.0), 10, 0}, settings), "interval");
  EXPECT_FALSE(StopReason({std::vector<double>(10, 0.05), 10, 0}, settings));
}

TEST(StopReason, SaysWhetherALimitEndedItBeforeTheIntervalWasNarrow) {
  MeasureSettings settings;
  settings.max_samples = 100;
  settings.max_seconds = 1;
  settings.min_seconds = 1e9;
  std::vector<double> wide;
  for (int i = 0; i < 100; ++i) wide.push_back(1 + 0.01 * i);
  EXPECT_EQ(StopReason({wide, 100, 0.5}, settings), "samples");
  EXPECT_EQ(StopReason({std::vector<double>(wide.begin(), wide.begin() + 50), 50, 1.0}, settings), "time");
  EXPECT_EQ(StopReason({std::vector<double>(50, 1e-6), 50, 1.0}, settings), "interval");
  // Everything thrown away: there must be an end all the same.
  EXPECT_EQ(StopReason({{}, 100, 0.5}, settings), "samples");
  EXPECT_EQ(StopReason({{}, 7, 2.0}, settings), "time");
}

TEST(NextBatch, FitsTheWallTimeAndTheLimit) {
  MeasureSettings settings;
  settings.max_samples = 100;
  EXPECT_EQ(NextBatch({{}, 0, 0}, settings), 5);
  EXPECT_EQ(NextBatch({{}, 5, 1e-3}, settings), 20);
  EXPECT_EQ(NextBatch({{}, 5, 0.045}, settings), 3);  // 9 ms each
  EXPECT_EQ(NextBatch({{}, 5, 10}, settings), 1);
  EXPECT_EQ(NextBatch({{}, 93, 1e-3}, settings), 7);
}

ClockEvidence Agreeing() { return {100e-6, 5e-6, {100, 95e-6, 96e-6}, 1}; }

TEST(JudgeClocks, Agrees) { EXPECT_EQ(JudgeClocks(Agreeing()), "agrees"); }

TEST(JudgeClocks, AgreesIfTheHostIsWhatLimits) {
  // 3 us of kernel, 8 us of host time a launch: nothing escapes, the GPU waits.
  EXPECT_EQ(JudgeClocks({3e-6, 8e-6, {1250, 8.1e-6, 8.2e-6}, 1}), "agrees");
}

TEST(JudgeClocks, AgreesIfLaunchCallsSlowDownBesideARunningGpu) {
  // Seen on an H100: cuDNN with four kernels a launch, 15.9 us cold, 24.2 us to enqueue, 34.84 us in a row.
  ClockEvidence evidence{15.9e-6, 24.2e-6, {413, 34.84e-6, 34.9e-6}, 1};
  EXPECT_EQ(JudgeClocks(evidence), "agrees");
  evidence.batch = {413, 60e-6, 60e-6};  // more than launch calls explain
  EXPECT_THAT(JudgeClocks(evidence), HasSubstr("a single cold launch reads 15.9 us"));
}

TEST(JudgeClocks, AgreesIfThePowerCapLowersTheClockInARow) {
  ClockEvidence evidence{100e-6, 5e-6, {100, 130e-6, 131e-6}, 1};
  EXPECT_THAT(JudgeClocks(evidence), StartsWith("disagrees"));
  evidence.clock_ratio = 1980.0 / 1500.0;
  EXPECT_EQ(JudgeClocks(evidence), "agrees");
}

TEST(JudgeClocks, WorkOutsideTheStream) {
  ClockEvidence evidence = Agreeing();
  evidence.batch.wall_seconds = 110e-6;  // beyond what 100 launches' way to and fro explains
  EXPECT_THAT(JudgeClocks(evidence), HasSubstr("work runs outside the stream"));
}

TEST(JudgeClocks, EventsThatClaimMoreThanTheWallClockSaw) {
  ClockEvidence evidence = Agreeing();
  evidence.batch.event_seconds = 120e-6;
  EXPECT_THAT(JudgeClocks(evidence), HasSubstr("the events claim"));
}

TEST(JudgeClocks, SamplesThatAreTooShortForWhatLaunchesTakeInARow) {
  ClockEvidence evidence = Agreeing();
  evidence.median = 20e-6;  // events forged, or the work of a sample done before its start event
  EXPECT_THAT(JudgeClocks(evidence), HasSubstr("a single cold launch reads 20 us"));
}

TEST(JudgeClocks, TimesThatAreNoneDoNotAgree) {
  ClockEvidence evidence = Agreeing();
  evidence.batch.event_seconds = 0;
  EXPECT_THAT(JudgeClocks(evidence), StartsWith("disagrees"));
  evidence.batch.event_seconds = std::nan("");
  EXPECT_THAT(JudgeClocks(evidence), StartsWith("disagrees"));
}

TEST(BackToBackLaunches, AboutTenMilliseconds) {
  EXPECT_EQ(BackToBackLaunches(100e-6, 5e-6), 100);
  EXPECT_EQ(BackToBackLaunches(3e-6, 5e-6), 2000);
  EXPECT_EQ(BackToBackLaunches(1, 5e-6), 5);
}

TEST(Throttle, NamesWhatLowersClocksAndOnlyThat) {
  EXPECT_FALSE(IsThrottled(clock_reason::kGpuIdle | clock_reason::kApplicationClocks));
  EXPECT_TRUE(IsThrottled(clock_reason::kGpuIdle | clock_reason::kHwPowerBrake));
  EXPECT_EQ(
      ThrottleNames(clock_reason::kSwPowerCap | clock_reason::kHwThermalSlowdown | clock_reason::kGpuIdle),
      "SW power cap, HW thermal slowdown");
  EXPECT_EQ(ThrottleNames(clock_reason::kGpuIdle), "");
}

// An H100 in round numbers: 3 TB/s, 60 TFLOP/s, 600 and 300 TFLOP/s.
const Ceilings kCeilings{3e12, 60e12, 600e12, 600e12, 300e12};

Cost SomeCost(double bytes, double depthwise, double pointwise) {
  Cost cost;
  cost.compulsory_bytes = bytes;
  cost.work = {{"depthwise", depthwise, false}, {"pointwise", pointwise, true}};
  return cost;
}

TEST(FloorOf, HalvesOfMatrixWorkGoToTheTensorCores) {
  const Floor floor = FloorOf(SomeCost(3e9, 6e9, 600e9), ASSAY_F16, ASSAY_FORMAT_F16, kCeilings);
  EXPECT_DOUBLE_EQ(floor.byte_seconds, 1e-3);
  EXPECT_DOUBLE_EQ(floor.flop_seconds, 1e-3);  // 0.1 ms of FFMA run beside it
  EXPECT_EQ(floor.flop_unit, "tensor fp16");
  EXPECT_DOUBLE_EQ(floor.bytes, 3e9);
  EXPECT_DOUBLE_EQ(floor.flops, 606e9);
  EXPECT_EQ(FloorOf(SomeCost(3e9, 6e9, 600e9), ASSAY_BF16, ASSAY_FORMAT_BF16, kCeilings).flop_unit,
            "tensor bf16");
}

TEST(FloorOf, DepthwiseWorkIsHeldAgainstFfma) {
  const Floor floor = FloorOf(SomeCost(3e9, 60e9, 60e9), ASSAY_F16, ASSAY_FORMAT_F16, kCeilings);
  EXPECT_DOUBLE_EQ(floor.flop_seconds, 1e-3);
  EXPECT_EQ(floor.flop_unit, "FFMA");
}

TEST(FloorOf, Fp32MatrixWorkTakesTheFasterAccurateUnit) {
  // 300 / 3 = 100 TFLOP/s of 3xTF32 beat 60 of FFMA.
  const Floor floor = FloorOf(SomeCost(3e9, 6e9, 600e9), ASSAY_F32, ASSAY_FORMAT_TF32X3, kCeilings);
  EXPECT_EQ(floor.flop_unit, "3xTF32 tensor");
  EXPECT_DOUBLE_EQ(floor.flop_seconds, 6e-3);
  // Where TF32 is slow or absent, both halves queue for the same FFMA units.
  Ceilings no_tensor = kCeilings;
  no_tensor.tensor_tf32_flops = 0;
  const Floor ffma = FloorOf(SomeCost(3e9, 60e9, 600e9), ASSAY_F32, ASSAY_FORMAT_F32, no_tensor);
  EXPECT_EQ(ffma.flop_unit, "FFMA");
  EXPECT_DOUBLE_EQ(ffma.flop_seconds, 11e-3);
}

TEST(FloorOf, Fp32MatrixWorkThatIsPromisedInTf32GoesToOneTf32Product) {
  const Floor floor = FloorOf(SomeCost(3e9, 6e9, 600e9), ASSAY_F32, ASSAY_FORMAT_TF32, kCeilings);
  EXPECT_EQ(floor.flop_unit, "TF32 tensor");
  EXPECT_DOUBLE_EQ(floor.flop_seconds, 2e-3);
  const Floor exact = FloorOf(SomeCost(3e9, 6e9, 600e9), ASSAY_F32, ASSAY_FORMAT_F32, kCeilings);
  EXPECT_DOUBLE_EQ(exact.flop_seconds, 6e-3) << "fp32 accuracy has three at its disposal";
}

TEST(FloorOf, AUnitThatWasNotMeasuredBoundsNothing) {
  const Floor floor = FloorOf(SomeCost(3e9, 6e9, 600e9), ASSAY_F16, ASSAY_FORMAT_F16, Ceilings{});
  EXPECT_EQ(floor.Seconds(), 0);
  EXPECT_EQ(floor.flop_unit, "");
}

TEST(BenchmarkLog, JoinsDocuments) {
  BenchmarkLog log;
  log.Add(R"({"context": {"host": "one"}, "benchmarks": [{"name": "a"}, {"name": "b"}]})");
  log.Add(R"({"context": {"host": "two"}, "benchmarks": [{"name": "c"}]})");
  const auto json = nlohmann::json::parse(log.Json());
  EXPECT_EQ(json["context"]["host"], "one");
  ASSERT_EQ(json["benchmarks"].size(), 3u);
  EXPECT_EQ(json["benchmarks"][2]["name"], "c");
  BenchmarkLog copy;
  copy.Add(log.Json());
  EXPECT_EQ(copy.Json(), log.Json());
}

TEST(BenchmarkLog, EmptyIsADocumentToo) {
  const auto json = nlohmann::json::parse(BenchmarkLog().Json());
  EXPECT_TRUE(json["benchmarks"].empty());
}

TEST(BenchmarkLog, RefusesWhatIsNone) {
  BenchmarkLog log;
  EXPECT_THROW(log.Add("segmentation fault"), std::invalid_argument);
  EXPECT_THROW(log.Add(R"({"context": {}})"), std::invalid_argument);
}

TEST(FlushBytes, IsTwiceTheCacheForEachOfTwoBuffers) {
  EXPECT_EQ(FlushBytes(50 << 20), std::size_t{100} << 20);
  EXPECT_EQ(FlushBytes(0), std::size_t{32} << 20);
  assay_device_info info = {};
  info.l2_bytes = 50 << 20;
  EXPECT_EQ(MeasureScratchBytes(info), std::size_t{200} << 20);
}

TEST(DescribeMethod, TellsTheSettings) {
  MeasureSettings settings;
  settings.input_sets = 4;
  settings.max_samples = 321;
  const auto lines = DescribeMethod(settings);
  const auto text = [&](const std::string& what) {
    for (const auto& [name, value] : lines) {
      if (name == what) return value;
    }
    return std::string();
  };
  EXPECT_THAT(text("inputs"), HasSubstr("4 distinct sets"));
  EXPECT_THAT(text("stop rule"), HasSubstr("95 % interval lies within 1 %"));
  EXPECT_THAT(text("stop rule"), HasSubstr("321 samples"));
  EXPECT_THAT(text("L2 flush"), HasSubstr("no dirty line"));
}

TEST(Measure, TheHostDeviceCannotBeTimedOn) {
  const auto host = MakeHostDevice(1);
  bool launched = false;
  const Candidate candidate{"any", [&](std::size_t, void*) { launched = true; }};
  EXPECT_THROW(Measure(*host, {}, candidate), DeviceError);
  EXPECT_THROW(MeasureCeilings(*host), DeviceError);
  EXPECT_THROW(EmptyLaunchSeconds(*host), DeviceError);
  EXPECT_FALSE(launched);
}

}  // namespace
}  // namespace assay
