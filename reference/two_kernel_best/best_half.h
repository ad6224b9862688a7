// A half by the fastest of everything that is known for it: cuDNN's best plan, kernels of our own, cuBLASLt.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reference/cudnn/conv_plan.h"
#include "reference/cudnn/half_plan.h"
#include "reference/two_kernel_best/contender.h"

namespace assay::cudnn {

class BestHalf : public HalfPlan, private Candidates {
 public:
  // Throws Error with the reasons if nothing computes the half. Tries nothing.
  BestHalf(Session& session, const Convolution& conv);

  // cuDNN's plans are searched first (for as long as for cuDNN alone, unless that was done before), then the
  // best of them competes with the rest. Throws Error if none works.
  void Tune(const TuneLimits& limits);

  // These need Tune().
  std::uint64_t WorkspaceBytes() const override;
  void Launch(const ConvPointers& pointers, void* stream) override;
  const std::string& description() const override { return description_; }

 private:
  std::int64_t Count() const override { return static_cast<std::int64_t>(contenders_.size()); }
  std::string Name(std::int64_t index) const override { return At(index).name; }
  std::optional<std::string> Build(std::int64_t) override { return std::nullopt; }
  std::uint64_t WorkspaceBytes(std::int64_t index) const override { return At(index).workspace_bytes; }
  void Execute(std::int64_t index, const ConvPointers& pointers, void* stream) override {
    At(index).launch(pointers, stream);
  }
  void Drop(std::int64_t index) override { contenders_[static_cast<std::size_t>(index)].launch = nullptr; }
  const Contender& At(std::int64_t index) const { return contenders_.at(static_cast<std::size_t>(index)); }

  void Add(std::vector<Contender> contenders);
  void AddCudnn(const TuneLimits& limits);

  Session& session_;
  Convolution conv_;
  std::shared_ptr<ConvPlan> cudnn_;  // none if cuDNN has no plan
  std::vector<Contender> contenders_;
  std::string field_;  // who competed: "9 native; cuDNN 5 offered, ..."
  std::int64_t chosen_ = -1;
  std::string description_;
};

}  // namespace assay::cudnn
