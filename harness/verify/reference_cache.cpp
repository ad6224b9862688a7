#include "harness/verify/reference_cache.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/device/spikes.h"
#include "harness/verify/compare.h"
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
  // What variants of different promises share.
  if (IsProbe(drawing.kind)) {
    key += fmt::format(" of {} {}", HasExactReference(drawing) ? "exact" : "bounded",
                       drawing.problem->op->ProbeKey(*drawing.problem, drawing.dtype, drawing.promise,
                                                     drawing.kind, drawing.seed));
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

std::size_t ElementsOf(const std::vector<TensorSpec>& specs) {
  std::size_t count = 0;
  for (const TensorSpec& spec : specs) count += static_cast<std::size_t>(spec.Count());
  return count;
}

constexpr assay_layout kLayouts[] = {ASSAY_NCHW, ASSAY_NHWC};

// Exact values are of a layout.
std::string ReferenceKey(const Drawing& drawing, assay_layout layout) {
  return Key("reference", drawing) + ' ' + std::string(LayoutName(layout));
}

std::string BitsKey(const Drawing& drawing, assay_layout layout) {
  return Key("bits", drawing) + ' ' + std::string(LayoutName(layout));
}

TensorVector<float> ToLogical(const TensorSpec& spec, std::span<const std::byte> bits, assay_dtype dtype,
                              assay_layout layout) {
  TensorVector<float> values(static_cast<std::size_t>(spec.Count()));
  FromDeviceBits(spec, bits, dtype, layout, values);
  return values;
}

// Below this, starting threads costs more than it saves.
constexpr std::int64_t kManyElements = 1 << 16;

template <class Value>
std::int64_t CountIdle(std::span<const Value> values, const Drawing& drawing) {
  if (IsProbe(drawing.kind)) return 0;
  return CountAmong<Value>(values, drawing.problem->op->IdleValues(*drawing.problem));
}

bool HasNaN(std::span<const float> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  std::int64_t found = 0;
#pragma omp parallel for simd schedule(static) reduction(+ : found) if (parallel : size > kManyElements)
  for (std::int64_t i = 0; i < size; ++i) {
    const float value = values[static_cast<std::size_t>(i)];
    found += value != value ? 1 : 0;
  }
  return found != 0;
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

template <class MayGo>
bool ReferenceCache::EvictOldest(const MayGo& may_go) {
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (may_go(it->second) && (oldest == entries_.end() || it->second.used < oldest->second.used))
      oldest = it;
  }
  if (oldest == entries_.end()) return false;
  held_ -= oldest->second.bytes;
  entries_.erase(oldest);
  return true;
}

bool ReferenceCache::MakeRoom(std::size_t bytes, const std::string& problem, bool cheap) {
  if (bytes > budget_) return false;
  const auto of_others = [&](const Entry& entry) { return entry.problem != problem; };
  std::size_t own = 0;
  for (const auto& [key, entry] : entries_) own += of_others(entry) ? 0 : entry.bytes;
  while (held_ - own > of_others_ && EvictOldest(of_others)) {
  }
  while (held_ + bytes > budget_) {
    const bool evicted =
        EvictOldest(of_others) || (!cheap && EvictOldest([](const Entry& entry) { return entry.cheap; }));
    if (!evicted) return false;
  }
  return true;
}

std::shared_ptr<const ReferenceCache::LogicalInputs> ReferenceCache::Inputs(const Drawing& drawing) {
  const std::string key = Key("inputs", drawing);
  if (key == last_key_) return last_inputs_;
  const InStage stage(clock_of_stages_, "inputs");
  last_inputs_ = nullptr;  // two sets need not be held at once
  last_key_.clear();
  const std::vector<TensorSpec> specs = drawing.problem->op->Inputs(*drawing.problem);
  LogicalInputs inputs;
  for (const assay_layout layout : kLayouts) {
    const auto bits = Lookup<TensorBits>(BitsKey(drawing, layout));
    if (!bits) continue;
    // They hold the same numbers, and are read faster than drawn.
    for (std::size_t i = 0; i < specs.size(); ++i)
      inputs.push_back(ToLogical(specs[i], (*bits)[i], drawing.dtype, layout));
    break;
  }
  if (inputs.empty()) inputs = DrawInputs(drawing);
  last_inputs_ = std::make_shared<const LogicalInputs>(std::move(inputs));
  last_key_ = key;
  return last_inputs_;
}

std::shared_ptr<const TensorBits> ReferenceCache::InputBits(const Drawing& drawing, assay_layout layout) {
  const std::string key = BitsKey(drawing, layout);
  if (auto kept = Lookup<TensorBits>(key)) return kept;
  const InStage stage(clock_of_stages_, "inputs");
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

std::shared_ptr<const Reference> ReferenceCache::Find(const Drawing& drawing, assay_layout layout) {
  const bool exact = HasExactReference(drawing);
  const std::string key = exact ? ReferenceKey(drawing, layout) : Key("reference", drawing);
  if (auto kept = Lookup<Reference>(key)) return kept;
  const InStage stage(clock_of_stages_, "reference");
  const std::size_t elements = ElementsOf(drawing.problem->op->Outputs(*drawing.problem));
  const std::size_t element = exact ? DTypeBytes(drawing.dtype) : sizeof(double) + sizeof(float);
  // Exact values are numbers first.
  const std::size_t on_the_way = exact ? elements * sizeof(float) : 0;
  if (!MakeRoom(elements * element + on_the_way, ProblemKey(drawing), false)) return nullptr;
  auto made = exact ? MakeExact(drawing, layout) : MakeBounded(drawing);
  Keep(key, drawing, made, elements * element, false);
  return made;
}

std::shared_ptr<const Reference> ReferenceCache::MakeExact(const Drawing& drawing, assay_layout layout) {
  const std::vector<TensorSpec> specs = drawing.problem->op->Outputs(*drawing.problem);
  auto made = std::make_shared<Reference>(specs.size());
  // Another layout has the same numbers.
  for (const assay_layout other : kLayouts) {
    const auto kept = Lookup<Reference>(ReferenceKey(drawing, other));
    if (!kept) continue;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const OutputReference& from = (*kept)[i];
      const auto values = ToLogical(specs[i], from.bits, drawing.dtype, other);
      (*made)[i].bits = ToDeviceBits(specs[i], values, drawing.dtype, layout);
      (*made)[i].has_nan = from.has_nan;
      (*made)[i].idle = from.idle;
    }
    return made;
  }
  std::vector<TensorVector<float>> values;
  for (const TensorSpec& spec : specs) values.emplace_back(static_cast<std::size_t>(spec.Count()));
  Evaluate(drawing, [&](int index, std::int64_t first, std::span<const double> reference,
                        std::span<const double> /*magnitude*/) {
    const std::span<float> all = values[static_cast<std::size_t>(index)];
    RoundAll(reference, drawing.dtype, all.subspan(static_cast<std::size_t>(first), reference.size()));
  });
  for (std::size_t i = 0; i < specs.size(); ++i) {
    OutputReference& output = (*made)[i];
    output.bits = ToDeviceBits(specs[i], values[i], drawing.dtype, layout);
    output.has_nan = HasNaN(values[i]);
    output.idle = CountIdle(std::span<const float>(values[i]), drawing);
  }
  return made;
}

std::shared_ptr<const Reference> ReferenceCache::MakeBounded(const Drawing& drawing) {
  const std::vector<TensorSpec> specs = drawing.problem->op->Outputs(*drawing.problem);
  auto made = std::make_shared<Reference>(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto count = static_cast<std::size_t>(specs[i].Count());
    (*made)[i].reference = HostArray<double>(count);
    (*made)[i].magnitude = HostArray<float>(count);
  }
  Evaluate(drawing, [&](int index, std::int64_t first, std::span<const double> reference,
                        std::span<const double> magnitude) {
    OutputReference& output = (*made)[static_cast<std::size_t>(index)];
    const auto at = static_cast<std::size_t>(first);
    std::copy(reference.begin(), reference.end(), output.reference.data() + at);
    RoundUpAll(magnitude, output.magnitude.span().subspan(at, magnitude.size()));
  });
  for (OutputReference& output : *made)
    output.idle = CountIdle(std::span<const double>(output.reference.span()), drawing);
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
  ReleaseFreedTensors();
}

}  // namespace assay
