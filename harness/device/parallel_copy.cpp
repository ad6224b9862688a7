#include "harness/device/parallel_copy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace assay {

void ParallelCopy(std::byte* to, const std::byte* from, std::size_t bytes) {
  constexpr std::size_t kPiece = std::size_t{512} << 10;
  const auto pieces = static_cast<std::int64_t>((bytes + kPiece - 1) / kPiece);
#pragma omp parallel for schedule(static) if (pieces > 2)
  for (std::int64_t i = 0; i < pieces; ++i) {
    const std::size_t at = static_cast<std::size_t>(i) * kPiece;
    std::memcpy(to + at, from + at, std::min(kPiece, bytes - at));
  }
}

}  // namespace assay
