#include "harness/simt/fiber.h"

#include <sys/mman.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace assay::simt {
namespace {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

// Sanitizers put redzones between a frame's variables.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kStackBytes = 256 * 1024;
#else
constexpr std::size_t kStackBytes = 64 * 1024;
#endif

// Below each stack, without memory: wide enough that no sensible frame steps over it.
constexpr std::size_t kGuardBytes = 64 * 1024;

// Stacks lie at whole pages, so without an offset the hot tops of all of them would compete for the same few
// cache sets. Nine lines apart, an odd number, spreads them over all 64 sets of a 4 KiB page.
constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kLinesApart = 9;
constexpr std::size_t kColours = 64;

}  // namespace

Fiber& FiberPool::Create() {
  auto fiber = std::make_unique<Fiber>();
  const std::size_t bytes = kGuardBytes + kStackBytes + kColours * kCacheLine;
  void* mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapping == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "mapping a fiber's stack (see vm.max_map_count)");
  }
  if (mprotect(mapping, kGuardBytes, PROT_NONE) != 0) {
    const int error = errno;
    munmap(mapping, bytes);
    throw std::system_error(error, std::generic_category(),
                            "guarding a fiber's stack (see vm.max_map_count)");
  }
  fiber->mapping = mapping;
  fiber->mapping_bytes = bytes;
  const std::size_t colour = (all_.size() * kLinesApart % kColours) * kCacheLine;
  char* bottom = static_cast<char*>(mapping) + kGuardBytes;
  fiber->stack_bottom = bottom;
  fiber->stack_bytes = bytes - kGuardBytes - colour;
  fiber->context = make_fcontext(bottom + fiber->stack_bytes, fiber->stack_bytes, entry_);
#if defined(__SANITIZE_THREAD__)
  fiber->tsan_fiber = __tsan_create_fiber(0);
#endif
  idle_.reserve(all_.size() + 1);  // Release() must not allocate
  all_.push_back(std::move(fiber));
  return *all_.back();
}

FiberPool::~FiberPool() {
  for (const std::unique_ptr<Fiber>& fiber : all_) {
#if defined(__SANITIZE_ADDRESS__)
    // Resumed a last time so that it gives its fake stack back.
    Fiber here;
    fiber->quit = true;
    SwitchFiber(here, *fiber);
    __asan_unpoison_memory_region(fiber->mapping, fiber->mapping_bytes);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_destroy_fiber(fiber->tsan_fiber);
#endif
    munmap(fiber->mapping, fiber->mapping_bytes);
  }
}

void LeaveForGood(Fiber& self, Fiber& to) {
  BeforeSwitch(self, to, /*leaves_for_good=*/true);
  jump_fcontext(to.context, &self);
  std::abort();  // a fiber that left was resumed
}

}  // namespace assay::simt
