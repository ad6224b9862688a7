#include "harness/verify/reference_cache.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/device/spikes.h"
#include "harness/verify/rounding.h"
#include "harness/verify/tensor_io.h"
#include "reference/dtype.h"

namespace assay {
namespace {

std::string ProblemKey(const Drawing& drawing) {
  std::string key(drawing.problem->op->name());
  for (const assay_param& param : drawing.problem->params) {
    key += ' ';
    key += param.name;
    key += '=';
    key += std::to_string(param.value);
  }
  return key + ' ' + std::string(DTypeName(drawing.dtype));
}

assay_dtype ExactDType(const Drawing& drawing) { return ExactDTypeOf(drawing.dtype, drawing.promise); }

std::string Key(const char* what, const Drawing& drawing) {
  std::string key = fmt::format("{} {} kind {} seed {}", what, ProblemKey(drawing),
                                static_cast<int>(drawing.kind), drawing.seed);
  if (IsProbe(drawing.kind)) {
    const assay_promise& p = drawing.promise;
    key += fmt::format(" promise {} {} {} {}", static_cast<int>(p.operand), static_cast<int>(p.accumulator),
                       p.rounds_intermediate, p.rounds_sums);
  }
  if (drawing.kind == FillKind::kExact) key += fmt::format(" as {}", DTypeName(ExactDType(drawing)));
  if (drawing.change)
    key += fmt::format(" change {} {}", static_cast<int>(*drawing.change), drawing.change_number);
  if (drawing.spikes)
    key += fmt::format(" spikes {} {}", LayoutName(drawing.spikes->layout), drawing.spikes->seed);
  return key;
}

void PutSpikes(const Drawing& drawing, std::vector<TensorVector<float>>& inputs) {
  const std::vector<TensorSpec> specs = drawing.problem->op->Inputs(*drawing.problem);
  for (std::size_t t = 0; t < specs.size(); ++t) {
    if (specs[t].role != TensorRole::kActivation || inputs[t].empty()) continue;
    const SpikeRun run = SpikesOf(inputs[t].size(), SpikeSeed(drawing.spikes->seed, t));
    for (std::size_t i = 0; i < run.count; ++i) {
      const auto place = static_cast<std::int64_t>(run.first + i);
      inputs[t][static_cast<std::size_t>(LogicalIndex(specs[t], drawing.spikes->layout, place))] =
          run.Value(i);
    }
  }
}

std::size_t ReferenceBytes(const Drawing& drawing, const std::vector<TensorSpec>& outputs) {
  const std::size_t element = HasExactReference(drawing) ? sizeof(float) : sizeof(double) + sizeof(float);
  std::size_t bytes = 0;
  for (const TensorSpec& spec : outputs) bytes += static_cast<std::size_t>(spec.Count()) * element;
  return bytes;
}

}  // namespace

bool HasExactReference(const Drawing& drawing) {
  if (!IsProbe(drawing.kind)) return drawing.kind == FillKind::kExact;
  return drawing.problem->op
      ->ExpectationOf(*drawing.problem, drawing.dtype, drawing.promise, drawing.kind, drawing.seed)
      .exact;
}

std::vector<TensorVector<float>> DrawInputs(const Drawing& drawing) {
  const Problem& problem = *drawing.problem;
  std::vector<TensorVector<float>> inputs;
  if (IsProbe(drawing.kind)) {
    const std::vector<TensorSpec> specs = problem.op->Inputs(problem);
    inputs.resize(specs.size());
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (!specs[i].present) continue;
      inputs[i].resize(static_cast<std::size_t>(specs[i].Count()));
      problem.op->FillProbe(problem, static_cast<int>(i), drawing.dtype, drawing.promise, drawing.kind,
                            drawing.seed, inputs[i]);
    }
  } else {
    const assay_dtype dtype = drawing.kind == FillKind::kExact ? ExactDType(drawing) : drawing.dtype;
    inputs = FillInputs(problem, dtype, drawing.kind, drawing.seed);
  }
  if (drawing.change && !problem.op->ChangeOneElement(problem, drawing.dtype, drawing.kind, *drawing.change,
                                                      drawing.seed + drawing.change_number, inputs)) {
    throw NothingToChange();
  }
  if (drawing.spikes) PutSpikes(drawing, inputs);
  return inputs;
}

template <class T>
std::shared_ptr<const T> ReferenceCache::Lookup(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  found->second.used = ++clock_;
  return std::static_pointer_cast<const T>(found->second.value);
}

void ReferenceCache::Keep(const std::string& key, const Drawing& drawing, std::shared_ptr<const void> value,
                          std::size_t bytes, bool cheap) {
  entries_[key] = Entry{std::move(value), bytes, ProblemKey(drawing), cheap, ++clock_};
  held_ += bytes;
}

