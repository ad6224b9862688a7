#include "reference/tensor_vector.h"

#include <sys/mman.h>

namespace assay {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kLarge = 4 * kHugePage;

}  // namespace

void* AllocateTensor(std::size_t bytes) {
  if (bytes < kLarge) return ::operator new(bytes);
  void* memory = ::operator new(bytes, std::align_val_t(kHugePage));
  // Advice only: where it is not taken, pages are small.
  (void)madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void FreeTensor(void* memory, std::size_t bytes) noexcept {
  if (bytes < kLarge) {
    ::operator delete(memory);
  } else {
    ::operator delete(memory, std::align_val_t(kHugePage));
  }
}

}  // namespace assay
