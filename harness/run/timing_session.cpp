#include "harness/run/timing_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "harness/device/spikes.h"
#include "harness/measure/clock_check.h"
#include "harness/run/input_sets.h"
#include "harness/verify/tensor_io.h"

namespace assay {
namespace {

constexpr double kBytesPerGiB = 1024.0 * 1024 * 1024;

// One entry's outputs and workspaces: a workspace an input set if the variant keeps something of the weights
// there.
class EntryBuffers {
 public:
  EntryBuffers(Device& device, const TimingEntry& entry, const InputSets& inputs) : inputs_(&inputs) {
    const Problem& problem = entry.c->problem;
    for (const TensorSpec& spec : problem.op->Outputs(problem)) {
      outputs_.push_back(std::make_unique<GuardedBuffer>(
          device, static_cast<std::size_t>(spec.Count()) * DTypeBytes(entry.c->dtype)));
      output_pointers_.push_back(outputs_.back()->data());
    }
    const std::size_t workspace_bytes = entry.plan->WorkspaceBytes();
    for (std::size_t i = 0; workspace_bytes > 0 && i < Workspaces(entry, inputs.count()); ++i) {
      workspaces_.push_back(std::make_unique<GuardedBuffer>(device, workspace_bytes));
      workspaces_.back()->PoisonWithNaN();
    }
    PoisonOutputs();
  }

  static std::size_t BytesNeeded(const TimingEntry& entry, std::size_t sets) {
    std::size_t bytes = 0;
    for (const TensorSpec& spec : entry.c->problem.op->Outputs(entry.c->problem)) {
      bytes += GuardedBytes(static_cast<std::size_t>(spec.Count()) * DTypeBytes(entry.c->dtype));
    }
    return bytes + Workspaces(entry, sets) * GuardedBytes(entry.plan->WorkspaceBytes());
  }

  LaunchBuffers For(std::size_t set) const {
    LaunchBuffers buffers;
    buffers.inputs = inputs_->Pointers(set);
    buffers.outputs = output_pointers_;
    if (!workspaces_.empty()) {
      const GuardedBuffer& workspace = *workspaces_[workspaces_.size() == 1 ? 0 : set];
      buffers.workspace = workspace.data();
      buffers.workspace_bytes = workspace.size();
    }
    return buffers;
  }

  TimedLaunches Timed(const TimingEntry& entry, std::size_t sets) const {
    TimedLaunches timed;
    timed.id = entry.c->Id();
    timed.number = entry.number;
    timed.plan = entry.plan;
    for (std::size_t set = 0; set < sets; ++set) timed.sets.push_back(For(set));
    for (const auto& output : outputs_) timed.outputs.push_back({output->data(), output->size()});
    for (std::size_t set = 0; set < sets; ++set) timed.activations.push_back(inputs_->Activations(set));
    timed.dtype = entry.c->dtype;
    return timed;
  }

  void PoisonOutputs() {
    for (auto& output : outputs_) output->PoisonWithNaN();
  }

  std::vector<TensorVector<std::byte>> DownloadOutputs() const {
    std::vector<TensorVector<std::byte>> bits;
    for (const auto& output : outputs_) {
      bits.emplace_back(output->size());
      output->Download(bits.back());
    }
    return bits;
  }

  std::string CheckIntact() const {
    for (const auto& output : outputs_) {
      if (output->CheckGuards()) return "memory beside the output was overwritten while timing";
    }
    for (const auto& workspace : workspaces_) {
      if (workspace->CheckGuards()) return "memory beside the workspace was overwritten while timing";
    }
    return {};
  }

 private:
  static std::size_t Workspaces(const TimingEntry& entry, std::size_t sets) {
    return entry.variant->promise(entry.c->dtype).prepacks_weights ? sets : 1;
  }

