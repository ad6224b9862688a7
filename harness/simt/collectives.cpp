// Arriving at collectives and releasing them. One translation unit with the entry points of the stand-in
// headers, so that an arrival is one function.
#include <fmt/format.h>

#include <array>
#include <bit>

#include "harness/simt/device_api.h"
#include "harness/simt/fragments.h"
#include "harness/simt/scheduler.h"

// What an arrival goes through is one function without calls, the rest is kept out of it.
#define ASSAY_HOT inline __attribute__((always_inline))

namespace assay::simt {
namespace {

template <class Fn>
inline void ForEachLane(Warp& warp, std::uint32_t lanes, Fn&& fn) {
  if (lanes == 0xffffffffu) {
    for (std::uint32_t lane = 0; lane < kWarpSize; ++lane) fn(warp.lanes[lane]);
    return;
  }
  for (; lanes != 0; lanes &= lanes - 1) fn(warp.lanes[std::countr_zero(lanes)]);
}

// The lanes brought pointers to their ports.
template <class Port>
std::array<const Port*, 32> PortsOf(const Lane* lanes) {
  std::array<const Port*, 32> ports;
  for (std::size_t i = 0; i < ports.size(); ++i) ports[i] = reinterpret_cast<const Port*>(lanes[i].value);
  return ports;
}

[[gnu::noinline]] void ComputeTogether(Collective at, const Lane* lanes) {
  if (at == Collective::kLoadMatrices) return LoadWarpMatrices(PortsOf<MatrixPort>(lanes));
  const FragmentType type = at == Collective::kMultiplyF16    ? FragmentType::kF16
                            : at == Collective::kMultiplyBf16 ? FragmentType::kBf16
                                                              : FragmentType::kTf32;
  MultiplyWarp(type, PortsOf<FragmentPort>(lanes));
}

}  // namespace

// Picks the lane that goes on after the running one has arrived somewhere.
ASSAY_HOT Handoff Scheduler::HandOver(Lane& self) {
  Lane* next = PickNext();
  if (next == &self) return {&self, nullptr};
  if (next == nullptr) [[unlikely]]
    FailStuck();
  if (next->fiber == nullptr) [[unlikely]]
    next->fiber = &fibers_.Acquire();
  current_ = next;
  threadIdx = next->index;
  return {&self, next};
}

void Scheduler::FailStuck() {
  RecordDeadlock();
  throw LaneAbort{};
}

Handoff Scheduler::RefuseArrival(Collective at, std::uint32_t mask, const std::source_location& where) {
  if (aborting_) return {current_, nullptr};  // a destructor, while the lane is unwound
  Fail(fmt::format("{} with mask 0x{:08x}, which leaves out the calling lane {}", Name(at), mask,
                   current_->number),
       &where);
}

// --- Warp collectives ---

ASSAY_HOT Handoff Scheduler::ArriveInWarp(Collective at, std::uint32_t mask, std::uint64_t value,
                                          std::uint32_t source, std::source_location where) {
  Lane& self = *current_;
  Warp& warp = *self.warp;
  if ((mask & self.bit) == 0) [[unlikely]]
    return RefuseArrival(at, mask, where);
  self.value = value;
  self.source = static_cast<std::uint8_t>(source);
  self.where = where;
  const std::uint64_t key = Group::Key(at, mask);
  Group& group = warp.groups[0].key == key ? warp.groups[0] : GroupOf(warp, key);
  group.arrived |= self.bit;
  if (group.arrived == (mask & warp.live)) [[unlikely]] {
    ReleaseGroup(warp, group);
    if (aborting_) [[unlikely]]
      throw LaneAbort{};
  }
  return HandOver(self);
}

[[gnu::noinline]] Group& Scheduler::GroupOf(Warp& warp, std::uint64_t key) {
  for (std::uint32_t i = 0; i < warp.num_groups; ++i) {
    if (warp.groups[i].key == key) return warp.groups[i];
  }
  Group& group = warp.groups[warp.num_groups++];
  group = {key, 0};
  return group;
}

// Hands each lane of a complete group its result and makes it runnable.
void Scheduler::ReleaseGroup(Warp& warp, Group& group) {
  const std::uint32_t arrived = group.arrived;
  const Collective at = group.at();
  switch (at) {
    case Collective::kShuffle:
    case Collective::kShuffleUp:
    case Collective::kShuffleDown:
    case Collective::kShuffleXor:
      if (arrived != group.mask() && !SourcesArrived(warp, group)) return;
      ForEachLane(warp, arrived, [&](Lane& lane) { lane.result = warp.lanes[lane.source].value; });
      break;
    case Collective::kBallot:
    case Collective::kAny:
    case Collective::kAll: {
      std::uint32_t votes = 0;
      ForEachLane(warp, arrived,
                  [&](Lane& lane) { votes |= static_cast<std::uint32_t>(lane.value) << lane.number; });
      const std::uint64_t result = at == Collective::kBallot ? votes
                                   : at == Collective::kAny  ? std::uint64_t{votes != 0}
                                                             : std::uint64_t{votes == arrived};
      ForEachLane(warp, arrived, [&](Lane& lane) { lane.result = result; });
      break;
    }
    case Collective::kMultiplyF16:
    case Collective::kMultiplyBf16:
    case Collective::kMultiplyTf32:
    case Collective::kLoadMatrices:
      if (!AllArrived(warp, group)) return;
      ComputeTogether(at, warp.lanes);
      break;
    default:
      break;
  }
  warp.runnable |= warp.order->Positions(arrived);
  group = warp.groups[--warp.num_groups];
  warp.groups[warp.num_groups].key = 0;
}

// A lane that ended may have been the last that others waited for.
void Scheduler::ReleaseCompleteGroups(Warp& warp) {
  for (std::uint32_t i = 0; i < warp.num_groups && !aborting_;) {
    Group& group = warp.groups[i];
    if (group.arrived == (group.mask() & warp.live)) {
      ReleaseGroup(warp, group);  // puts the last group in its place
    } else {
      ++i;
    }
  }
}

// Whether none of the 32 lanes is missing: PTX leaves undefined what the others would get.
bool Scheduler::AllArrived(const Warp& warp, const Group& group) {
  if (group.arrived == 0xffffffffu) return true;
  const auto missing = static_cast<std::size_t>(std::countr_one(group.arrived));
  const Lane& lane = warp.lanes[std::countr_zero(group.arrived)];
  RecordFault(fmt::format("{}: {} takes all 32 lanes of the warp, but lane {} has ended or never was, {}",
                          Who(lane), Name(group.at()), missing, Place(lane.where)));
  return false;
}

// Whether each shuffle takes its value from a lane that brought one. That its mask names it was checked on
// arrival.
bool Scheduler::SourcesArrived(const Warp& warp, const Group& group) {
  for (std::uint32_t left = group.arrived; left != 0; left &= left - 1) {
    const Lane& lane = warp.lanes[std::countr_zero(left)];
    if ((group.arrived >> lane.source & 1u) == 0) {
      RecordFault(fmt::format("{}: {} reads from lane {}, which has ended or never was, {}", Who(lane),
                              Name(group.at()), lane.source, Place(lane.where)));
      return false;
    }
  }
  return true;
}

// --- Block barriers ---

ASSAY_HOT Handoff Scheduler::ArriveAtBarrier(Collective at, bool predicate, std::source_location where) {
  Lane& self = *current_;
  if (self.bit == 0) [[unlikely]]
    return {&self, nullptr};  // a destructor, while the lane is unwound
  self.at = at;
  self.where = where;
  if (barrier_.arrived == 0) {
    barrier_ = {};
    barrier_.at = at;
    barrier_.line = where.line();
  } else if (barrier_.at != at || barrier_.line != where.line()) {
    barrier_.mixed = true;
  }
  ++barrier_.arrived;
  barrier_.result.any |= predicate;
  barrier_.result.all &= predicate;
  barrier_.result.count += predicate ? 1 : 0;
  if (barrier_.arrived == live_) {
    ReleaseBarrier();
    if (aborting_) [[unlikely]]
      throw LaneAbort{};
  }
  return HandOver(self);
}

void Scheduler::ReleaseBarrier() {
  if (barrier_.mixed) {
    RecordFault("divergent barrier: the threads of the block met at different block barriers" +
                LaneTable(Status()));
    return;
  }
  // Kept apart, for the next barrier may begin before all lanes have read it; it cannot end.
  barrier_result_ = barrier_.result;
  barrier_.arrived = 0;
  if (order_ == LaneOrder::kShuffled) DrawOrder();
  MakeAllRunnable();
}

// --- Entry points ---
// The rules for source lanes are those of PTX shfl.sync.

namespace {

[[noreturn, gnu::cold, gnu::noinline]] void FailWidth(Scheduler& scheduler, Collective at, int width,
                                                      const Where& where) {
  scheduler.Fail(fmt::format("{} with width {}, which is not a power of two up to 32", Name(at), width),
                 &where);
}

ASSAY_HOT void CheckWidth(Scheduler& scheduler, Collective at, int width, const Where& where) {
  if (width == 32) [[likely]]
    return;
  if (width < 1 || width > 32 || !std::has_single_bit(static_cast<unsigned>(width)))
    FailWidth(scheduler, at, width, where);
}

// The lane's segment of `width` lanes: its first and last lane.
std::uint32_t First(std::uint32_t lane, int width) { return lane & ~(static_cast<std::uint32_t>(width) - 1); }
std::uint32_t Last(std::uint32_t lane, int width) { return lane | (static_cast<std::uint32_t>(width) - 1); }

[[noreturn, gnu::cold, gnu::noinline]] void FailSource(Scheduler& scheduler, Collective at,
                                                       std::uint32_t mask, std::uint32_t source,
                                                       const Where& where) {
  scheduler.Fail(
      fmt::format("{} reads from lane {}, which is not in the mask 0x{:08x}", Name(at), source, mask),
      &where);
}

ASSAY_HOT Handoff Exchange(Scheduler& scheduler, Collective at, std::uint32_t mask, std::uint64_t bits,
                           std::uint32_t source, const Where& where) {
  if ((mask >> source & 1u) == 0) [[unlikely]] {
    FailSource(scheduler, at, mask, source, where);
  }
  return scheduler.ArriveInWarp(at, mask, bits, source, where);
}

}  // namespace

Handoff Shuffle(std::uint32_t mask, std::uint64_t bits, int source_lane, int width, Where where) {
  Scheduler& scheduler = *Scheduler::Running();
  CheckWidth(scheduler, Collective::kShuffle, width, where);
  const std::uint32_t within =
      static_cast<std::uint32_t>(source_lane) & (static_cast<std::uint32_t>(width) - 1);
  const std::uint32_t source = First(scheduler.lane_number(), width) | within;
  return Exchange(scheduler, Collective::kShuffle, mask, bits, source, where);
}

Handoff ShuffleUp(std::uint32_t mask, std::uint64_t bits, unsigned delta, int width, Where where) {
  Scheduler& scheduler = *Scheduler::Running();
  CheckWidth(scheduler, Collective::kShuffleUp, width, where);
  const std::uint32_t lane = scheduler.lane_number();
  const std::uint32_t step = delta & 31u;
  const bool inside = lane >= step && lane - step >= First(lane, width);
  return Exchange(scheduler, Collective::kShuffleUp, mask, bits, inside ? lane - step : lane, where);
}

Handoff ShuffleDown(std::uint32_t mask, std::uint64_t bits, unsigned delta, int width, Where where) {
  Scheduler& scheduler = *Scheduler::Running();
  CheckWidth(scheduler, Collective::kShuffleDown, width, where);
  const std::uint32_t lane = scheduler.lane_number();
  const std::uint32_t from = lane + (delta & 31u);
  return Exchange(scheduler, Collective::kShuffleDown, mask, bits, from <= Last(lane, width) ? from : lane,
                  where);
}

Handoff ShuffleXor(std::uint32_t mask, std::uint64_t bits, int lane_mask, int width, Where where) {
  Scheduler& scheduler = *Scheduler::Running();
  CheckWidth(scheduler, Collective::kShuffleXor, width, where);
  const std::uint32_t lane = scheduler.lane_number();
  const std::uint32_t from = lane ^ (static_cast<std::uint32_t>(lane_mask) & 31u);
  return Exchange(scheduler, Collective::kShuffleXor, mask, bits, from <= Last(lane, width) ? from : lane,
                  where);
}

Handoff Ballot(std::uint32_t mask, bool predicate, Where where) {
  return Scheduler::Running()->ArriveInWarp(Collective::kBallot, mask, predicate ? 1 : 0, 0, where);
}

Handoff Any(std::uint32_t mask, bool predicate, Where where) {
  return Scheduler::Running()->ArriveInWarp(Collective::kAny, mask, predicate ? 1 : 0, 0, where);
}

Handoff All(std::uint32_t mask, bool predicate, Where where) {
  return Scheduler::Running()->ArriveInWarp(Collective::kAll, mask, predicate ? 1 : 0, 0, where);
}

Handoff SyncWarp(std::uint32_t mask, Where where) {
  return Scheduler::Running()->ArriveInWarp(Collective::kSyncWarp, mask, 0, 0, where);
}

Handoff ArriveAtProduct(FragmentType type, const FragmentPort& port, Where where) {
  const Collective at = type == FragmentType::kF16    ? Collective::kMultiplyF16
                        : type == FragmentType::kBf16 ? Collective::kMultiplyBf16
                                                      : Collective::kMultiplyTf32;
  return Scheduler::Running()->ArriveInWarp(at, 0xffffffffu, reinterpret_cast<std::uintptr_t>(&port), 0,
                                            where);
}

Handoff ArriveAtMatrices(const MatrixPort& port, Where where) {
  Scheduler& scheduler = *Scheduler::Running();
  // Lanes beyond the rows of the matrices name none.
  if (scheduler.lane_number() < 8 * port.count) {
    if (reinterpret_cast<std::uintptr_t>(port.row) % 16 != 0) [[unlikely]]
      scheduler.Fail("ldmatrix.sync of a row at an address that is no multiple of 16", &where);
    if (!scheduler.shared().Contains(port.row, 16)) [[unlikely]]
      scheduler.Fail("ldmatrix.sync of a row outside of the block's shared memory", &where);
  }
  return scheduler.ArriveInWarp(Collective::kLoadMatrices, 0xffffffffu,
                                reinterpret_cast<std::uintptr_t>(&port), 0, where);
}

Handoff SyncThreads(Where where) {
  return Scheduler::Running()->ArriveAtBarrier(Collective::kSyncThreads, false, where);
}

Handoff SyncThreadsOr(bool predicate, Where where) {
  return Scheduler::Running()->ArriveAtBarrier(Collective::kSyncThreadsOr, predicate, where);
}

Handoff SyncThreadsAnd(bool predicate, Where where) {
  return Scheduler::Running()->ArriveAtBarrier(Collective::kSyncThreadsAnd, predicate, where);
}

Handoff SyncThreadsCount(bool predicate, Where where) {
  return Scheduler::Running()->ArriveAtBarrier(Collective::kSyncThreadsCount, predicate, where);
}

int BarrierOr() { return Scheduler::Running()->barrier_result().any ? 1 : 0; }
int BarrierAnd() { return Scheduler::Running()->barrier_result().all ? 1 : 0; }
int BarrierCount() { return Scheduler::Running()->barrier_result().count; }

}  // namespace assay::simt

#undef ASSAY_HOT
