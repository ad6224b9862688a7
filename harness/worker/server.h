// The worker's side: does what the supervisor asks for on its device, and answers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "harness/worker/channel.h"
#include "harness/worker/local_executor.h"
#include "harness/worker/wire.h"

namespace assay {

class WorkerServer {
 public:
  explicit WorkerServer(SharedBlock block);

  // The answer to one request; an error of any kind is one.
  nlohmann::json Answer(const nlohmann::json& request);

 private:
  using Json = nlohmann::json;
  struct OwnedPlan {
    std::unique_ptr<wire::OwnedProblem> problem;  // a variant may have kept what create() was given
    std::unique_ptr<Plan> plan;
  };

  Json Dispatch(const Json& request);
  void AddMemoryOperations();
  void AddStreamOperations();
  void AddPlanOperations();
  void AddTimingOperations();
  Json OpenDevice(const Json& request);
  Json OpenOnePack(const Json& request);
  Json CreatePlan(const Json& request);
  Json MeasureAll(const Json& request);

  Device& device() { return executor_->device(); }
  Plan& plan(const Json& request) { return *plans_.at(request.at("plan").get<std::uint64_t>()).plan; }
  void* stream(const Json& request) {
    return streams_.at(request.at("stream").get<std::uint64_t>())->handle();
  }
  TimedLaunches ReadTimed(const Json& json);

  SharedBlock block_;
  std::map<std::string, std::function<Json(const Json&)>> operations_;
  std::unique_ptr<LocalExecutor> executor_;
  std::map<std::uint64_t, std::unique_ptr<DeviceMemory>> memory_;
  std::map<std::uint64_t, std::unique_ptr<Stream>> streams_;
  std::map<std::uint64_t, OwnedPlan> plans_;
  std::uint64_t next_id_ = 1;
  std::string said_fault_;
};

// What `assay worker` does: serves the channel that it inherited until it closes. Returns the exit code.
int ServeInheritedChannel();

}  // namespace assay
