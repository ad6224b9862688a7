// A two-kernel baseline for dsconv: two halves, with the depthwise result in device memory between them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "reference/cudnn/half_plan.h"
#include "reference/cudnn/trial.h"

namespace assay::cudnn {

class DsconvPlan {
 public:
  // Makes the plan of a half, with Session::mutex() held. Throws Error.
  using MakeHalf = std::shared_ptr<HalfPlan> (*)(Session& session, const Convolution& conv);

  // Throws what `make` throws for one of the halves. To be given one that tries nothing.
  static void CheckSupport(const assay_problem& problem, bool tf32, int ordinal, MakeHalf make);

  // `make` chooses by measurement, of fp32 tensors with `tf32` also among what rounds operands to TF32;
  // `libraries` ends the description. Throws Error.
  DsconvPlan(const assay_problem& problem, bool tf32, int ordinal, MakeHalf make,
             const std::string& libraries);

  // The intermediate and the larger of the two plans' own workspaces.
  std::uint64_t WorkspaceBytes() const { return workspace_bytes_; }
  // Buffers in dsconv's order: x, w_dw, b_dw, w_pw, b_pw; y. Throws Error.
  void Launch(const assay_buffers& buffers, void* stream);
  const std::string& description() const { return description_; }

 private:
  void CheckBuffers(const assay_buffers& buffers) const;

  Session& session_;
  Convolution depthwise_, pointwise_;
  std::shared_ptr<HalfPlan> depthwise_plan_, pointwise_plan_;
  std::uint64_t intermediate_bytes_ = 0, workspace_bytes_ = 0;
  std::string description_;
};

}  // namespace assay::cudnn
