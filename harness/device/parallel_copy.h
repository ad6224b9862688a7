// A copy between buffers of this process by all of its threads: one alone is slower than memory, and than a
// GPU's bus.
#pragma once

#include <cstddef>

namespace assay {

void ParallelCopy(std::byte* to, const std::byte* from, std::size_t bytes);

}  // namespace assay
