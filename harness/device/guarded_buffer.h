// Device memory for one tensor between two guard zones of known bytes, so that a write past either end shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "harness/device/device.h"

namespace assay {

class GuardedBuffer {
 public:
  // Each guard zone is this large: more than a tile's worth of overrun in any variant.
  static constexpr std::size_t kGuardBytes = 64 * 1024;
  static constexpr unsigned char kGuardByte = 0xA5;

  GuardedBuffer(Device& device, std::size_t bytes);

  std::byte* data() const { return memory_->data() + kGuardBytes; }
  std::size_t size() const { return bytes_; }

  void Upload(std::span<const std::byte> from) { device_->Upload(data(), from); }
  void Download(std::span<std::byte> to) const { device_->Download(to, data()); }
  // 0xFF in every byte is NaN in fp32, fp16 and bf16.
  void PoisonWithNaN() { device_->FillBytes(data(), bytes_, 0xFF); }
  std::uint64_t Hash() const { return device_->Hash(data(), bytes_); }

  struct Overrun {
    std::int64_t offset;  // of the first wrong byte relative to data(): negative before it, >= size() behind it
    std::int64_t count;   // wrong bytes in both zones together
  };
  // Nothing if both zones are intact.
  std::optional<Overrun> CheckGuards() const;

 private:
  Device* device_;
  std::size_t bytes_;
  std::unique_ptr<DeviceMemory> memory_;
};

}  // namespace assay
