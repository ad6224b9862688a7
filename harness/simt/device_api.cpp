// The stand-in headers' entry points besides the collectives and the launch.
#include "harness/simt/device_api.h"

#include <fmt/format.h>

#include "harness/simt/scheduler.h"

namespace assay::simt {

void* DynamicSharedMemory(std::size_t bytes) {
  Scheduler& scheduler = *Scheduler::Running();
  if (bytes > scheduler.shared().size()) {
    scheduler.Fail(
        fmt::format("dynamic_shared() of {} bytes, but the launch gave the block {} bytes of shared memory",
                    bytes, scheduler.shared().size()));
  }
  return scheduler.shared().data();
}

void AsyncCopy(void* to, const void* from, unsigned bytes, unsigned source_bytes, Where where) {
  Scheduler& scheduler = *Scheduler::Running();
  if (bytes != 4 && bytes != 8 && bytes != 16) {
    scheduler.Fail(fmt::format("asynchronous copy of {} bytes; allowed are 4, 8 and 16", bytes), &where);
  }
  if (source_bytes > bytes) {
    scheduler.Fail(fmt::format("asynchronous copy of {} bytes that reads {}", bytes, source_bytes), &where);
  }
  if (reinterpret_cast<std::uintptr_t>(to) % bytes != 0 ||
      reinterpret_cast<std::uintptr_t>(from) % bytes != 0) {
    scheduler.Fail(
        fmt::format("asynchronous copy of {} bytes with an address that is no multiple of it", bytes),
        &where);
  }
  if (!scheduler.shared().Contains(to, bytes)) {
    scheduler.Fail("asynchronous copy to an address outside of the block's shared memory", &where);
  }
  scheduler.copies().Add(to, from, bytes, source_bytes);
}

void AsyncCommit() { Scheduler::Running()->copies().Commit(); }
void AsyncWait(unsigned groups_left) { Scheduler::Running()->copies().Wait(groups_left); }
void AsyncWaitAll() { Scheduler::Running()->copies().WaitAll(); }

void Trap(const char* what, Where where) { Scheduler::Running()->Fail(what, &where); }

}  // namespace assay::simt
