#include "reference/tensor_vector.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <new>
#include <utility>

namespace assay {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kLarge = 4 * kHugePage;

std::size_t WholePages(std::size_t bytes) { return (bytes + kHugePage - 1) / kHugePage * kHugePage; }

// Large blocks. Those that were freed are kept, up to a number of bytes, and cut to what is asked for next.
class Pool {
 public:
  void* Take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto best = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      if (it->second >= bytes && (best == free_.end() || it->second < best->second)) best = it;
    }
    if (best == free_.end()) {
      // In place of as much that is free, so that no more is held than was once in use.
      Trim(free_bytes_ - std::min(free_bytes_, bytes));
      return Map(bytes);
    }
    const auto [start, size] = *best;
    free_.erase(best);
    free_bytes_ -= bytes;
    if (size > bytes) free_.emplace(start + bytes, size - bytes);
    return start;
  }

  void Give(void* memory, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto at = free_.emplace(static_cast<std::byte*>(memory), bytes).first;
    free_bytes_ += bytes;
    // Neighbours are one block.
    if (at != free_.begin() && End(*std::prev(at)) == at->first) {
      --at;
      at->second += bytes;
      free_.erase(std::next(at));
    }
    if (const auto next = std::next(at); next != free_.end() && End(*at) == next->first) {
      at->second += next->second;
      free_.erase(next);
    }
    Trim(most_);
  }

  void Keep(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    most_ = bytes;
    Trim(most_);
  }

  void Release() {
    const std::lock_guard lock(mutex_);
    Trim(0);
  }

  std::size_t free_bytes() {
    const std::lock_guard lock(mutex_);
    return free_bytes_;
  }

 private:
  using Block = std::pair<std::byte* const, std::size_t>;
  static std::byte* End(const Block& block) { return block.first + block.second; }

  void* Map(std::size_t bytes) {
    void* mapped = TryToMap(bytes + kHugePage);
    if (mapped == MAP_FAILED) {
      Trim(0);
      mapped = TryToMap(bytes + kHugePage);
    }
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    auto* all = static_cast<std::byte*>(mapped);
    const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(all) % kHugePage) % kHugePage;
    if (before > 0) munmap(all, before);
    munmap(all + before + bytes, kHugePage - before);
    // Advice only: where it is not taken, pages are small.
    (void)madvise(all + before, bytes, MADV_HUGEPAGE);
    return all + before;
  }

  static void* TryToMap(std::size_t bytes) {
    return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }

  // The largest blocks go first, from their ends: sizes are whole pages, and so is what is unmapped.
  void Trim(std::size_t most) {
    while (free_bytes_ > most) {
      const auto largest = std::max_element(
          free_.begin(), free_.end(), [](const Block& a, const Block& b) { return a.second < b.second; });
      const std::size_t bytes = std::min(largest->second, WholePages(free_bytes_ - most));
      munmap(End(*largest) - bytes, bytes);
      free_bytes_ -= bytes;
      largest->second -= bytes;
      if (largest->second == 0) free_.erase(largest);
    }
  }

  std::mutex mutex_;
  std::map<std::byte*, std::size_t> free_;  // by address
  std::size_t free_bytes_ = 0;
  std::size_t most_ = 0;
};

// Never destroyed: tensors with static storage may be freed after it would be.
Pool& ThePool() {
  static Pool& pool = *new Pool;
  return pool;
}

}  // namespace

void* AllocateTensor(std::size_t bytes) {
  if (bytes < kLarge) return ::operator new(bytes);
  if (bytes > static_cast<std::size_t>(-1) / 2) throw std::bad_alloc();
  return ThePool().Take(WholePages(bytes));
}

void FreeTensor(void* memory, std::size_t bytes) noexcept {
  if (bytes < kLarge) {
    ::operator delete(memory);
  } else {
    try {
      ThePool().Give(memory, WholePages(bytes));
    } catch (...) {  // no memory to note it down
      munmap(memory, WholePages(bytes));
    }
  }
}

void KeepFreedTensors(std::size_t bytes) { ThePool().Keep(bytes); }
void ReleaseFreedTensors() { ThePool().Release(); }
std::size_t FreedTensorBytes() { return ThePool().free_bytes(); }

}  // namespace assay