  const InputSets* inputs_;
  std::vector<std::unique_ptr<GuardedBuffer>> outputs_, workspaces_;
  std::vector<void*> output_pointers_;
};

// How many input sets fit beside all entries' buffers; 0 if not even one does.
int FittingSets(const Device& device, const Sweep& sweep, std::span<const TimingEntry> entries) {
  // Measuring takes some for its own, and so do the launches (library handles, local memory).
  const double usable = 0.95 * static_cast<double>(device.FreeBytes()) - 0.5 * kBytesPerGiB -
                        static_cast<double>(MeasureScratchBytes(device.info()));
  for (int sets = sweep.measure.input_sets; sets > 0; --sets) {
    double needed = static_cast<double>(InputSetBytes(*entries[0].c)) * sets;
    for (const TimingEntry& entry : entries) {
      needed += static_cast<double>(EntryBuffers::BytesNeeded(entry, static_cast<std::size_t>(sets)));
    }
    if (needed <= usable) return sets;
  }
  return 0;
}

// What came of timing some entries side by side.
struct SharedTiming {
  std::vector<TimingResult> results;
  std::string inputs_fault;  // one of them changed the inputs that all share; empty: none did
};

// Prepares the entry for every input set. A sentence if it cannot be; empty: it is ready.
std::string PrepareEntry(const TimingEntry& entry, EntryBuffers& buffers, std::size_t sets, Stream& stream) {
  try {
    for (std::size_t set = 0; set < sets; ++set)
      entry.plan->Prepare(buffers.For(set).View(), stream.handle());
    stream.Synchronize();
    return {};
  } catch (const VariantError& error) {
    return error.what();
  }
}

// Times the launches once more with this process's own clock around everything, so that a time which the
// kernel's process made up does not stand; the outputs that are judged are those of the last of these
// launches, which takes set 0 as it is now.
void CheckByOwnClock(const TimingFunctions& functions, const TimedLaunches& launches, EntryBuffers& buffers,
                     Timing& timing) {
  using Clock = std::chrono::steady_clock;
  constexpr int kBatches = 3;
  const std::size_t sets = launches.sets.size();
  auto count = static_cast<std::size_t>(BackToBackLaunches(timing.median, timing.wall_seconds));
  count += (sets + 1 - count % sets) % sets;  // begins and ends with set 0
  double shortest = 0;
  for (int b = 0; b < kBatches; ++b) {
    buffers.PoisonOutputs();
    const auto start = Clock::now();
    functions.back_to_back(launches, 0, count);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (b == 0 || seconds < shortest) shortest = seconds;
  }
  timing.supervisor_seconds = shortest / static_cast<double>(count);
  const std::string verdict = JudgeSupervisorClock(timing, count);
  if (verdict.empty()) return;
  timing.clock_agreement = timing.clock_agreement.starts_with("disagrees")
                               ? timing.clock_agreement + "; " + verdict
                               : "disagrees: " + verdict;
}

// Apart from the seeds that sampling counts up from 0.
std::uint64_t SpikeSeedOf(const Sweep& sweep) { return sweep.verify.first_seed + (std::uint64_t{1} << 63); }

SharedTiming TimeTogether(Device& device, const Sweep& sweep, std::span<const TimingEntry> entries,
                          int set_count, const TimingFunctions& functions) {
  const InputSets inputs(device, *entries[0].c, sweep.verify.first_seed, set_count, functions.inputs);
  std::vector<EntryBuffers> buffers;
  for (const TimingEntry& entry : entries) buffers.emplace_back(device, entry, inputs);
  const std::unique_ptr<Stream> stream = device.CreateStream();
  SharedTiming shared;
  shared.results.resize(entries.size());
  std::vector<std::size_t> places;  // of the candidates among the entries
  std::vector<TimedLaunches> candidates;
  for (std::size_t e = 0; e < entries.size(); ++e) {
    const std::string unprepared = PrepareEntry(entries[e], buffers[e], inputs.count(), *stream);
    if (!unprepared.empty()) {
      shared.results[e].not_timed = "prepare failed while timing: " + unprepared;
      shared.results[e].failed = true;
      continue;
    }
    places.push_back(e);
    candidates.push_back(buffers[e].Timed(entries[e], inputs.count()));
  }

  std::vector<Measurement> measured;
  try {
    measured = functions.measure(candidates);
  } catch (const CulpritFound& found) {
    throw CulpritFound(places.at(found.candidate), found.what());
  }

  // Set 0 is now what no launch has read before: a result kept since then would be seen.
  const TimedInputs last_inputs{inputs.SeedOf(0), SpikeSeedOf(sweep)};
  Spikes spikes(device);
  inputs.PutSpikes(0, last_inputs.spikes, spikes);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::size_t e = places[i];
    TimingResult& result = shared.results[e];
    result.timing = std::move(measured[i].timing);
    if (!result.timing) {
      result.not_timed = "not timed: " + measured[i].error;
      result.failed = !measured[i].untimeable;
      continue;
    }
    try {
      CheckByOwnClock(functions, candidates[i], buffers[e], *result.timing);
    } catch (const VariantError& error) {
      result.timing.reset();
      result.not_timed = fmt::format("not timed: {}", error.what());
      result.failed = true;
      continue;
    }
    result.outputs = buffers[e].DownloadOutputs();
    result.last_inputs = last_inputs;
    result.memory_fault = buffers[e].CheckIntact();
  }
  spikes.TakeOut();
  shared.inputs_fault = inputs.CheckIntact();
  return shared;
}

std::string DoesNotFit(const Device& device, const TimingEntry& entry) {
  const std::size_t needed = InputSetBytes(*entry.c) + EntryBuffers::BytesNeeded(entry, 1);
  return fmt::format(
      "not timed: {:.1f} GiB of device memory do not fit beside what measuring needs; {:.1f} GiB are free",
      static_cast<double>(needed) / kBytesPerGiB, static_cast<double>(device.FreeBytes()) / kBytesPerGiB);
}

// On inputs of its own, so that whatever it does is its own doing.
TimingResult TimeAlone(Device& device, const Sweep& sweep, const TimingEntry& entry,
                       const TimingFunctions& functions, const std::string& why) {
  TimingResult result;
  const int sets = FittingSets(device, sweep, {&entry, 1});
  if (sets == 0) {
    result.not_timed = DoesNotFit(device, entry);
    return result;
  }
  try {
    SharedTiming shared = TimeTogether(device, sweep, {&entry, 1}, sets, functions);
    result = std::move(shared.results.front());
    if (result.memory_fault.empty()) result.memory_fault = shared.inputs_fault;
    if (result.timing)
      result.note =
          fmt::format("timed alone, on {} of {} input sets: {}", sets, sweep.measure.input_sets, why);
  } catch (const DeviceError& error) {
    if (error.sticky) throw;
    result.not_timed = fmt::format("not timed: {}", error.what());
  }
  return result;
}

}  // namespace

