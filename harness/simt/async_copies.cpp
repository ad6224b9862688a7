#include "harness/simt/async_copies.h"

#include <algorithm>
#include <cstring>

namespace assay::simt {

void AsyncCopies::Wait(std::uint64_t groups_left) {
  if (groups_ > groups_left) ApplyBefore(groups_ - groups_left);
}

void AsyncCopies::WaitAll() { ApplyBefore(groups_ + 1); }

void AsyncCopies::ApplyBefore(std::uint64_t group) {
  auto copy = pending_.begin();
  for (; copy != pending_.end() && copy->group < group; ++copy) {
    if (copy->source_bytes > 0) std::memcpy(copy->to, copy->from, copy->source_bytes);
    std::memset(static_cast<char*>(copy->to) + copy->source_bytes, 0, copy->bytes - copy->source_bytes);
  }
  pending_.erase(pending_.begin(), copy);
}

}  // namespace assay::simt
