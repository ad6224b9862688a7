#include "harness/worker/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <new>
#include <random>
#include <utility>

#include "harness/device/device_choice.h"

namespace assay {

WorkerServer::WorkerServer(SharedBlock block) : block_(std::move(block)) {
  operations_["open_device"] = [this](const Json& request) { return OpenDevice(request); };
  operations_["open_pack"] = [this](const Json& request) { return OpenOnePack(request); };
  operations_["open_range"] = [this](const Json& request) {
    executor_->OpenRange(static_cast<ProfileRange::Kind>(request.at("kind").get<int>()),
                         request.at("message"), request.at("payload"));
    return Json::object();
  };
  operations_["close_range"] = [this](const Json&) {
    executor_->CloseRange();
    return Json::object();
  };
  AddMemoryOperations();
  AddPlanOperations();
  AddTimingOperations();
}

void WorkerServer::AddMemoryOperations() {
  operations_["allocate"] = [this](const Json& request) -> Json {
    auto memory = device().Allocate(request.at("bytes"));
    const std::uint64_t address = wire::Number(memory->data());
    memory_[next_id_] = std::move(memory);
    return {{"id", next_id_++}, {"address", address}};
  };
  operations_["free"] = [this](const Json& request) {
    memory_.erase(request.at("id").get<std::uint64_t>());
    return Json::object();
  };
  operations_["free_bytes"] = [this](const Json&) -> Json { return {{"bytes", device().FreeBytes()}}; };
  operations_["upload"] = [this](const Json& request) {
    device().Upload(wire::Address(request.at("to")),
                    block_.data().first(request.at("bytes").get<std::size_t>()));
    return Json::object();
  };
  operations_["download"] = [this](const Json& request) {
    device().Download(block_.data().first(request.at("bytes").get<std::size_t>()),
                      wire::Address<const std::byte>(request.at("from")));
    return Json::object();
  };
  operations_["fill"] = [this](const Json& request) {
    device().FillBytes(wire::Address(request.at("to")), request.at("bytes"), request.at("value"));
    return Json::object();
  };
  operations_["hash"] = [this](const Json& request) -> Json {
    return {{"hash", device().Hash(wire::Address<const std::byte>(request.at("from")), request.at("bytes"))}};
  };
  operations_["synchronize"] = [this](const Json&) {
    device().Synchronize();
    return Json::object();
  };
  operations_["create_stream"] = [this](const Json&) -> Json {
    streams_[next_id_] = device().CreateStream();
    return {{"id", next_id_++}};
  };
  operations_["free_stream"] = [this](const Json& request) {
    streams_.erase(request.at("id").get<std::uint64_t>());
    return Json::object();
  };
  operations_["synchronize_stream"] = [this](const Json& request) {
    streams_.at(request.at("stream").get<std::uint64_t>())->Synchronize();
    return Json::object();
  };
  AddStreamOperations();
  operations_["lane_order"] = [this](const Json& request) {
    device().SetLaneOrder(static_cast<LaneOrder>(request.at("order").get<int>()), request.at("seed"));
    return Json::object();
  };
}

void WorkerServer::AddStreamOperations() {
  operations_["hold_stream"] = [this](const Json& request) {
    device().HoldStream(*streams_.at(request.at("stream").get<std::uint64_t>()));
    return Json::object();
  };
  operations_["release_streams"] = [this](const Json&) {
    device().ReleaseStreams();
    return Json::object();
  };
  operations_["copy_on_stream"] = [this](const Json& request) {
    device().CopyOnStream(*streams_.at(request.at("stream").get<std::uint64_t>()),
                          wire::Address(request.at("to")), wire::Address<const std::byte>(request.at("from")),
                          request.at("bytes"));
    return Json::object();
  };
}

void WorkerServer::AddPlanOperations() {
  operations_["why_not"] = [this](const Json& request) -> Json {
    const wire::OwnedProblem problem(request.at("problem"));
    return {{"why", executor_->WhyNot(wire::ReadVariantId(request.at("variant")), problem.View())}};
  };
  operations_["tile"] = [this](const Json& request) -> Json {
    const wire::OwnedProblem problem(request.at("problem"));
    Json axes = Json::array();
    for (const TileAxis& axis : executor_->Tile(wire::ReadVariantId(request.at("variant")), problem.View()))
      axes.push_back(Json::array({axis.param, axis.size}));
    return {{"axes", axes}};
  };
  operations_["configurations"] = [this](const Json& request) -> Json {
    const wire::OwnedProblem problem(request.at("problem"));
    Json list = Json::array();
    for (const Configuration& each :
         executor_->Configurations(wire::ReadVariantId(request.at("variant")), problem.View()))
      list.push_back(Json::array({each.text, each.cost}));
    return {{"list", list}};
  };
  operations_["create"] = [this](const Json& request) { return CreatePlan(request); };
  operations_["release"] = [this](const Json& request) {
    plans_.erase(request.at("plan").get<std::uint64_t>());
    return Json::object();
  };
  operations_["prepare"] = [this](const Json& request) {
    plan(request).Prepare(wire::ReadBuffers(request.at("buffers")).View(), stream(request));
    return Json::object();
  };
  operations_["launch"] = [this](const Json& request) {
    const LaunchBuffers buffers = wire::ReadBuffers(request.at("buffers"));
    plan(request).Launch(buffers.View(), stream(request));
    return Json::object();
  };
}

void WorkerServer::AddTimingOperations() {
  operations_["describe_device"] = [this](const Json&) -> Json {
    Json lines = Json::array();
    for (const auto& [name, value] : executor_->DescribeDevice()) lines.push_back(Json::array({name, value}));
    return {{"lines", lines}};
  };
  operations_["measure"] = [this](const Json& request) { return MeasureAll(request); };
  operations_["back_to_back"] = [this](const Json& request) {
    executor_->LaunchBackToBack(ReadTimed(request.at("launches")), request.at("first"), request.at("count"));
    return Json::object();
  };
  operations_["empty_launch"] = [this](const Json&) -> Json {
    return {{"seconds", executor_->EmptyLaunchSeconds()}};
  };
  operations_["ceilings"] = [this](const Json&) -> Json {
    return {{"ceilings", wire::Write(executor_->MeasureCeilings())}};
  };
}

nlohmann::json WorkerServer::OpenDevice(const Json& request) {
  DeviceChoice choice = ChooseDevice(request.at("argument"));
  if (!choice.device) return {{"usage", choice.note}};
  executor_ = std::make_unique<LocalExecutor>(std::move(choice.device), std::vector<Pack>{});
  device().ExpectTransfersOf(block_.data());
  executor_->OnCandidate([this](std::size_t place) { block_.StoreStatus(place + 1); });
  return {{"info", wire::Write(device().info())},
          {"name", device().name()},
          {"description", device().description()},
          {"can_time", device().can_time()},
          {"note", choice.note}};
}

nlohmann::json WorkerServer::OpenOnePack(const Json& request) {
  Pack pack = OpenPack(request.at("path").get<std::string>());
  Json answer = wire::Write(pack);
  executor_->AddPack(std::move(pack));
  return answer;
}

nlohmann::json WorkerServer::CreatePlan(const Json& request) {
  OwnedPlan owned;
  owned.problem = std::make_unique<wire::OwnedProblem>(request.at("problem"));
  owned.plan = executor_->Create(wire::ReadVariantId(request.at("variant")), owned.problem->View(),
                                 request.at("configuration").get<std::string>());
  const Json answer = {{"id", next_id_},
                       {"workspace_bytes", owned.plan->WorkspaceBytes()},
                       {"description", owned.plan->Describe()}};
  plans_[next_id_++] = std::move(owned);
  return answer;
}

TimedLaunches WorkerServer::ReadTimed(const Json& json) {
  TimedLaunches timed;
  timed.id = json.at("id");
  timed.number = json.at("number");
  timed.plan = &plan(json);
  for (const Json& set : json.at("sets")) timed.sets.push_back(wire::ReadBuffers(set));
  timed.outputs = wire::ReadRanges(json.at("outputs"));
  for (const Json& ranges : json.at("activations")) timed.activations.push_back(wire::ReadRanges(ranges));
  timed.dtype = static_cast<assay_dtype>(json.at("dtype").get<int>());
  return timed;
}

nlohmann::json WorkerServer::MeasureAll(const Json& request) {
  std::vector<TimedLaunches> candidates;
  for (const Json& entry : request.at("candidates")) candidates.push_back(ReadTimed(entry));
  BenchmarkLog log;
  Json measurements = Json::array();
  for (const Measurement& measurement :
       executor_->Measure(wire::ReadSettings(request.at("settings")), candidates, &log)) {
    measurements.push_back(wire::Write(measurement));
  }
  Json answer = {{"measurements", measurements}};
  if (!log.empty()) answer["log"] = log.Json();
  return answer;
}

nlohmann::json WorkerServer::Dispatch(const Json& request) {
  if (request.contains("before")) {
    for (const Json& earlier : request.at("before"))
      operations_.at(earlier.at("op").get<std::string>())(earlier);
  }
  return operations_.at(request.at("op").get<std::string>())(request);
}

nlohmann::json WorkerServer::Answer(const Json& request) {
  Json answer;
  const auto fail = [&answer](const char* kind, const std::string& sentence) {
    answer = {{"error", sentence}, {"kind", kind}};
  };
  try {
    answer = Dispatch(request);
  } catch (const DeviceError& error) {
    fail(error.sticky ? "lost" : "device", error.what());
  } catch (const VariantError& error) {
    fail("variant", error.what());
  } catch (const std::bad_alloc&) {
    fail("memory", "out of host memory");
  } catch (const std::exception& error) {
    fail("other", error.what());
  } catch (...) {
    fail("other", "an exception that is no std::exception");
  }
  // What the last launch left behind is said once.
  if (executor_) {
    std::string fault = executor_->device().LastFault();
    if (fault != said_fault_) answer["fault"] = fault;
    said_fault_ = std::move(fault);
  }
  return answer;
}

int ServeInheritedChannel() {
  constexpr int kChannelFd = 3, kMemoryFd = 4, kTripwireFd = 5;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also where a wrapper started this process
  if (::fcntl(kChannelFd, F_GETFD) < 0 || ::fcntl(kMemoryFd, F_GETFD) < 0) {
    constexpr char kUsage[] = "assay worker: `assay run` starts this; it is of no use by itself\n";
    static_cast<void>(!::write(2, kUsage, sizeof kUsage - 1));
    return 2;
  }
  SharedBlock block = SharedBlock::Adopt(kMemoryFd);
  // Not where a kernel's code would look for an inherited descriptor, nor anywhere twice.
  std::random_device random;
  const int fd = ::fcntl(kChannelFd, F_DUPFD_CLOEXEC, static_cast<int>(100 + random() % 800));
  Channel channel(fd >= 0 ? fd : kChannelFd);
  // Who writes where the channel was rings a bell.
  if (fd >= 0) ::dup2(kTripwireFd, kChannelFd);
  ::dup2(kTripwireFd, kMemoryFd);
  WorkerServer server(std::move(block));
  while (const std::optional<Message> request = channel.Receive()) {
    channel.Send({request->token, server.Answer(request->body)});
  }
  return 0;
}

}  // namespace assay
