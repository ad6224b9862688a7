// What happens in one sample, in which order, and what is left behind when a step of it throws.
#include "harness/measure/sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/measure/fake_probe.h"

namespace assay {
namespace {

using testing::ElementsAre;

const LaunchFn kTenMicroseconds = [](std::size_t, void* stream) { ProbeOf(stream).Run(10e-6); };

TEST(Sample, FlushesThenBlocksThenTimesThenReleases) {
  FakeProbe probe;
  ASSERT_TRUE(TakeSample(probe, kTenMicroseconds, 0));
  EXPECT_THAT(probe.steps, ElementsAre("flush", "block", "start", "launch", "stop", "release", "wait"));
}

TEST(Sample, ReadsTheKernelAloneWithoutFlushOrLaunchLatency) {
  FakeProbe probe;
  const LaunchFn slow_to_launch = [](std::size_t, void* stream) {
    ProbeOf(stream).Run(4e-6);
    ProbeOf(stream).SpendHostTime(500e-6);
    ProbeOf(stream).Run(6e-6);
  };
  const auto sample = TakeSample(probe, slow_to_launch, 0);
  ASSERT_TRUE(sample);
  EXPECT_NEAR(sample->seconds, 10e-6, 1e-12);
  EXPECT_NEAR(sample->enqueue_seconds, 503e-6, 1e-12);
}

TEST(Sample, HandsTheLaunchItsNumberAndTheStream) {
  FakeProbe probe;
  std::size_t seen = 0;
  void* seen_stream = nullptr;
  const LaunchFn look = [&](std::size_t i, void* stream) {
    seen = i;
    seen_stream = stream;
  };
  ASSERT_TRUE(TakeSample(probe, look, 7));
  EXPECT_EQ(seen, 7u);
  EXPECT_EQ(seen_stream, &probe);
}

TEST(Sample, IsRejectedIfTheBlockingKernelGaveUp) {
  FakeProbe probe;
  const LaunchFn waits = [](std::size_t, void* stream) {
    ProbeOf(stream).Run(10e-6);
    ProbeOf(stream).WaitInLaunch();
  };
  EXPECT_FALSE(TakeSample(probe, waits, 0));
  // The next one is not tainted by it.
  EXPECT_TRUE(TakeSample(probe, kTenMicroseconds, 1));
}

class SampleThrowing : public testing::TestWithParam<const char*> {};

TEST_P(SampleThrowing, LeavesNothingBlockedAndTheStreamEmpty) {
  FakeProbe probe;
  probe.throw_at = GetParam();
  EXPECT_THROW(TakeSample(probe, kTenMicroseconds, 0), std::runtime_error);
  EXPECT_FALSE(probe.blocked);
  EXPECT_EQ(probe.drains, 1);
  EXPECT_LE(probe.stream_free, probe.Now());
  const auto last_two = std::vector<std::string>(probe.steps.end() - 2, probe.steps.end());
  EXPECT_THAT(last_two, ElementsAre("release", "drain"));
}

INSTANTIATE_TEST_SUITE_P(AtEachStep, SampleThrowing,
                         testing::Values("flush", "block", "start", "launch", "stop", "wait"));

TEST(Sample, LaunchThatThrowsIsReleasedAndItsOwnExceptionArrives) {
  FakeProbe probe;
  const LaunchFn fails = [](std::size_t, void*) { throw DeviceError("too much shared memory"); };
  try {
    TakeSample(probe, fails, 0);
    FAIL() << "nothing was thrown";
  } catch (const DeviceError& error) {
    EXPECT_STREQ(error.what(), "too much shared memory");
  }
  EXPECT_FALSE(probe.blocked);
}

TEST(BackToBack, BothClocksSeeWorkOnTheStream) {
  FakeProbe probe;
  const BackToBack batch = TimeBackToBack(probe, kTenMicroseconds, 0, 1000);
  EXPECT_NEAR(batch.event_seconds, 10e-6, 0.1e-6);
  EXPECT_NEAR(batch.wall_seconds, 10e-6, 0.1e-6);
}

TEST(BackToBack, OnlyTheHostsClockSeesWorkElsewhere) {
  FakeProbe probe;
  const LaunchFn elsewhere = [](std::size_t, void* stream) {
    ProbeOf(stream).Run(10e-6);
    ProbeOf(stream).RunElsewhere(50e-6);
  };
  const BackToBack batch = TimeBackToBack(probe, elsewhere, 0, 1000);
  EXPECT_NEAR(batch.event_seconds, 10e-6, 0.1e-6);
  EXPECT_NEAR(batch.wall_seconds, 50e-6, 0.5e-6);
}

TEST(BackToBack, NumbersItsLaunchesFromTheFirst) {
  FakeProbe probe;
  std::vector<std::size_t> seen;
  const LaunchFn look = [&](std::size_t i, void*) { seen.push_back(i); };
  TimeBackToBack(probe, look, 5, 3);
  EXPECT_THAT(seen, ElementsAre(5, 6, 7));
}

}  // namespace
}  // namespace assay
