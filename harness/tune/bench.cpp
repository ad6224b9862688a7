#include "harness/tune/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/run/job.h"
#include "harness/worker/worker_process.h"
#include "reference/dtype.h"

namespace assay {

TuneBench::TuneBench(Executor& executor, const Case& c, std::span<const Contender> contenders,
                     const LimitSettings& limits)
    : executor_(executor), case_(c), contenders_(contenders), limits_(limits), lanes_(contenders.size()) {}

TuneBench::~TuneBench() = default;

std::string TuneBench::IdOf(std::size_t place) const {
  const Contender& contender = contenders_[place];
  Case c = case_;
  c.variant = contender.variant->name;
  return contender.configuration.empty() ? c.Id() : fmt::format("{}@{}", c.Id(), contender.configuration);
}

void TuneBench::MakeShared() {
  for (Lane& lane : lanes_) lane.plan.reset(), lane.workspace.reset();
  outputs_.clear();
  inputs_.reset();
  generation_ = executor_.generation();
  Device& device = executor_.device();
  stream_ = device.CreateStream();
  inputs_ = std::make_unique<InputSets>(device, case_, VerifySettings{}.first_seed, 1);
  for (const TensorSpec& spec : case_.problem.op->Outputs(case_.problem)) {
    outputs_.push_back(std::make_unique<GuardedBuffer>(
        device, static_cast<std::size_t>(spec.Count()) * DTypeBytes(case_.dtype)));
  }
}

LaunchBuffers TuneBench::BuffersOf(const Lane& lane) const {
  LaunchBuffers buffers;
  buffers.inputs = inputs_->Pointers(0);
  for (const auto& output : outputs_) buffers.outputs.push_back(output->data());
  if (lane.workspace) {
    buffers.workspace = lane.workspace->data();
    buffers.workspace_bytes = lane.workspace->size();
  }
  return buffers;
}

void TuneBench::MakeLane(std::size_t place) {
  Lane& lane = lanes_[place];
  const Contender& contender = contenders_[place];
  try {
    executor_.ContinueCase(IdOf(place), limits_.seconds + TransferSeconds(case_));
    lane.plan = executor_.Create(contender.id, case_.problem.View(case_.dtype, case_.layout),
                                 contender.configuration);
    lane.description = lane.plan->Describe();
    if (const std::size_t bytes = lane.plan->WorkspaceBytes(); bytes > 0) {
      lane.workspace = std::make_unique<GuardedBuffer>(executor_.device(), bytes);
      lane.workspace->PoisonWithNaN();
    }
    lane.plan->Prepare(BuffersOf(lane).View(), stream_->handle());
    stream_->Synchronize();
  } catch (const DeviceError& error) {
    if (error.sticky) throw;
    Fail(place, error.what());
  } catch (const std::exception& error) {
    Fail(place, error.what());
  }
}

void TuneBench::Fail(std::size_t place, const std::string& why) {
  lanes_[place].failed = why.empty() ? "failed without saying why" : why;
  lanes_[place].plan.reset();
  lanes_[place].workspace.reset();
}

std::vector<std::size_t> TuneBench::Living(std::span<const std::size_t> who) const {
  std::vector<std::size_t> living;
  for (const std::size_t place : who) {
    if (lanes_[place].failed.empty()) living.push_back(place);
  }
  return living;
}

void TuneBench::MakeReady(std::span<const std::size_t> who) {
  executor_.BeginCase(case_.Id(), limits_.seconds + 2 * TransferSeconds(case_));  // may start another worker
  if (!inputs_ || generation_ != executor_.generation()) MakeShared();
  for (const std::size_t place : who) {
    if (lanes_[place].plan || !lanes_[place].failed.empty()) continue;
    at_work_ = place;
    MakeLane(place);
  }
  at_work_.reset();
}

TimedLaunches TuneBench::Timed(std::size_t place) const {
  TimedLaunches timed;
  timed.id = IdOf(place);
  timed.number = place + 1;
  timed.plan = lanes_[place].plan.get();
  timed.sets = {BuffersOf(lanes_[place])};
  for (const auto& output : outputs_) timed.outputs.push_back({output->data(), output->size()});
  timed.activations = {inputs_->Activations(0)};
  timed.dtype = case_.dtype;
  return timed;
}

std::vector<Measurement> TuneBench::MeasureOnce(const std::vector<std::size_t>& who,
                                                const MeasureSettings& settings) {
  // Whoever takes the worker down costs a round of all: as many seconds as one that works.
  executor_.ContinueCase(case_.Id(), limits_.seconds);
  std::vector<TimedLaunches> all;
  for (const std::size_t place : who) all.push_back(Timed(place));
  if (!alone_) return executor_.Measure(settings, all, nullptr);
  std::vector<Measurement> measured;
  for (std::size_t i = 0; i < all.size(); ++i) {
    at_work_ = who[i];
    measured.push_back(executor_.Measure(settings, {&all[i], 1}, nullptr).front());
  }
  at_work_.reset();
  return measured;
}

bool TuneBench::Recover(const DeviceError& error, std::optional<std::size_t> culprit) {
  constexpr int kMostKills = 3;
  if (KilledFromOutside(error)) {
    if (++killed_ >= kMostKills) return false;
  } else if (culprit) {
    Fail(*culprit, error.what());
  } else if (!alone_) {
    alone_ = true;
  } else {
    return false;  // it is nobody's launch that the device does not bear
  }
  at_work_.reset();
  executor_.Restart();
  return true;
}

std::vector<BenchResult> TuneBench::Measure(std::span<const std::size_t> who,
                                            const MeasureSettings& settings) {
  std::vector<std::size_t> living;
  std::vector<Measurement> measured;
  for (;;) {
    try {
      MakeReady(who);
      living = Living(who);
      if (!living.empty()) measured = MeasureOnce(living, settings);
      break;
    } catch (const CulpritFound& found) {
      if (!Recover(found, at_work_ ? *at_work_ : living.at(found.candidate))) throw;
    } catch (const DeviceError& error) {
      if (!error.sticky || !Recover(error, at_work_)) throw;
    }
  }
  for (std::size_t i = 0; i < living.size(); ++i) {
    if (!measured[i].timing) Fail(living[i], measured[i].error);
  }
  std::vector<BenchResult> results;
  for (const std::size_t place : who) {
    const auto found = std::ranges::find(living, place);
    BenchResult& result = results.emplace_back();
    result.failed = lanes_[place].failed;
    if (result.failed.empty())
      result.timing = std::move(measured[static_cast<std::size_t>(found - living.begin())].timing);
  }
  return results;
}

}  // namespace assay
