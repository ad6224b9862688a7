// The baseline for dsconv: two cuDNN executions, with the depthwise result in device memory between them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "reference/cudnn/conv_plan.h"

namespace assay::cudnn {

class DsconvPlan {
 public:
  // Throws Error with the reason if cuDNN has no plan for one of the halves. Tunes nothing.
  static void CheckSupport(const assay_problem& problem, int ordinal);

  // Chooses plans for both halves by measurement. Throws Error.
  DsconvPlan(const assay_problem& problem, int ordinal);

  // The intermediate and the larger of the two plans' own workspaces.
  std::uint64_t WorkspaceBytes() const { return workspace_bytes_; }
  // Buffers in dsconv's order: x, w_dw, b_dw, w_pw, b_pw; y. Throws Error.
  void Launch(const assay_buffers& buffers, void* stream);
  const std::string& description() const { return description_; }

 private:
  void CheckBuffers(const assay_buffers& buffers) const;

  Session& session_;
  Convolution depthwise_, pointwise_;
  std::shared_ptr<ConvPlan> depthwise_plan_, pointwise_plan_;
  std::uint64_t intermediate_bytes_ = 0, workspace_bytes_ = 0;
  std::string description_;
};

}  // namespace assay::cudnn
