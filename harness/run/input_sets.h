// The inputs that timed launches take in turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/config/case.h"
#include "harness/device/device.h"
#include "harness/device/guarded_buffer.h"
#include "harness/device/spikes.h"
#include "harness/worker/executor.h"
#include "reference/tensor_vector.h"

namespace assay {

// The random inputs of a seed, as device memory holds them.
using InputSource = std::function<std::shared_ptr<const TensorBits>(const Case& c, std::uint64_t seed)>;

// Set i holds the random inputs of seed first_seed + i, so that judging the last launch's output can use a
// reference that judging made before.
class InputSets {
 public:
  // `source`: where inputs come from that were drawn before; empty: they are drawn.
  InputSets(Device& device, const Case& c, std::uint64_t first_seed, int count,
            const InputSource& source = {});

  std::size_t count() const { return sets_.size(); }
  std::uint64_t SeedOf(std::size_t i) const { return first_seed_ + i; }
  const std::vector<const void*>& Pointers(std::size_t i) const { return sets_[i].pointers; }
  const std::vector<DeviceRange>& Activations(std::size_t i) const { return sets_[i].activations; }

  // As a Drawing with the same spikes has them.
  void PutSpikes(std::size_t i, std::uint64_t seed, Spikes& spikes) const;

  // One sentence if a launch changed an input or wrote beside it; empty: none did.
  std::string CheckIntact() const;

 private:
  struct Set {
    std::vector<std::unique_ptr<GuardedBuffer>> buffers;
    std::vector<const void*> pointers;
    std::vector<std::uint64_t> hashes;
    std::vector<DeviceRange> activations;
    std::vector<std::size_t> activation_places;  // among the inputs
  };
  assay_dtype dtype_ = ASSAY_F32;
  std::uint64_t first_seed_;
  std::vector<Set> sets_;
};

// Of a buffer with its guard zones, and of one set of a case's inputs.
std::size_t GuardedBytes(std::size_t bytes);
std::size_t InputSetBytes(const Case& c);

}  // namespace assay
