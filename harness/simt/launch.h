// One kernel launch, as the threads that run its blocks see it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/simt/include/vector_types.h"
#include "harness/simt/simt.h"

namespace assay::simt {

struct Launch {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  void (*body)(const void* arguments) = nullptr;  // runs one thread of the kernel
  const void* arguments = nullptr;
  LaneOrder order = LaneOrder::kForward;
  std::uint64_t seed = 0;

  std::uint32_t threads_per_block() const { return block.x * block.y * block.z; }
  std::uint64_t num_blocks() const { return std::uint64_t{grid.x} * grid.y * grid.z; }
};

}  // namespace assay::simt
