// One half of the operator, ready to be launched, whatever computes it.
#pragma once

#include <cstdint>
#include <string>

#include "reference/cudnn/conv_graph.h"

namespace assay::cudnn {

class HalfPlan {
 public:
  virtual ~HalfPlan() = default;
  virtual std::uint64_t WorkspaceBytes() const = 0;
  // Enqueues the half with its bias and activation. Throws Error.
  virtual void Launch(const ConvPointers& pointers, void* stream) = 0;
  virtual const std::string& description() const = 0;  // "depthwise: ...", what was chosen among what
};

}  // namespace assay::cudnn
