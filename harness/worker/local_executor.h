// Runs kernels in this process: what a worker does, and what tests with packs of their own do.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/worker/executor.h"

namespace assay {

class LocalExecutor : public Executor {
 public:
  LocalExecutor(std::unique_ptr<Device> device, std::vector<Pack> packs);
  ~LocalExecutor() override;

  Device& device() override { return *device_; }
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
  double EmptyLaunchSeconds() override { return assay::EmptyLaunchSeconds(*device_); }
  Ceilings MeasureCeilings() override { return assay::MeasureCeilings(*device_); }
  void OpenRange(ProfileRange::Kind kind, const std::string& message, std::uint64_t payload) override;
  void CloseRange() noexcept override { ranges_.pop_back(); }
  // A process cannot repair its own device.
  void Restart() override;

  void AddPack(Pack pack) { packs_.push_back(std::move(pack)); }
  // Called with the place of the candidate that Measure() launches, whenever it changes.
  void OnCandidate(std::function<void(std::size_t)> callback) { on_candidate_ = std::move(callback); }

 private:
  const assay_variant& Row(VariantId variant) const;

  std::unique_ptr<Device> device_;
  std::vector<Pack> packs_;
  std::vector<std::unique_ptr<ProfileRange>> ranges_;
  std::function<void(std::size_t)> on_candidate_;
};

// What `supports` says; empty: yes.
std::string WhyNotSupported(const assay_variant& row, const assay_problem& problem,
                            const assay_device_info& device);

// The sampler's view of a plan to be timed. `launches`, `device` and the plan outlive it.
Candidate MakeCandidate(const TimedLaunches& launches, Device& device);

}  // namespace assay
