#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "fault_kernels.h"
#include "harness/device/cuda/cuda_check.h"
#include "harness/device/device.h"
#include "harness/device/guarded_buffer.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

class CudaDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const CudaProbe probe = ProbeCuda();
    if (probe.devices == 0) GTEST_SKIP() << probe.unavailable;
    device_ = MakeCudaDevice(0);
  }
  std::unique_ptr<Device> device_;
};

std::vector<std::byte> RandomBytes(std::size_t size) {
  std::mt19937_64 generator(size);
  std::vector<std::byte> bytes(size);
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    const std::uint64_t word = generator();
    std::memcpy(bytes.data() + i, &word, 8);
  }
  for (; i < size; ++i) bytes[i] = static_cast<std::byte>(generator());
  return bytes;
}

TEST(CudaProbe, GivesDevicesOrAReason) {
  const CudaProbe probe = ProbeCuda();
  EXPECT_EQ(probe.devices == 0, !probe.unavailable.empty()) << probe.unavailable;
}

TEST(MakeCudaDevice, RefusesGpusThatAreNotThere) {
  const CudaProbe probe = ProbeCuda();
  try {
    MakeCudaDevice(probe.devices);
    FAIL() << "made GPU number " << probe.devices;
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), HasSubstr(probe.devices == 0 ? probe.unavailable : "there is no GPU cuda:"));
    EXPECT_FALSE(error.sticky);
  }
  EXPECT_THROW(MakeCudaDevice(-1), DeviceError);
}

TEST(CudaCheck, SaysWhichCallFailedWhereAndWhy) {
  try {
    ASSAY_CUDA_CHECK(cudaErrorInvalidValue);
    FAIL() << "an error passed the check";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("cudaErrorInvalidValue: invalid argument (1) from cudaErrorInvalidValue at "));
    EXPECT_THAT(error.what(), HasSubstr("harness/device/cuda_device_test.cpp:"));
    EXPECT_FALSE(error.sticky);
  }
}

TEST(CudaCheck, KnowsWhichErrorsPoisonTheContext) {
  for (cudaError_t error :
       {cudaErrorIllegalAddress, cudaErrorLaunchFailure, cudaErrorAssert, cudaErrorMisalignedAddress,
        cudaErrorIllegalInstruction, cudaErrorLaunchTimeout, cudaErrorECCUncorrectable}) {
    EXPECT_TRUE(IsSticky(error)) << cudaGetErrorName(error);
  }
  for (cudaError_t error :
       {cudaSuccess, cudaErrorInvalidValue, cudaErrorMemoryAllocation, cudaErrorInvalidConfiguration,
        cudaErrorNoKernelImageForDevice, cudaErrorLaunchOutOfResources}) {
    EXPECT_FALSE(IsSticky(error)) << cudaGetErrorName(error);
  }
}

TEST_F(CudaDeviceTest, SaysWhatItIs) {
  EXPECT_EQ(device_->name(), "cuda:0");
  EXPECT_FALSE(device_->description().empty());
  EXPECT_TRUE(device_->can_time());
  const assay_device_info& info = device_->info();
  EXPECT_EQ(info.backend, ASSAY_BACKEND_CUDA);
  EXPECT_GE(info.compute_capability, 80);
  EXPECT_GT(info.num_sms, 0);
  EXPECT_GE(info.shared_bytes_per_block, 48 * 1024);
  EXPECT_GT(info.l2_bytes, 0);
  EXPECT_GT(info.memory_bytes, 0);
  EXPECT_LE(device_->FreeBytes(), static_cast<std::size_t>(info.memory_bytes));
}

TEST_F(CudaDeviceTest, HashesAsTheHostDoes) {
  const auto memory = device_->Allocate((std::size_t{1} << 22) + 64);
  for (std::size_t size : {0u, 1u, 7u, 8u, 9u, 255u, 2048u, 2049u, 100003u, (1u << 22) + 3}) {
    const auto bytes = RandomBytes(size);
    for (std::size_t offset : {0, 8, 3}) {
      device_->Upload(memory->data() + offset, bytes);
      EXPECT_EQ(device_->Hash(memory->data() + offset, size), HashBytes(bytes)) << size << " at " << offset;
    }
  }
}

