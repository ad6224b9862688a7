#include "harness/device/spikes.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "reference/dtype.h"

namespace assay {

SpikeRun SpikesOf(std::size_t elements, std::uint64_t seed) {
  SpikeRun run;
  run.count = std::min(elements, SpikeRun::kMostSpikes);
  std::mt19937_64 random(seed);
  run.first = static_cast<std::size_t>(random() % (elements - run.count + 1));
  run.signs = random();
  return run;
}

void Spikes::Put(std::byte* data, std::size_t bytes, assay_dtype dtype, std::uint64_t seed) {
  const std::size_t element = DTypeBytes(dtype);
  const SpikeRun run = SpikesOf(bytes / element, seed);
  std::array<float, SpikeRun::kMostSpikes> values{};
  for (std::size_t i = 0; i < run.count; ++i) values[i] = run.Value(i);
  std::vector<std::byte> bits(run.count * element);
  Covered covered{data + run.first * element, std::vector<std::byte>(bits.size())};
  device_->Download(covered.bits, covered.at);
  Encode({values.data(), run.count}, dtype, bits.data());
  device_->Upload(covered.at, bits);
  covered_.push_back(std::move(covered));
}

void Spikes::TakeOut() {
  // The last first: two runs may overlap.
  while (!covered_.empty()) {
    const Covered& covered = covered_.back();
    device_->Upload(covered.at, covered.bits);
    covered_.pop_back();
  }
}

}  // namespace assay
