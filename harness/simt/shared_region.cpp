#include "harness/simt/shared_region.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

#include "harness/simt/simt.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace assay::simt {
namespace {

// No memory, only addresses.
constexpr std::size_t kGuardBytes = std::size_t{1} << 20;
constexpr unsigned char kPoison = 0xff;
constexpr unsigned char kTail = 0xa5;

std::size_t RoundUp(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

SharedRegion::SharedRegion() {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t usable = RoundUp(kMaxSharedBytes, page);
  mapping_bytes_ = usable + kGuardBytes;
  void* mapping = mmap(nullptr, mapping_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mapping shared memory");
  mapping_ = static_cast<unsigned char*>(mapping);
  end_ = mapping_ + usable;
  data_ = end_;
  if (mprotect(end_, kGuardBytes, PROT_NONE) != 0) {
    const int error = errno;
    munmap(mapping, mapping_bytes_);
    throw std::system_error(error, std::generic_category(), "guarding shared memory");
  }
}

SharedRegion::~SharedRegion() {
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(mapping_, mapping_bytes_);
#endif
  munmap(mapping_, mapping_bytes_);
}

void SharedRegion::Resize(std::size_t bytes) {
  size_ = bytes;
  data_ = end_ - RoundUp(bytes, kAlignment);
#if defined(__SANITIZE_ADDRESS__)
  ASAN_POISON_MEMORY_REGION(mapping_, static_cast<std::size_t>(end_ - mapping_));
  ASAN_UNPOISON_MEMORY_REGION(data_, size_);
#else
  std::memset(data_ + size_, kTail, static_cast<std::size_t>(end_ - data_) - size_);
#endif
}

void SharedRegion::Poison() { std::memset(data_, kPoison, size_); }

bool SharedRegion::Overrun() const {
#if defined(__SANITIZE_ADDRESS__)
  return false;
#else
  return std::any_of(data_ + size_, end_, [](unsigned char byte) { return byte != kTail; });
#endif
}

bool SharedRegion::Contains(const void* pointer, std::size_t bytes) const {
  const auto first = reinterpret_cast<std::uintptr_t>(data_);
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  return address >= first && address - first <= size_ && bytes <= size_ - (address - first);
}

}  // namespace assay::simt
