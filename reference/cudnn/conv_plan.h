// The plan for one half: every plan that cuDNN offers for it, tried and timed cold, and the fastest kept.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reference/cudnn/conv_graph.h"
#include "reference/cudnn/convolution.h"
#include "reference/cudnn/half_plan.h"
#include "reference/cudnn/trial.h"

namespace assay::cudnn {

class ConvPlan : public HalfPlan, private Candidates {
 public:
  // Asks cuDNN for plans, or finds a half of the same key that was asked for before. Throws Error with the
  // reasons, one a form, if there is none. Session::mutex() must be held for this and all that follows.
  static std::shared_ptr<ConvPlan> Get(Session& session, const Convolution& conv);

  ConvPlan(Session& session, const Convolution& conv);

  // Tries and times the plans, unless that was done before. Throws Error if none works.
  void Tune(const TuneLimits& limits);

  // These need Tune().
  std::uint64_t WorkspaceBytes() const override;
  void Launch(const ConvPointers& pointers, void* stream) override;
  const std::string& description() const override { return description_; }
  std::string ChosenName() const;  // "eng3_k2=1 fused with relu"
  // "5 offered, 1 barred, 0 repeated, 4 tried, 0 failed"
  const std::string& counts() const { return counts_; }

 private:
  struct Offer {
    ConvGraph::Form form;
    // Of each builder; those but the first's are made when they are needed.
    std::vector<std::unique_ptr<ConvGraph>> graphs;
    const ConvGraph& first() const { return *graphs.front(); }
  };

  std::int64_t Count() const override { return static_cast<std::int64_t>(plans_.size()); }
  std::string Name(std::int64_t index) const override;
  void Prepare(std::span<const std::int64_t> indices) override;
  std::optional<std::string> Build(std::int64_t index) override;
  std::uint64_t WorkspaceBytes(std::int64_t index) const override;
  void Execute(std::int64_t index, const ConvPointers& pointers, void* stream) override;
  void Drop(std::int64_t index) override;

  // Plans of the offers in turn, so that each form's most promising ones come first.
  void Enumerate();
  void DescribeChoice(const Choice& choice);

  struct PlanRef {
    std::size_t offer;
    std::int64_t index;
    std::size_t builder = 0;  // whose graph has it
    bool prepared = false;
    std::optional<std::string> refusal = {};  // of one that is prepared
  };

  // By a thread of its own: the plan in its builder's graph, which is made if need be.
  void PrepareOne(PlanRef& plan);

  const PlanRef& At(std::int64_t index) const { return plans_.at(static_cast<std::size_t>(index)); }
  PlanRef& At(std::int64_t index) { return plans_.at(static_cast<std::size_t>(index)); }
  ConvGraph& GraphOf(const PlanRef& plan) const { return *offers_[plan.offer].graphs[plan.builder]; }

  Session& session_;
  Convolution conv_;
  std::uint64_t workspace_limit_;
  std::vector<Offer> offers_;
  std::vector<PlanRef> plans_;
  std::int64_t chosen_ = -1;
  std::string refusals_;  // why a form has no plans
  std::string counts_;
  std::string description_;
};

}  // namespace assay::cudnn
