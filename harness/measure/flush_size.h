// How large each of the two buffers is that drive everything else out of L2.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace assay {

// Twice the cache, since its replacement is not strictly least-recently-used; at least 32 MiB.
inline std::size_t FlushBytes(std::int64_t l2_bytes) {
  return std::max<std::size_t>(2 * static_cast<std::size_t>(std::max<std::int64_t>(l2_bytes, 0)),
                               std::size_t{32} << 20);
}

}  // namespace assay
