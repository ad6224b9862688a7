#include "harness/worker/remote_executor.h"

#include <fmt/format.h>

#include <utility>

#include "harness/worker/wire.h"

namespace assay {
namespace {

using wire::Json;

std::vector<std::string> WorkerCommand(const std::vector<std::string>& wrapper) {
  std::vector<std::string> command = wrapper;
  command.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
  command.emplace_back("worker");
  return command;
}

Json WriteTimed(const TimedLaunches& timed) {
  Json sets = Json::array(), activations = Json::array();
  for (const LaunchBuffers& set : timed.sets) sets.push_back(wire::Write(set));
  for (const auto& ranges : timed.activations) activations.push_back(wire::Write(ranges));
  return {{"id", timed.id},
          {"number", timed.number},
          {"plan", dynamic_cast<const RemotePlan&>(*timed.plan).id()},
          {"sets", sets},
          {"outputs", wire::Write(timed.outputs)},
          {"activations", activations},
          {"dtype", int{timed.dtype}}};
}

}  // namespace

RemoteExecutor::RemoteExecutor(const WorkerOptions& options)
    : options_(options), link_(WorkerCommand(options.wrapper)), device_(link_) {
  Start();
}

void RemoteExecutor::Start() {
  // Every pack that takes the worker down costs one more start, and so does somebody who kills it.
  constexpr std::size_t kSpare = 5;
  for (std::size_t attempt = 0; attempt <= options_.packs.size() + kSpare; ++attempt) {
    link_.SetCase("");
    link_.Start();
    note_ = device_.Open(options_.device);
    packs_.clear();
    for (const std::filesystem::path& path : options_.packs) {
      packs_.push_back(OpenOne(path));
      if (!link_.alive()) break;
    }
    if (link_.alive()) break;
  }
  surroundings_ = link_.Surroundings();
  for (const Json& range : ranges_) link_.Later(range, link_.generation());
}

Pack RemoteExecutor::OpenOne(const std::filesystem::path& path) {
  Pack closed;
  closed.path = path;
  closed.name = path.stem().string();
  if (const auto known = crashing_.find(path.string()); known != crashing_.end()) {
    closed.unavailable = fmt::format("{}: {}", path.string(), known->second);
    return closed;
  }
  try {
    return wire::ReadPack(link_.Call({{"op", "open_pack"}, {"path", path.string()}}, "opening the pack"));
  } catch (const WorkerLost& lost) {
    if (lost.cause != WorkerLost::Cause::kKilled) crashing_.emplace(path.string(), lost.what());
    closed.unavailable = fmt::format("{}: {}", path.string(), lost.what());
    return closed;
  }
}

void RemoteExecutor::Restart() {
  // What is known of the packs stays: a person has seen it.
  const std::vector<Pack> before = packs_;
  Start();
  if (packs_.size() == before.size()) packs_ = before;
}

std::vector<std::pair<std::string, std::string>> RemoteExecutor::DescribeDevice() {
  std::vector<std::pair<std::string, std::string>> lines;
  const Json answer = link_.Call({{"op", "describe_device"}}, "describing the device");
  for (const Json& line : answer.at("lines")) lines.emplace_back(line.at(0), line.at(1));
  return lines;
}

std::string RemoteExecutor::WhyNot(VariantId variant, const assay_problem& problem) {
  return link_
      .Call({{"op", "why_not"}, {"variant", wire::Write(variant)}, {"problem", wire::Write(problem)}},
            "supports()")
      .at("why");
}

std::vector<TileAxis> RemoteExecutor::Tile(VariantId variant, const assay_problem& problem) {
  const Json answer = link_.Call(
      {{"op", "tile"}, {"variant", wire::Write(variant)}, {"problem", wire::Write(problem)}}, "tile()");
  std::vector<TileAxis> axes;
  for (const Json& axis : answer.at("axes")) axes.push_back({axis.at(0), axis.at(1)});
  return axes;
}

std::vector<Configuration> RemoteExecutor::Configurations(VariantId variant, const assay_problem& problem) {
  const Json answer = link_.Call(
      {{"op", "configurations"}, {"variant", wire::Write(variant)}, {"problem", wire::Write(problem)}},
      "configurations()");
  std::vector<Configuration> list;
  for (const Json& each : answer.at("list")) list.push_back({each.at(0), each.at(1)});
  return list;
}

std::unique_ptr<Plan> RemoteExecutor::Create(VariantId variant, const assay_problem& problem,
                                             const std::string& configuration) {
  return std::make_unique<RemotePlan>(link_, link_.Call({{"op", "create"},
                                                         {"variant", wire::Write(variant)},
                                                         {"problem", wire::Write(problem)},
                                                         {"configuration", configuration}},
                                                        "create()"));
}

std::vector<Measurement> RemoteExecutor::Measure(const MeasureSettings& settings,
                                                 std::span<const TimedLaunches> candidates,
                                                 BenchmarkLog* log) {
  // Sampling, and the batches of the second clock; a slow kernel may need a few launches beyond its time.
  constexpr double kPerCandidate = 5;
  const double budget = static_cast<double>(candidates.size()) * (2 * settings.max_seconds + kPerCandidate);
  Json list = Json::array();
  for (const TimedLaunches& timed : candidates) list.push_back(WriteTimed(timed));
  link_.block().StoreStatus(0);
  Json answer;
  try {
    answer = link_.Call({{"op", "measure"}, {"settings", wire::Write(settings)}, {"candidates", list}},
                        "timing", budget);
  } catch (const DeviceError& error) {
    const auto* lost = dynamic_cast<const WorkerLost*>(&error);
    const bool from_outside = lost != nullptr && lost->cause == WorkerLost::Cause::kKilled;
    if (!error.sticky || from_outside) throw;
    const std::uint64_t culprit = link_.block().LoadStatus();
    if (culprit == 0 || culprit > candidates.size()) throw;
    throw CulpritFound(culprit - 1, error.what());
  }
  if (log != nullptr && answer.contains("log")) log->Add(answer.at("log"));
  std::vector<Measurement> measurements;
  for (const Json& entry : answer.at("measurements")) measurements.push_back(wire::ReadMeasurement(entry));
  return measurements;
}

void RemoteExecutor::LaunchBackToBack(const TimedLaunches& launches, std::size_t first, std::size_t count) {
  link_.Call({{"op", "back_to_back"}, {"launches", WriteTimed(launches)}, {"first", first}, {"count", count}},
             "launches back to back");
}

double RemoteExecutor::EmptyLaunchSeconds() {
  return link_.Call({{"op", "empty_launch"}}, "timing an empty kernel").at("seconds");
}

Ceilings RemoteExecutor::MeasureCeilings() {
  return wire::ReadCeilings(link_.Call({{"op", "ceilings"}}, "measuring the ceilings").at("ceilings"));
}

void RemoteExecutor::BeginCase(const std::string& id, double limit_seconds) {
  // The kernel before may have lowered a limit or taken over a signal, which would be put down to this one.
  if (link_.alive() && link_.Surroundings() != surroundings_) Restart();
  ContinueCase(id, limit_seconds);
}

void RemoteExecutor::ContinueCase(const std::string& id, double limit_seconds) {
  link_.SetCase(id);
  link_.SetLimit(limit_seconds);
}

void RemoteExecutor::OpenRange(ProfileRange::Kind kind, const std::string& message, std::uint64_t payload) {
  ranges_.push_back(
      {{"op", "open_range"}, {"kind", static_cast<int>(kind)}, {"message", message}, {"payload", payload}});
  link_.Later(ranges_.back(), link_.generation());
}

void RemoteExecutor::CloseRange() noexcept {
  ranges_.pop_back();
  link_.Later({{"op", "close_range"}}, link_.generation());
}

}  // namespace assay