bool ReferenceCache::MakeRoom(std::size_t bytes, const std::string& problem, bool cheap) {
  if (bytes > budget_) return false;
  const auto evict_oldest = [&](const auto& may_go) {
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (may_go(it->second) && (oldest == entries_.end() || it->second.used < oldest->second.used))
        oldest = it;
    }
    if (oldest == entries_.end()) return false;
    held_ -= oldest->second.bytes;
    entries_.erase(oldest);
    return true;
  };
  while (held_ + bytes > budget_) {
    const bool evicted = evict_oldest([&](const Entry& entry) { return entry.problem != problem; }) ||
                         (!cheap && evict_oldest([](const Entry& entry) { return entry.cheap; }));
    if (!evicted) return false;
  }
  return true;
}

std::shared_ptr<const ReferenceCache::LogicalInputs> ReferenceCache::Inputs(const Drawing& drawing) {
  const std::string key = Key("inputs", drawing);
  if (key == last_key_) return last_inputs_;
  auto inputs = Lookup<LogicalInputs>(key);
  if (inputs == nullptr) {
    last_inputs_ = nullptr;  // two sets need not be held at once
    last_key_.clear();
    inputs = std::make_shared<const LogicalInputs>(DrawInputs(drawing));
    std::size_t bytes = 0;
    for (const auto& tensor : *inputs) bytes += tensor.size() * sizeof(float);
    if (MakeRoom(bytes, ProblemKey(drawing), true)) Keep(key, drawing, inputs, bytes, true);
  }
  last_key_ = key;
  last_inputs_ = inputs;
  return inputs;
}

std::shared_ptr<const TensorBits> ReferenceCache::InputBits(const Drawing& drawing, assay_layout layout) {
  const std::string key = Key("bits", drawing) + ' ' + std::string(LayoutName(layout));
  if (auto kept = Lookup<TensorBits>(key)) return kept;
  const auto inputs = Inputs(drawing);
  const std::vector<TensorSpec> specs = drawing.problem->op->Inputs(*drawing.problem);
  TensorBits bits;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    bits.push_back(ToDeviceBits(specs[i], (*inputs)[i], drawing.dtype, layout));
    bytes += bits.back().size();
  }
  auto made = std::make_shared<const TensorBits>(std::move(bits));
  if (MakeRoom(bytes, ProblemKey(drawing), true)) Keep(key, drawing, made, bytes, true);
  return made;
}

std::shared_ptr<const Reference> ReferenceCache::Find(const Drawing& drawing) {
  const std::string key = Key("reference", drawing);
  if (auto kept = Lookup<Reference>(key)) return kept;
  const std::vector<TensorSpec> specs = drawing.problem->op->Outputs(*drawing.problem);
  const std::size_t bytes = ReferenceBytes(drawing, specs);
  // Inputs that are kept take room too, so they come first: what is left is the reference's until it is kept.
  Inputs(drawing);
  if (!MakeRoom(bytes, ProblemKey(drawing), false)) return nullptr;

  const bool exact = HasExactReference(drawing);
  auto made = std::make_shared<Reference>(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto count = static_cast<std::size_t>(specs[i].Count());
    OutputReference& output = (*made)[i];
    if (exact) {
      output.expected = HostArray<float>(count);
    } else {
      output.reference = HostArray<double>(count);
      output.magnitude = HostArray<float>(count);
    }
  }
  Evaluate(drawing, [&](int index, std::int64_t first, std::span<const double> reference,
                        std::span<const double> magnitude) {
    OutputReference& output = (*made)[static_cast<std::size_t>(index)];
    const auto at = static_cast<std::size_t>(first);
    if (exact) {
      RoundAll(reference, drawing.dtype, output.expected.span().subspan(at, reference.size()));
    } else {
      std::copy(reference.begin(), reference.end(), output.reference.data() + at);
      RoundUpAll(magnitude, output.magnitude.span().subspan(at, magnitude.size()));
    }
  });
  Keep(key, drawing, made, bytes, false);
  return made;
}

void ReferenceCache::Evaluate(const Drawing& drawing, const OutputSink& sink) {
  const auto inputs = Inputs(drawing);
  std::vector<std::span<const float>> views(inputs->begin(), inputs->end());
  ++evaluations_;
  // Exact comparisons take numbers; the magnitudes, half of the work, are for the bound.
  if (HasExactReference(drawing)) {
    drawing.problem->op->EvaluateValues(*drawing.problem, views, sink);
  } else {
    drawing.problem->op->Evaluate(*drawing.problem, views, sink);
  }
}

void ReferenceCache::Clear() {
  entries_.clear();
  held_ = 0;
  last_key_.clear();
  last_inputs_ = nullptr;
}

}  // namespace assay