TEST_F(CudaDeviceTest, CopiesLargeBuffersThereAndBack) {
  const auto sent = RandomBytes(std::size_t{300} * 1000 * 1000 + 1);
  std::vector<std::byte> received(sent.size());
  const auto memory = device_->Allocate(sent.size());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory->data()) % 512, 0u);
  device_->Upload(memory->data(), sent);  // the first copy also allocates the pinned buffers
  const auto rate = [&](const auto& copy) {
    const auto start = std::chrono::steady_clock::now();
    copy();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return static_cast<double>(sent.size()) / seconds.count() / 1e9;
  };
  const double up = rate([&] { device_->Upload(memory->data(), sent); });
  const double down = rate([&] { device_->Download(received, memory->data()); });
  std::printf("upload %.1f GB/s, download %.1f GB/s\n", up, down);
  EXPECT_TRUE(received == sent);
  EXPECT_EQ(device_->Hash(memory->data(), sent.size()), HashBytes(sent));
}

TEST_F(CudaDeviceTest, CopiesExpectedMemoryAndWhatLiesAcrossItsEnds) {
  constexpr std::size_t kBytes = std::size_t{8} << 20, kBeside = 4096;
  const auto sent = RandomBytes(kBytes + 2 * kBeside);
  std::vector<std::byte> from = sent, to(sent.size());
  device_->ExpectTransfersOf(std::span(from).subspan(kBeside, kBytes));
  const auto memory = device_->Allocate(sent.size());
  const auto there_and_back = [&](std::size_t first, std::size_t bytes) {
    device_->FillBytes(memory->data(), sent.size(), 0);
    device_->Upload(memory->data() + first, std::span(from).subspan(first, bytes));
    device_->Download(std::span(to).subspan(first, bytes), memory->data() + first);
    EXPECT_TRUE(std::equal(to.begin() + first, to.begin() + first + bytes, sent.begin() + first)) << first;
    std::ranges::fill(std::span(from).subspan(first, bytes), std::byte{0});
    device_->Download(std::span(from).subspan(first, bytes), memory->data() + first);
    EXPECT_TRUE(from == sent) << first;
  };
  there_and_back(kBeside, kBytes);
  there_and_back(kBeside + 1, 3);
  there_and_back(0, sent.size());
  there_and_back(0, kBeside + 5);
  there_and_back(kBeside + kBytes - 7, 100);
  device_ = nullptr;  // before the memory that it expects
}

TEST_F(CudaDeviceTest, FillsBytes) {
  const auto memory = device_->Allocate(1000);
  device_->FillBytes(memory->data(), 1000, 0);
  device_->FillBytes(memory->data() + 1, 998, 0xFF);
  std::vector<std::byte> bytes(1000);
  device_->Download(bytes, memory->data());
  EXPECT_EQ(bytes.front(), std::byte{0});
  EXPECT_EQ(bytes.back(), std::byte{0});
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), std::byte{0xFF}), 998);
}

TEST_F(CudaDeviceTest, RefusesMoreMemoryThanThereIs) {
  try {
    device_->Allocate(static_cast<std::size_t>(device_->info().memory_bytes) * 2);
    FAIL() << "allocated twice the GPU's memory";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("cudaErrorMemoryAllocation"));
    EXPECT_FALSE(error.sticky);
  }
  device_->Synchronize();
}

