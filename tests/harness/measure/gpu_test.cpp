// The probe on a real GPU: times that are known beforehand, and the ways in which they have been falsified.
// Skipped without a GPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iostream>

#include "harness/measure/cuda/event_probe.h"
#include "harness/measure/cuda/gpu_nvml.h"
#include "harness/measure/measure.h"
#include "tests/harness/measure/gpu_kernels.h"

namespace assay {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr double kMicro = 1e-6;

class MeasureOnGpu : public testing::Test {
 protected:
  void SetUp() override {
    const CudaProbe found = ProbeCuda();
    if (found.devices == 0) GTEST_SKIP() << "no GPU: " << found.unavailable;
    device_ = MakeCudaDevice(0);
  }

  Timing Time(const LaunchFn& launch) {
    MeasureSettings settings;
    settings.min_seconds = 2e-3;
    const Timing timing = Measure(*device_, settings, {"candidate", launch});
    std::cout << "median " << timing.median / kMicro << " us [" << timing.low / kMicro << ", "
              << timing.high / kMicro << "], " << timing.samples.size() << " samples, " << timing.stop_reason
              << "; wall " << timing.wall_seconds / kMicro << " us, " << timing.clock_agreement << "; "
              << timing.sm_clock_mhz << " MHz, dropped " << timing.dropped_throttled << "\n";
    return timing;
  }

