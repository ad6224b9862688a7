// One way to compute a half that needs nothing built before it can be tried.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "reference/cudnn/conv_graph.h"

namespace assay::cudnn {

struct Contender {
  std::string name;  // tells it from all others of the half
  std::uint64_t workspace_bytes = 0;
  // Enqueues the half with its bias and activation. Throws Error.
  std::function<void(const ConvPointers& pointers, void* stream)> launch;
};

}  // namespace assay::cudnn
