// The host device with faults on demand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "harness/device/device.h"

namespace assay {

class FakeDevice : public Device {
 public:
  std::optional<std::size_t> free_bytes;  // what FreeBytes() says
  std::function<void()> on_allocate;      // may throw
  bool times = false;                     // claims that times on it say something
  std::function<void()> on_synchronize;   // of a stream or the device; may throw
  std::function<std::string()> last_fault;

  const assay_device_info& info() const override { return host_->info(); }
  std::string name() const override { return "fake"; }
  std::string description() const override { return "a host device with faults"; }
  bool can_time() const override { return times; }
  std::unique_ptr<DeviceMemory> Allocate(std::size_t bytes) override;
  std::size_t FreeBytes() const override { return free_bytes.value_or(host_->FreeBytes()); }
  void Upload(std::byte* to, std::span<const std::byte> from) override { host_->Upload(to, from); }
  void Download(std::span<std::byte> to, const std::byte* from) override { host_->Download(to, from); }
  void FillBytes(std::byte* to, std::size_t bytes, unsigned char value) override {
    host_->FillBytes(to, bytes, value);
  }
  std::uint64_t Hash(const std::byte* from, std::size_t bytes) override { return host_->Hash(from, bytes); }
  void Synchronize() override;
  std::unique_ptr<Stream> CreateStream() override;
  void CopyOnStream(Stream& stream, std::byte* to, const std::byte* from, std::size_t bytes) override {
    host_->CopyOnStream(stream, to, from, bytes);
  }
  std::string LastFault() const override { return last_fault ? last_fault() : ""; }

 private:
  std::unique_ptr<Device> host_ = MakeHostDevice(1);
};

// An error as the cuda device throws it.
DeviceError MakeError(const std::string& text, bool sticky);

}  // namespace assay
