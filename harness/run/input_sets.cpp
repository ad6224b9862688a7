#include "harness/run/input_sets.h"

#include <fmt/format.h>

#include "harness/run/random_inputs.h"
#include "reference/dtype.h"

namespace assay {

InputSets::InputSets(Device& device, const Case& c, std::uint64_t first_seed, int count,
                     const InputSource& source)
    : dtype_(c.dtype), first_seed_(first_seed) {
  const std::vector<TensorSpec> specs = c.problem.op->Inputs(c.problem);
  for (int i = 0; i < count; ++i) {
    Set& set = sets_.emplace_back();
    const std::uint64_t seed = SeedOf(static_cast<std::size_t>(i));
    const auto bits = source ? source(c, seed) : std::make_shared<const TensorBits>(RandomInputBits(c, seed));
    for (std::size_t t = 0; t < specs.size(); ++t) {
      set.pointers.push_back(nullptr);
      set.hashes.push_back(0);
      set.buffers.emplace_back();
      if (!specs[t].present) continue;
      set.buffers[t] = std::make_unique<GuardedBuffer>(device, (*bits)[t].size());
      set.buffers[t]->Upload((*bits)[t]);
      set.pointers[t] = set.buffers[t]->data();
      set.hashes[t] = set.buffers[t]->Hash();
      if (specs[t].role == TensorRole::kActivation) {
        set.activations.push_back({set.buffers[t]->data(), set.buffers[t]->size()});
        set.activation_places.push_back(t);
      }
    }
  }
}

void InputSets::PutSpikes(std::size_t i, std::uint64_t seed, Spikes& spikes) const {
  const Set& set = sets_[i];
  for (std::size_t a = 0; a < set.activations.size(); ++a) {
    spikes.Put(set.activations[a].data, set.activations[a].bytes, dtype_,
               SpikeSeed(seed, set.activation_places[a]));
  }
}

std::string InputSets::CheckIntact() const {
  for (const Set& set : sets_) {
    for (std::size_t t = 0; t < set.buffers.size(); ++t) {
      if (!set.buffers[t]) continue;
      if (set.buffers[t]->CheckGuards())
        return fmt::format("memory beside input {} was overwritten while timing", t);
      if (set.buffers[t]->Hash() != set.hashes[t]) return fmt::format("input {} was changed while timing", t);
    }
  }
  return {};
}

std::size_t GuardedBytes(std::size_t bytes) { return bytes + 2 * GuardedBuffer::kGuardBytes; }

std::size_t InputSetBytes(const Case& c) {
  std::size_t bytes = 0;
  for (const TensorSpec& spec : c.problem.op->Inputs(c.problem)) {
    if (spec.present) bytes += GuardedBytes(static_cast<std::size_t>(spec.Count()) * DTypeBytes(c.dtype));
  }
  return bytes;
}

}  // namespace assay
