#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>
#include <vector>

#include "harness/device/device.h"
#include "harness/device/host_memory.h"
#include "harness/simt/simt.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class HostDeviceTest : public ::testing::Test {
 protected:
  std::unique_ptr<Device> device_ = MakeHostDevice(3);
};

TEST_F(HostDeviceTest, SaysWhatItIs) {
  EXPECT_EQ(device_->name(), "host");
  EXPECT_THAT(device_->description(), HasSubstr(", 3 threads"));
  EXPECT_FALSE(device_->can_time());
  EXPECT_EQ(device_->info().backend, ASSAY_BACKEND_HOST);
  EXPECT_EQ(device_->info().num_sms, 3);
  EXPECT_EQ(device_->info().compute_capability, 0);
  EXPECT_EQ(device_->info().shared_bytes_per_block, 227 * 1024);
  EXPECT_EQ(device_->info().memory_bytes, static_cast<std::int64_t>(HostTotalBytes()));
}

TEST_F(HostDeviceTest, RunsBlocksOnAsManyThreadsAsItSays) { EXPECT_EQ(simt::GetOptions().threads, 3); }

TEST_F(HostDeviceTest, AlignsItsMemory) {
  for (std::size_t bytes : {0, 1, 511, 513, 1000000}) {
    const auto memory = device_->Allocate(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory->data()) % 512, 0u) << bytes;
    EXPECT_EQ(memory->size(), bytes);
  }
}

TEST_F(HostDeviceTest, CopiesFillsAndHashes) {
  std::vector<std::byte> sent(1001), received(1001);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::byte>(i * 7);
  const auto memory = device_->Allocate(sent.size());
  device_->Upload(memory->data(), sent);
  device_->Download(received, memory->data());
  EXPECT_EQ(received, sent);
  EXPECT_EQ(device_->Hash(memory->data(), sent.size()), HashBytes(sent));
  device_->FillBytes(memory->data() + 1, 999, 0xFF);
  device_->Download(received, memory->data());
  EXPECT_EQ(received.front(), sent.front());
  EXPECT_EQ(received.back(), sent.back());
  EXPECT_EQ(std::count(received.begin() + 1, received.end() - 1, std::byte{0xFF}), 999);
}

TEST_F(HostDeviceTest, RefusesMoreMemoryThanThereIs) {
  const std::size_t too_much = HostFreeBytes().value() * 2;
  ASSERT_GT(too_much, 0u);
  try {
    device_->Allocate(too_much);
    FAIL() << "allocated " << too_much << " bytes";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(too_much) + " bytes could not be allocated"));
    EXPECT_FALSE(error.sticky);
  }
}

TEST_F(HostDeviceTest, PassesLaneOrdersOn) {
  device_->SetLaneOrder(LaneOrder::kShuffled, 17);
  EXPECT_EQ(simt::GetOptions().order, simt::LaneOrder::kShuffled);
  EXPECT_EQ(simt::GetOptions().seed, 17u);
  EXPECT_EQ(simt::GetOptions().threads, 3) << "the number of threads must survive";
  device_->SetLaneOrder(LaneOrder::kReverse, 0);
  EXPECT_EQ(simt::GetOptions().order, simt::LaneOrder::kReversed);
  device_->SetLaneOrder(LaneOrder::kForward, 0);
  EXPECT_EQ(simt::GetOptions().order, simt::LaneOrder::kForward);
}

TEST(MakeHostDevice, TakesAllCoresByDefaultAndRefusesNonsense) {
  EXPECT_GE(MakeHostDevice()->info().num_sms, 1);
  EXPECT_THROW(MakeHostDevice(-1), DeviceError);
  EXPECT_THROW(MakeHostDevice(1025), DeviceError);
}

TEST(HostMemory, IsLessFreeThanThereIs) {
  ASSERT_TRUE(HostFreeBytes());
  EXPECT_GT(*HostFreeBytes(), 0u);
  EXPECT_LE(*HostFreeBytes(), HostTotalBytes());
}

// A folder in place of / with these files.
class HostFree : public ::testing::Test {
 protected:
  HostFree() { fs::create_directories(root_); }
  ~HostFree() override { fs::remove_all(root_); }
  void Write(const fs::path& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  const fs::path root_ = fs::temp_directory_path() / ("assay-host-free-" + std::to_string(getpid()));
};

TEST_F(HostFree, UnknownIsNotNone) {
  EXPECT_EQ(HostFreeBytes(root_), std::nullopt) << "there is no /proc";
  Write("proc/meminfo", "MemTotal:       16 kB\nMemAvailable:    8 kB\n");
  EXPECT_EQ(HostFreeBytes(root_), 8192u);
  Write("proc/meminfo", "MemTotal:       16 kB\nMemAvailable:    0 kB\n");
  EXPECT_EQ(HostFreeBytes(root_), 0u);
}

TEST_F(HostFree, AFullControlGroupHasNone) {
  Write("proc/meminfo", "MemAvailable:    8 kB\n");
  Write("sys/fs/cgroup/memory.max", "4096\n");
  Write("sys/fs/cgroup/memory.current", "5000\n");
  EXPECT_EQ(HostFreeBytes(root_), 0u);
  Write("sys/fs/cgroup/memory.stat", "anon 3000\ninactive_file 2000\n");
  EXPECT_EQ(HostFreeBytes(root_), 4096u - 3000u) << "file cache is given back";
  Write("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(HostFreeBytes(root_), 8192u);
}

}  // namespace
}  // namespace assay