TimingFunctions TimingOf(Executor& executor, const MeasureSettings& settings, BenchmarkLog* log) {
  return {[&executor, &settings, log](std::span<const TimedLaunches> candidates) {
            return executor.Measure(settings, candidates, log);
          },
          [&executor](const TimedLaunches& launches, std::size_t first, std::size_t count) {
            executor.LaunchBackToBack(launches, first, count);
          },
          {}};
}

std::vector<TimingResult> TimeEntries(Device& device, const Sweep& sweep,
                                      std::span<const TimingEntry> entries,
                                      const TimingFunctions& functions) {
  if (entries.empty()) return {};
  std::string alone = "device memory does not hold all variants of the problem side by side";
  const int sets = FittingSets(device, sweep, entries);
  if (sets > 0) {
    SharedTiming shared = TimeTogether(device, sweep, entries, sets, functions);
    if (shared.inputs_fault.empty()) {
      for (TimingResult& result : shared.results) {
        if (result.timing && sets < sweep.measure.input_sets) {
          result.note = fmt::format("timed on {} of {} input sets: device memory does not hold more", sets,
                                    sweep.measure.input_sets);
        }
      }
      return std::move(shared.results);
    }
    // Whoever did it also spoilt what the others computed: each alone shows which.
    alone = "a variant timed beside it changed the shared inputs";
  }
  std::vector<TimingResult> results;
  for (std::size_t e = 0; e < entries.size(); ++e) {
    try {
      results.push_back(TimeAlone(device, sweep, entries[e], functions, alone));
    } catch (const CulpritFound& found) {
      throw CulpritFound(e, found.what());
    }
  }
  return results;
}

}  // namespace assay
