#include <cstring>

#include "harness/device/device.h"
#include "harness/device/hash_mix.h"

namespace assay {

std::uint64_t HashBytes(std::span<const std::byte> bytes) {
  // Below this, starting threads costs more than it saves.
  constexpr std::int64_t kParallelWords = 1 << 17;
  const auto words = static_cast<std::int64_t>(bytes.size() / 8);
  std::uint64_t sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum) if (words >= kParallelWords)
  for (std::int64_t i = 0; i < words; ++i) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + 8 * i, 8);
    sum += HashTerm(word, static_cast<std::uint64_t>(i));
  }
  if (const std::size_t tail = bytes.size() % 8; tail != 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + bytes.size() - tail, tail);
    sum += HashTerm(word, static_cast<std::uint64_t>(words));
  }
  return sum;
}

}  // namespace assay
