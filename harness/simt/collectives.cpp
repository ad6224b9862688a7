// The collectives of the stand-in headers, in terms of the scheduler. The rules for source lanes are those of PTX shfl.sync.
#include <fmt/format.h>

#include <bit>

#include "harness/simt/device_api.h"
#include "harness/simt/scheduler.h"

namespace assay::simt {
namespace {

void CheckWidth(Scheduler& scheduler, Collective at, int width, const Where& where) {
  if (width == 32) [[likely]] return;
  if (width < 1 || width > 32 || !std::has_single_bit(static_cast<unsigned>(width))) {
    scheduler.Fail(fmt::format("{} with width {}, which is not a power of two up to 32", Name(at), width), &where);
  }
}

// The lane's segment of `width` lanes: its first and last lane.
std::uint32_t First(std::uint32_t lane, int width) { return lane & ~(static_cast<std::uint32_t>(width) - 1); }
std::uint32_t Last(std::uint32_t lane, int width) { return lane | (static_cast<std::uint32_t>(width) - 1); }

std::uint64_t Exchange(Scheduler& scheduler, Collective at, std::uint32_t mask, std::uint64_t bits, std::uint32_t source,
                       const Where& where) {
  if ((mask >> source & 1u) == 0) [[unlikely]] {
    scheduler.Fail(fmt::format("{} reads from lane {}, which is not in the mask 0x{:08x}", Name(at), source, mask), &where);
  }
  return scheduler.ArriveInWarp(at, mask, bits, source, where);
}

}  // namespace

std::uint64_t Shuffle(std::uint32_t mask, std::uint64_t bits, int source_lane, int width, Where where) {
  Scheduler& scheduler = *Scheduler::Running();
  CheckWidth(scheduler, Collective::kShuffle, width, where);
  const std::uint32_t within = static_cast<std::uint32_t>(source_lane) & (static_cast<std::uint32_t>(width) - 1);
  const std::uint32_t source = First(scheduler.lane_number(), width) | within;
  return Exchange(scheduler, Collective::kShuffle, mask, bits, source, where);
}

std::uint64_t ShuffleUp(std::uint32_t mask, std::uint64_t bits, unsigned delta, int width, Where where) {
  Scheduler& scheduler = *Scheduler::Running();
  CheckWidth(scheduler, Collective::kShuffleUp, width, where);
  const std::uint32_t lane = scheduler.lane_number();
  const std::uint32_t step = delta & 31u;
  const bool inside = lane >= step && lane - step >= First(lane, width);
  return Exchange(scheduler, Collective::kShuffleUp, mask, bits, inside ? lane - step : lane, where);
}

std::uint64_t ShuffleDown(std::uint32_t mask, std::uint64_t bits, unsigned delta, int width, Where where) {
  Scheduler& scheduler = *Scheduler::Running();
  CheckWidth(scheduler, Collective::kShuffleDown, width, where);
  const std::uint32_t lane = scheduler.lane_number();
  const std::uint32_t from = lane + (delta & 31u);
  return Exchange(scheduler, Collective::kShuffleDown, mask, bits, from <= Last(lane, width) ? from : lane, where);
}

std::uint64_t ShuffleXor(std::uint32_t mask, std::uint64_t bits, int lane_mask, int width, Where where) {
  Scheduler& scheduler = *Scheduler::Running();
  CheckWidth(scheduler, Collective::kShuffleXor, width, where);
  const std::uint32_t lane = scheduler.lane_number();
  const std::uint32_t from = lane ^ (static_cast<std::uint32_t>(lane_mask) & 31u);
  return Exchange(scheduler, Collective::kShuffleXor, mask, bits, from <= Last(lane, width) ? from : lane, where);
}

std::uint32_t Ballot(std::uint32_t mask, bool predicate, Where where) {
  return static_cast<std::uint32_t>(
      Scheduler::Running()->ArriveInWarp(Collective::kBallot, mask, predicate ? 1 : 0, 0, where));
}

bool Any(std::uint32_t mask, bool predicate, Where where) {
  return Scheduler::Running()->ArriveInWarp(Collective::kAny, mask, predicate ? 1 : 0, 0, where) != 0;
}

bool All(std::uint32_t mask, bool predicate, Where where) {
  return Scheduler::Running()->ArriveInWarp(Collective::kAll, mask, predicate ? 1 : 0, 0, where) != 0;
}

void SyncWarp(std::uint32_t mask, Where where) {
  Scheduler::Running()->ArriveInWarp(Collective::kSyncWarp, mask, 0, 0, where);
}

void SyncThreads(Where where) { Scheduler::Running()->ArriveAtBarrier(Collective::kSyncThreads, false, where); }

int SyncThreadsOr(bool predicate, Where where) {
  return Scheduler::Running()->ArriveAtBarrier(Collective::kSyncThreadsOr, predicate, where).any ? 1 : 0;
}

int SyncThreadsAnd(bool predicate, Where where) {
  return Scheduler::Running()->ArriveAtBarrier(Collective::kSyncThreadsAnd, predicate, where).all ? 1 : 0;
}

int SyncThreadsCount(bool predicate, Where where) {
  return Scheduler::Running()->ArriveAtBarrier(Collective::kSyncThreadsCount, predicate, where).count;
}

void* DynamicSharedMemory(std::size_t bytes) {
  Scheduler& scheduler = *Scheduler::Running();
  if (bytes > scheduler.shared().size()) {
    scheduler.Fail(fmt::format("dynamic_shared() of {} bytes, but the launch gave the block {} bytes of shared memory", bytes,
                               scheduler.shared().size()));
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
  if (reinterpret_cast<std::uintptr_t>(to) % bytes != 0 || reinterpret_cast<std::uintptr_t>(from) % bytes != 0) {
    scheduler.Fail(fmt::format("asynchronous copy of {} bytes with an address that is no multiple of it", bytes), &where);
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
