// Runs kernels in a worker process, and starts another one when a kernel has taken it down.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "harness/worker/executor.h"
#include "harness/worker/remote_device.h"
#include "harness/worker/worker_link.h"

namespace assay {

struct WorkerOptions {
  std::string device = "auto";               // as --device takes it
  std::vector<std::filesystem::path> packs;  // opened in this order
  std::vector<std::string> wrapper;  // a command that runs the worker, as compute-sanitizer with its options
};

class RemoteExecutor final : public Executor {
 public:
  // Throws ConfigError for a device argument that is none, DeviceError if there is no such device.
  explicit RemoteExecutor(const WorkerOptions& options);

  Device& device() override { return device_; }
  const std::vector<Pack>& packs() const override { return packs_; }
  std::vector<std::pair<std::string, std::string>> DescribeDevice() override;
  std::string WhyNot(VariantId variant, const assay_problem& problem) override;
  std::vector<TileAxis> Tile(VariantId variant, const assay_problem& problem) override;
  std::vector<Configuration> Configurations(VariantId variant, const assay_problem& problem) override;
  std::unique_ptr<Plan> Create(VariantId variant, const assay_problem& problem,
                               const std::string& configuration) override;
  std::vector<Measurement> Measure(const MeasureSettings& settings, std::span<const TimedLaunches> candidates,
                                   BenchmarkLog* log) override;
  void LaunchBackToBack(const TimedLaunches& launches, std::size_t first, std::size_t count) override;
  double EmptyLaunchSeconds() override;
  Ceilings MeasureCeilings() override;
  void BeginCase(const std::string& id, double limit_seconds) override;
  void ContinueCase(const std::string& id, double limit_seconds) override;
  std::string TakeOutput() override { return link_.TakeOutput(); }
  void OpenRange(ProfileRange::Kind kind, const std::string& message, std::uint64_t payload) override;
  void CloseRange() noexcept override;
  void Restart() override;
  std::uint64_t generation() const override { return link_.generation(); }

  // What a person should know of the choice of device; may be empty.
  const std::string& note() const { return note_; }

 private:
  void Start();
  Pack OpenOne(const std::filesystem::path& path);

  WorkerOptions options_;
  WorkerLink link_;
  RemoteDevice device_;
  std::vector<Pack> packs_;
  std::map<std::string, std::string>
      crashing_;  // packs that take a worker down when they are opened, and how
  std::vector<nlohmann::json> ranges_;
  std::string note_;
  std::string surroundings_;  // of the worker, when it had opened its packs
};

}  // namespace assay