  std::unique_ptr<Device> device_;
};

cudaStream_t AsStream(void* stream) { return static_cast<cudaStream_t>(stream); }

TEST_F(MeasureOnGpu, AKernelOfKnownDurationReadsAsThat) {
  for (const std::uint64_t nanoseconds : {200'000, 1'000'000}) {
    const Timing timing =
        Time([&](std::size_t, void* stream) { EnqueueSpin(nanoseconds, AsStream(stream)); });
    const double expected = 1e-9 * static_cast<double>(nanoseconds);
    EXPECT_NEAR(timing.median, expected, 0.03 * expected);
    EXPECT_EQ(timing.clock_agreement, "agrees");
  }
}

TEST_F(MeasureOnGpu, LaunchLatencyStaysOut) {
  const Timing timing = Time([](std::size_t, void* stream) {
    EnqueueSpin(50'000, AsStream(stream));
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
    while (std::chrono::steady_clock::now() < until) {
    }
    EnqueueSpin(50'000, AsStream(stream));
  });
  EXPECT_NEAR(timing.median, 100 * kMicro, 8 * kMicro);
}

TEST_F(MeasureOnGpu, WorkOnAnotherStreamIsSeenByTheSecondClock) {
  const cuda::StreamOwner other = cuda::MakeStream();
  const Timing timing = Time([&](std::size_t, void* stream) {
    EnqueueSpin(20'000, AsStream(stream));
    EnqueueSpin(200'000, other.get());
  });
  EXPECT_LT(timing.median, 50 * kMicro);
  EXPECT_THAT(timing.clock_agreement, StartsWith("disagrees"));
  EXPECT_GT(timing.wall_seconds, 190 * kMicro);
}

TEST_F(MeasureOnGpu, WorkOnTheDefaultStreamIsSeenByTheSecondClock) {
  const Timing timing = Time([](std::size_t, void*) { EnqueueSpin(100'000, nullptr); });
  EXPECT_THAT(timing.clock_agreement, StartsWith("disagrees"));
}

TEST_F(MeasureOnGpu, WorkOnAnotherStreamThatIsJoinedAgainIsTimed) {
  const cuda::StreamOwner other = cuda::MakeStream();
  const cuda::EventOwner fork = cuda::MakeEvent(), join = cuda::MakeEvent();
  const Timing timing = Time([&](std::size_t, void* stream) {
    ASSAY_CUDA_CHECK(cudaEventRecord(fork.get(), AsStream(stream)));
    ASSAY_CUDA_CHECK(cudaStreamWaitEvent(other.get(), fork.get(), 0));
    EnqueueSpin(200'000, other.get());
    ASSAY_CUDA_CHECK(cudaEventRecord(join.get(), other.get()));
    ASSAY_CUDA_CHECK(cudaStreamWaitEvent(AsStream(stream), join.get(), 0));
  });
  EXPECT_NEAR(timing.median, 200 * kMicro, 20 * kMicro);
  EXPECT_EQ(timing.clock_agreement, "agrees");
}

TEST_F(MeasureOnGpu, ALaunchThatSynchronisesIsReportedAndDoesNotHang) {
  const Candidate waits{"waits", [](std::size_t, void* stream) {
                          EnqueueSpin(10'000, AsStream(stream));
                          ASSAY_CUDA_CHECK(cudaDeviceSynchronize());
                        }};
  const Candidate works{"works", [](std::size_t, void* stream) { EnqueueSpin(100'000, AsStream(stream)); }};
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Candidate> candidates = {waits, works};
  const auto results = MeasureInterleaved(*device_, {}, candidates);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_FALSE(results[0].timing);
  EXPECT_THAT(results[0].error, HasSubstr("waits for the GPU itself"));
  ASSERT_TRUE(results[1].timing);
  EXPECT_NEAR(results[1].timing->median, 100 * kMicro, 5 * kMicro);
}

TEST_F(MeasureOnGpu, ALaunchThatFailedSilentlyIsAnError) {
  const std::vector<Candidate> candidates = {
      {"impossible", [](std::size_t, void* stream) { EnqueueImpossible(AsStream(stream)); }}};
  const auto results = MeasureInterleaved(*device_, {}, candidates);
  EXPECT_FALSE(results[0].timing);
  EXPECT_THAT(results[0].error, HasSubstr("cudaError"));
}

TEST_F(MeasureOnGpu, RaisingThePersistingLimitIsAnError) {
  int most = 0;
  ASSAY_CUDA_CHECK(cudaDeviceGetAttribute(&most, cudaDevAttrMaxPersistingL2CacheSize, 0));
  if (most == 0) GTEST_SKIP() << "this GPU has no persisting L2";
  const std::vector<Candidate> candidates = {
      {"persists", [&](std::size_t, void* stream) {
         ASSAY_CUDA_CHECK(cudaDeviceSetLimit(cudaLimitPersistingL2CacheSize, static_cast<std::size_t>(most)));
         EnqueueSpin(10'000, AsStream(stream));
       }}};
  const auto results = MeasureInterleaved(*device_, {}, candidates);
  EXPECT_FALSE(results[0].timing);
  // Setting the limit may itself wait for the GPU; either way there is no time.
  EXPECT_THAT(results[0].error, testing::AnyOf(HasSubstr("persisting-L2"), HasSubstr("waits for the GPU")));
}

// The probe with other ways to prepare L2 before a sample.
class ProbeWithFlush : public cuda::EventProbe {
 public:
  explicit ProbeWithFlush(std::function<void(cudaStream_t)> flush)
      : EventProbe(0, cuda::NvmlOf(0)), flush_(std::move(flush)) {}
  void Flush() { flush_(stream()); }

 private:
  std::function<void(cudaStream_t)> flush_;
};

template <Probe P>
double MedianSample(P& probe, const LaunchFn& launch) {
  std::vector<double> seconds;
  probe.Launch(launch, 0);
  probe.Synchronize();
  for (std::size_t i = 0; i < 41; ++i) {
    const auto sample = TakeSample(probe, launch, i);
    if (sample) seconds.push_back(sample->seconds);
  }
  EXPECT_GE(seconds.size(), 40u);
  std::sort(seconds.begin(), seconds.end());
  return seconds.empty() ? 0 : seconds[seconds.size() / 2];
}

TEST_F(MeasureOnGpu, TheFlushEmptiesL2AndLeavesNothingToWriteBack) {
  constexpr std::size_t kBytes = 20'000'000 / 16 * 16;
  const std::size_t l2 = static_cast<std::size_t>(device_->info().l2_bytes);
  if (kBytes > l2) GTEST_SKIP() << "L2 is smaller than the buffer that is to fit into it";
  const cuda::Buffer buffer = cuda::Allocate(kBytes), sink = cuda::Allocate(4),
                     other = cuda::Allocate(4 * l2);
  cuda::EnqueueWriteOver(buffer.get(), kBytes, 1, nullptr);
  cuda::EnqueueWriteOver(other.get(), 4 * l2, 2, nullptr);
  ASSAY_CUDA_CHECK(cudaDeviceSynchronize());
  auto* word = static_cast<std::uint32_t*>(sink.get());
  const LaunchFn read = [&](std::size_t, void* stream) {
    EnqueueRead(buffer.get(), kBytes, word, AsStream(stream));
  };
  cuda::EventProbe ours(0, cuda::NvmlOf(0));
  ProbeWithFlush none([](cudaStream_t) {});
  ProbeWithFlush clean([&](cudaStream_t stream) { EnqueueRead(other.get(), 4 * l2, word, stream); });
  ProbeWithFlush dirty([&](cudaStream_t stream) { cuda::EnqueueWriteOver(other.get(), 4 * l2, 3, stream); });
  const double flushed = MedianSample(ours, read), warm = MedianSample(none, read);
  const double after_clean = MedianSample(clean, read), after_dirty = MedianSample(dirty, read);
  std::cout << "20 MB read: our flush " << flushed / kMicro << " us, warm " << warm / kMicro
            << " us, after reads only " << after_clean / kMicro << " us, after writes only "
            << after_dirty / kMicro << " us\n";
  EXPECT_GT(flushed, 1.3 * warm);
  EXPECT_NEAR(flushed, after_clean, 0.05 * after_clean);
  // What the second half of the flush is for.
  EXPECT_LE(flushed, after_dirty);
}

TEST_F(MeasureOnGpu, AnEmptyKernelReadsAsAFewMicroseconds) {
  const double seconds = EmptyLaunchSeconds(*device_);
  std::cout << "empty kernel: " << seconds / kMicro << " us\n";
  EXPECT_GT(seconds, 0.3 * kMicro);
  EXPECT_LT(seconds, 15 * kMicro);
}

TEST_F(MeasureOnGpu, CeilingsStandInASaneOrder) {
  const auto start = std::chrono::steady_clock::now();
  const Ceilings c = MeasureCeilings(*device_);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::cout << "copy " << c.copy_bytes / 1e12 << " TB/s, FFMA " << c.ffma_flops / 1e12 << ", fp16 "
            << c.tensor_fp16_flops / 1e12 << ", bf16 " << c.tensor_bf16_flops / 1e12 << ", tf32 "
            << c.tensor_tf32_flops / 1e12 << " TFLOP/s, in " << took.count() << " s\n";
  EXPECT_GT(c.tensor_fp16_flops, 1.3 * c.tensor_tf32_flops);
  EXPECT_GT(c.tensor_tf32_flops, c.ffma_flops);
  EXPECT_NEAR(c.tensor_bf16_flops, c.tensor_fp16_flops, 0.2 * c.tensor_fp16_flops);
  // FFMA: no SM does more than 128 in a cycle (CUDA C++ Programming Guide, "Arithmetic Instructions"), nor
  // can a kernel that does nothing else be far below.
  int sms = 0, khz = 0;
  ASSAY_CUDA_CHECK(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
  ASSAY_CUDA_CHECK(cudaDeviceGetAttribute(&khz, cudaDevAttrClockRate, 0));
  const double peak = 2.0 * 128 * sms * khz * 1e3;
  EXPECT_LT(c.ffma_flops, 1.02 * peak);
  const bool full_rate = device_->info().compute_capability >= 86;  // 8.0 has half as many units
  EXPECT_GT(c.ffma_flops, (full_rate ? 0.6 : 0.3) * peak);
  EXPECT_GT(c.copy_bytes, 1e11);
  EXPECT_LT(took.count(), 3);
}

TEST_F(MeasureOnGpu, TheGpuIsDescribed) {
  const auto facts = DescribeGpu(0);
  for (const auto& [what, value] : facts) std::cout << what << ": " << value << "\n";
  ASSERT_GE(facts.size(), 7u);
  EXPECT_EQ(facts[0].first, "GPU");
  for (const auto& [what, value] : facts) EXPECT_FALSE(value.empty()) << what;
}

}  // namespace
}  // namespace assay
