#include "harness/worker/local_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "harness/device/graph_plan.h"
#include "harness/device/spikes.h"
#include "harness/device/tile.h"

namespace assay {

assay_buffers LaunchBuffers::View() const {
  assay_buffers view{};
  view.inputs = inputs.data();
  view.num_inputs = static_cast<std::int32_t>(inputs.size());
  view.outputs = outputs.data();
  view.num_outputs = static_cast<std::int32_t>(outputs.size());
  view.workspace = workspace;
  view.workspace_bytes = workspace_bytes;
  return view;
}

std::string WhyNotSupported(const assay_variant& row, const assay_problem& problem,
                            const assay_device_info& device) {
  assay_message why{};
  if (row.supports(&problem, &device, &why) == 0) return {};
  why.text[sizeof why.text - 1] = '\0';  // a pack may have forgotten it
  return why.text[0] != '\0' ? why.text : "the variant does not say why";
}

namespace {

// No two samples of a process have the same, whosever they are: variants of one pack may keep results
// together.
std::uint64_t NextSpikeSeed() {
  static std::atomic<std::uint64_t> next{0};
  return next++;
}

}  // namespace

Candidate MakeCandidate(const TimedLaunches& launches, Device& device) {
  const auto spikes = std::make_shared<Spikes>(device);
  return {launches.id,
          [&launches](std::size_t i, void* stream) {
            launches.plan->Launch(launches.sets[i % launches.sets.size()].View(), stream);
          },
          launches.number,
          [&launches, &device] {
            for (const DeviceRange& output : launches.outputs)
              device.FillBytes(output.data, output.bytes, 0xFF);
          },
          [&launches, spikes](std::size_t i) {
            const std::vector<DeviceRange>& activations = launches.activations.at(i % launches.sets.size());
            for (const DeviceRange& activation : activations)
              spikes->Put(activation.data, activation.bytes, launches.dtype, NextSpikeSeed());
          },
          [spikes] { spikes->TakeOut(); }};
}

LocalExecutor::LocalExecutor(std::unique_ptr<Device> device, std::vector<Pack> packs)
    : device_(std::move(device)), packs_(std::move(packs)) {}

LocalExecutor::~LocalExecutor() {
  while (!ranges_.empty()) ranges_.pop_back();  // the innermost first
}

std::vector<std::pair<std::string, std::string>> LocalExecutor::DescribeDevice() {
  if (device_->info().backend != ASSAY_BACKEND_CUDA) return {};
  return DescribeGpu(device_->info().ordinal);
}

const assay_variant& LocalExecutor::Row(VariantId variant) const {
  const Pack& pack = packs_.at(variant.pack);
  if (pack.table == nullptr || variant.variant >= pack.variants.size()) {
    throw std::out_of_range(fmt::format("pack {} has no variant number {}", pack.name, variant.variant));
  }
  return pack.table->variants[variant.variant];
}

std::string LocalExecutor::WhyNot(VariantId variant, const assay_problem& problem) {
  if (variant.graph && device_->info().backend != ASSAY_BACKEND_CUDA) {
    return "CUDA graphs need a GPU; this is " + device_->name();
  }
  return WhyNotSupported(Row(variant), problem, device_->info());
}

std::vector<TileAxis> LocalExecutor::Tile(VariantId variant, const assay_problem& problem) {
  return TileOf(Row(variant), problem, device_->info());
}

std::vector<Configuration> LocalExecutor::Configurations(VariantId variant, const assay_problem& problem) {
  return ConfigurationsOf(Row(variant), problem, device_->info());
}

std::unique_ptr<Plan> LocalExecutor::Create(VariantId variant, const assay_problem& problem,
                                            const std::string& configuration) {
  auto plan = std::make_unique<LocalPlan>(Row(variant), problem, device_->info(), configuration);
  if (!variant.graph) return plan;
  return std::make_unique<GraphPlan>(*device_, std::move(plan));
}

std::vector<Measurement> LocalExecutor::Measure(const MeasureSettings& settings,
                                                std::span<const TimedLaunches> candidates,
                                                BenchmarkLog* log) {
  std::vector<Candidate> list;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    list.push_back(MakeCandidate(candidates[i], *device_));
    if (!on_candidate_) continue;
    list.back().launch = [this, i, launch = list.back().launch](std::size_t index, void* stream) {
      on_candidate_(i);
      launch(index, stream);
    };
  }
  return MeasureInterleaved(*device_, settings, list, log);
}

void LocalExecutor::LaunchBackToBack(const TimedLaunches& launches, std::size_t first, std::size_t count) {
  const std::unique_ptr<Stream> stream = device_->CreateStream();
  for (std::size_t i = first; i < first + count; ++i) {
    launches.plan->Launch(launches.sets[i % launches.sets.size()].View(), stream->handle());
  }
  device_->Synchronize();
}

void LocalExecutor::OpenRange(ProfileRange::Kind kind, const std::string& message, std::uint64_t payload) {
  ranges_.push_back(std::make_unique<ProfileRange>(kind, message, payload));
}

void LocalExecutor::Restart() {
  DeviceError error("this process cannot use the device any more");
  error.sticky = true;
  throw error;
}

}  // namespace assay
