// A plan whose launches are replays of a CUDA graph: one is captured for each set of buffers, when they are
// prepared.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/device/device.h"
#include "harness/device/pack_loader.h"

namespace assay {

class GraphPlan final : public Plan {
 public:
  // `device` must outlive the plan.
  GraphPlan(Device& device, std::unique_ptr<Plan> plan) : device_(device), plan_(std::move(plan)) {}

  std::uint64_t WorkspaceBytes() const override { return plan_->WorkspaceBytes(); }
  // Both throw VariantError if a launch cannot be captured.
  void Prepare(const assay_buffers& buffers, void* stream) override;
  void Launch(const assay_buffers& buffers, void* stream) override;
  std::string Describe() const override;

 private:
  using Key = std::vector<const void*>;
  struct Captured {
    Key key;
    std::unique_ptr<LaunchGraph> graph;
  };
  LaunchGraph& GraphOf(const assay_buffers& buffers);

  Device& device_;
  std::unique_ptr<Plan> plan_;
  std::list<Captured> graphs_;  // the latest first
};

}  // namespace assay
