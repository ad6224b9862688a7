// A few neighbouring elements of a tensor replaced by large values, so that the right result is another than
// that of the launch before: who hands out a kept result then is wrong, or has to notice and do the work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "harness/device/device.h"
#include "kernels/pack.h"

namespace assay {

// Element first + i, in the order of device memory, becomes +64 or -64: exact in every dtype, large beside
// random inputs, and far from overflow. A run and not one element: in long sums of low precision the error
// that is allowed would cover one.
struct SpikeRun {
  static constexpr std::size_t kMostSpikes = 64;
  std::size_t first = 0;
  std::size_t count = 0;
  std::uint64_t signs = 0;
  float Value(std::size_t i) const { return (signs >> i & 1) != 0 ? -64.0F : 64.0F; }
};
// Follows from both arguments alone.
SpikeRun SpikesOf(std::size_t elements, std::uint64_t seed);
// The seed of input `index`, where several have spikes.
inline std::uint64_t SpikeSeed(std::uint64_t seed, std::size_t index) { return seed + index; }

// Puts spikes into device memory, and puts back what stood there.
class Spikes {
 public:
  explicit Spikes(Device& device) : device_(&device) {}

  // Throws DeviceError; then nothing new is to be taken out.
  void Put(std::byte* data, std::size_t bytes, assay_dtype dtype, std::uint64_t seed);
  // All that were put since the last call. Throws DeviceError.
  void TakeOut();

 private:
  struct Covered {
    std::byte* at = nullptr;
    std::vector<std::byte> bits;
  };
  Device* device_;
  std::vector<Covered> covered_;
};

}  // namespace assay
