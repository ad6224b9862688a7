#include "harness/device/guarded_buffer.h"

#include <array>
#include <cstring>
#include <limits>
#include <vector>

namespace assay {
namespace {

using Zone = std::array<std::byte, GuardedBuffer::kGuardBytes>;

const Zone& IntactZone() {
  static const Zone zone = [] {
    Zone z;
    for (std::size_t i = 0; i < z.size(); ++i) {
      z[i] = static_cast<std::byte>(i % 2 == 0 ? GuardedBuffer::kGuardPattern & 0xFF
                                               : GuardedBuffer::kGuardPattern >> 8);
    }
    return z;
  }();
  return zone;
}

std::size_t WithGuards(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() - 2 * GuardedBuffer::kGuardBytes) {
    throw DeviceError("a buffer of " + std::to_string(bytes) + " bytes is larger than any address space");
  }
  return bytes + 2 * GuardedBuffer::kGuardBytes;
}

}  // namespace

GuardedBuffer::GuardedBuffer(Device& device, std::size_t bytes, std::size_t offset)
    : device_(&device), bytes_(bytes), offset_(offset), memory_(device.Allocate(WithGuards(bytes) + offset)) {
  device_->Upload(front(), IntactZone());
  device_->Upload(data() + bytes_, IntactZone());
}

std::optional<GuardedBuffer::Overrun> GuardedBuffer::CheckGuards() const {
  const struct {
    const std::byte* at;
    std::int64_t offset;
  } zones[] = {{front(), -static_cast<std::int64_t>(kGuardBytes)},
               {data() + bytes_, static_cast<std::int64_t>(bytes_)}};
  std::vector<std::byte> found(kGuardBytes);
  std::optional<Overrun> overrun;
  for (const auto& zone : zones) {
    device_->Download(found, zone.at);
    if (std::memcmp(found.data(), IntactZone().data(), kGuardBytes) == 0) continue;
    for (std::size_t i = 0; i < kGuardBytes; ++i) {
      if (found[i] == IntactZone()[i]) continue;
      if (!overrun) overrun = Overrun{zone.offset + static_cast<std::int64_t>(i), 0};
      ++overrun->count;
    }
  }
  return overrun;
}

}  // namespace assay
