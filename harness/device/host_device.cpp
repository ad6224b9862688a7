// The host device: plain CPU memory, and streams that are always finished, because kernels run within
// launch().
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>
#include <optional>
#include <thread>

#include "harness/device/cpu.h"
#include "harness/device/device.h"
#include "harness/device/host_memory.h"
#include "harness/simt/simt.h"

namespace assay {
namespace {

constexpr std::align_val_t kAlignment{512};

simt::LaneOrder ToSimt(LaneOrder order) {
  switch (order) {
    case LaneOrder::kForward:
      return simt::LaneOrder::kForward;
    case LaneOrder::kReverse:
      return simt::LaneOrder::kReversed;
    case LaneOrder::kShuffled:
      return simt::LaneOrder::kShuffled;
  }
  throw std::invalid_argument("unknown lane order " + std::to_string(static_cast<int>(order)));
}

std::int64_t CacheBytes() {
  std::ifstream in("/sys/devices/system/cpu/cpu0/cache/index2/size");
  std::int64_t kilobytes = 0;
  return in >> kilobytes ? kilobytes * 1024 : 0;
}

// Where what is free is not known, an allocation has to be tried.
std::size_t FreeOrTotal() { return HostFreeBytes().value_or(HostTotalBytes()); }

class HostMemory : public DeviceMemory {
 public:
  explicit HostMemory(std::size_t bytes) : bytes_(bytes) {
    // Linux hands out more than there is and kills the process when it is touched. Asking takes longer than a
    // small allocation, which fits anyway.
    constexpr std::size_t kSmall = std::size_t{64} << 20;
    const std::optional<std::size_t> free_bytes = bytes > kSmall ? HostFreeBytes() : std::nullopt;
    if (!free_bytes || bytes <= *free_bytes) {
      const std::size_t size = std::max<std::size_t>(bytes, 1);
      data_ = static_cast<std::byte*>(::operator new(size, kAlignment, std::nothrow));
    }
    if (data_ == nullptr) {
      throw DeviceError(
          fmt::format("host: {} bytes could not be allocated, {} are free", bytes, FreeOrTotal()));
    }
  }
  ~HostMemory() override { ::operator delete(data_, kAlignment); }
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;

  std::byte* data() override { return data_; }
  std::size_t size() const override { return bytes_; }

 private:
  std::size_t bytes_;
  std::byte* data_ = nullptr;
};

class HostStream : public Stream {
 public:
  void* handle() const override { return nullptr; }
  void Synchronize() override {}
};

class HostDevice : public Device {
 public:
  explicit HostDevice(int threads) {
    info_.backend = ASSAY_BACKEND_HOST;
    info_.num_sms = threads;
    info_.shared_bytes_per_block = simt::kMaxSharedBytes;
    info_.l2_bytes = CacheBytes();
    info_.memory_bytes = static_cast<std::int64_t>(HostTotalBytes());
    SetName(info_, CpuModel());
    simt::Options options = simt::GetOptions();
    options.threads = threads;
    simt::SetOptions(options);
  }

  const assay_device_info& info() const override { return info_; }
  std::string name() const override { return "host"; }
  std::string description() const override {
    return fmt::format("{}, {} thread{}", CpuModel(), info_.num_sms, info_.num_sms == 1 ? "" : "s");
  }
  bool can_time() const override { return false; }

  std::unique_ptr<DeviceMemory> Allocate(std::size_t bytes) override {
    return std::make_unique<HostMemory>(bytes);
  }
  std::size_t FreeBytes() const override { return FreeOrTotal(); }
  void Upload(std::byte* to, std::span<const std::byte> from) override {
    if (!from.empty()) std::memcpy(to, from.data(), from.size());
  }
  void Download(std::span<std::byte> to, const std::byte* from) override {
    if (!to.empty()) std::memcpy(to.data(), from, to.size());
  }
  void FillBytes(std::byte* to, std::size_t bytes, unsigned char value) override {
    if (bytes > 0) std::memset(to, value, bytes);
  }
  std::uint64_t Hash(const std::byte* from, std::size_t bytes) override { return HashBytes({from, bytes}); }
  void Synchronize() override {}
  std::unique_ptr<Stream> CreateStream() override { return std::make_unique<HostStream>(); }
  void CopyOnStream(Stream&, std::byte* to, const std::byte* from, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  std::string LastFault() const override { return simt::LastFault(); }
  void SetLaneOrder(LaneOrder order, std::uint64_t seed) override {
    simt::Options options = simt::GetOptions();
    options.order = ToSimt(order);
    options.seed = seed;
    simt::SetOptions(options);
  }

 private:
  assay_device_info info_ = {};
};

}  // namespace

void SetName(assay_device_info& info, const std::string& name) {
  std::snprintf(info.name, sizeof info.name, "%s", name.c_str());
}

std::unique_ptr<Device> MakeHostDevice(int threads) {
  constexpr int kMostThreads = 1024;  // simt::SetOptions takes no more
  if (threads < 0 || threads > kMostThreads) {
    throw DeviceError(fmt::format("host: {} threads were asked for; 0 to {} are allowed, 0 being one a core",
                                  threads, kMostThreads));
  }
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::make_unique<HostDevice>(threads != 0 ? threads : std::clamp(cores, 1, kMostThreads));
}

}  // namespace assay
