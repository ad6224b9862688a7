// Device memory for one tensor between two guard zones of known content: a write past either end shows in the
// zone, and a value read past either end is NaN, so that it shows in the result.
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
  // Each guard zone is this large: more than a tile's worth of overrun in any variant. A multiple of 512, so
  // that data() keeps the allocation's alignment.
  static constexpr std::size_t kGuardBytes = 64 * 1024;
  static_assert(kGuardBytes % 512 == 0);
  // What every two bytes of a zone hold, low byte first. NaN in fp32, fp16 and bf16, and not the poison's
  // 0xFFFF.
  static constexpr std::uint16_t kGuardPattern = 0xFFE5;
  // 0xFF in every byte is NaN in fp32, fp16 and bf16.
  static constexpr unsigned char kPoisonByte = 0xFF;

  // It begins `offset` bytes behind an address that is aligned to what the device allocates at.
  GuardedBuffer(Device& device, std::size_t bytes, std::size_t offset = 0);

  std::byte* data() const { return front() + kGuardBytes; }
  std::size_t size() const { return bytes_; }

  void Upload(std::span<const std::byte> from) { device_->Upload(data(), from); }
  void Download(std::span<std::byte> to) const { device_->Download(to, data()); }
  void Fill(unsigned char byte) { device_->FillBytes(data(), bytes_, byte); }
  void PoisonWithNaN() { Fill(kPoisonByte); }
  std::uint64_t Hash() const { return device_->Hash(data(), bytes_); }

  struct Overrun {
    std::int64_t
        offset;  // of the first wrong byte relative to data(): negative before it, >= size() behind it
    std::int64_t count;  // wrong bytes in both zones together
  };
  // Nothing if both zones are intact.
  std::optional<Overrun> CheckGuards() const;

 private:
  std::byte* front() const { return memory_->data() + offset_; }  // the guard zone before it

  Device* device_;
  std::size_t bytes_, offset_;
  std::unique_ptr<DeviceMemory> memory_;
};

}  // namespace assay