TEST_F(CudaDeviceTest, GuardZonesShowAKernelsOverruns) {
  GuardedBuffer buffer(*device_, 1001);
  EXPECT_FALSE(buffer.CheckGuards());
  const auto stream = device_->CreateStream();
  LaunchFillByte(buffer.data(), 1001, 0, stream->handle());
  stream->Synchronize();
  EXPECT_FALSE(buffer.CheckGuards());
  LaunchFillByte(buffer.data() + 1001, 1, 0, stream->handle());
  stream->Synchronize();
  const auto overrun = buffer.CheckGuards();
  ASSERT_TRUE(overrun);
  EXPECT_EQ(overrun->offset, 1001);
  EXPECT_EQ(overrun->count, 1);
}

TEST_F(CudaDeviceTest, SurvivesALaunchThatIsRefused) {
  const auto stream = device_->CreateStream();
  EXPECT_NE(LaunchWithTooMuchSharedMemory(stream->handle()), 0);
  device_->Synchronize();
  GuardedBuffer buffer(*device_, 10);
  EXPECT_FALSE(buffer.CheckGuards());
}

TEST_F(CudaDeviceTest, ReplaysWhatWasCapturedAndRunsNothingMeanwhile) {
  GuardedBuffer buffer(*device_, 100);
  device_->FillBytes(buffer.data(), 100, 1);
  const auto graph = device_->Capture([&](void* stream) { LaunchFillByte(buffer.data(), 100, 2, stream); });
  const auto first_byte = [&] {
    std::vector<std::byte> bytes(100);
    buffer.Download(bytes);
    return bytes.front();
  };
  device_->Synchronize();
  EXPECT_EQ(first_byte(), std::byte{1});
  const auto stream = device_->CreateStream();
  for (int round = 0; round < 2; ++round) {
    device_->FillBytes(buffer.data(), 100, 1);
    graph->Launch(stream->handle());
    stream->Synchronize();
    EXPECT_EQ(first_byte(), std::byte{2});
  }
}

TEST_F(CudaDeviceTest, ACaptureThatThrowsLeavesNothingOpen) {
  EXPECT_THROW(device_->Capture([](void*) { throw std::runtime_error("no"); }), std::runtime_error);
  device_->Synchronize();
  const auto graph = device_->Capture([](void*) {});  // nothing is a graph too
  const auto stream = device_->CreateStream();
  graph->Launch(stream->handle());
  stream->Synchronize();
}

// Each in a process of its own, because the GPU is lost to a process after such a fault.
class CudaFaultDeathTest : public CudaDeviceTest {
 protected:
  void SetUp() override {
    // The child starts anew instead of inheriting a CUDA context, which no process may after a fork.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const CudaProbe probe = ProbeCuda();
    if (probe.devices == 0) GTEST_SKIP() << probe.unavailable;
  }

  // Exits with 0 if the fault is reported as sticky on the stream, and again by whatever is done next.
  [[noreturn]] static void ExpectSticky(void (*launch)(void*)) {
    const auto device = MakeCudaDevice(0);
    const auto memory = device->Allocate(16);
    const auto stream = device->CreateStream();
    int sticky = 0;
    try {
      launch(stream->handle());
      stream->Synchronize();
    } catch (const DeviceError& error) {
      std::fprintf(stderr, "first: %s\n", error.what());
      sticky += error.sticky ? 1 : 0;
    }
    try {
      device->FillBytes(memory->data(), 16, 0);
    } catch (const DeviceError& error) {
      std::fprintf(stderr, "then: %s\n", error.what());
      sticky += error.sticky ? 1 : 0;
    }
    std::exit(sticky == 2 ? 0 : 1);
  }
};

TEST_F(CudaFaultDeathTest, AnIllegalAddressIsSticky) {
  EXPECT_EXIT(ExpectSticky(LaunchStoreToNull), ::testing::ExitedWithCode(0),
              "first: cudaErrorIllegalAddress");
}

TEST_F(CudaFaultDeathTest, ATrapIsSticky) {
  EXPECT_EXIT(ExpectSticky(LaunchAssertion), ::testing::ExitedWithCode(0), "then: cudaError");
}

}  // namespace
}  // namespace assay
