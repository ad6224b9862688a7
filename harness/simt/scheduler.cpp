#include "harness/simt/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim{};
constinit thread_local dim3 gridDim{};

namespace assay::simt {
namespace {

using boost::context::detail::ontop_fcontext;
using boost::context::detail::transfer_t;

constexpr std::uint32_t kWarpSize = 32;

__attribute__((tls_model("initial-exec"))) constinit thread_local Scheduler* running_here = nullptr;

std::uint32_t LowestBits(std::uint32_t count) { return count >= 32 ? 0xffffffffu : (1u << count) - 1; }

}  // namespace

Scheduler& Scheduler::OfThisThread() {
  thread_local std::unique_ptr<Scheduler> scheduler;
  if (!scheduler) scheduler = std::make_unique<Scheduler>();
  return *scheduler;
}

Scheduler* Scheduler::Running() { return running_here; }

Scheduler::Scheduler() {
#if defined(__SANITIZE_THREAD__)
  main_.tsan_fiber = __tsan_get_current_fiber();
#endif
}

// --- Setting up ---------------------------------------------------------------------------------------------------------

void Scheduler::Begin(const Launch& launch) {
  launch_ = &launch;
  gridDim = launch.grid;
  blockDim = launch.block;
  if (laid_out_.x != launch.block.x || laid_out_.y != launch.block.y || laid_out_.z != launch.block.z) LayOutLanes();
  if (permutations_.empty() || launch.order != order_ || launch.seed != seed_) {
    permutations_ = MakePermutations(launch.order, launch.seed);
    order_ = launch.order;
    seed_ = launch.seed;
  }
  shared_.Resize(launch.shared_bytes);
}

void Scheduler::LayOutLanes() {
  const std::uint32_t threads = launch_->threads_per_block();
  lanes_.assign(threads, Lane{});
  copies_.assign(threads, AsyncCopies{});
  warps_.assign((threads + kWarpSize - 1) / kWarpSize, Warp{});
  for (std::uint32_t thread = 0; thread < threads; ++thread) {
    Lane& lane = lanes_[thread];
    lane.warp = &warps_[thread / kWarpSize];
    lane.number = thread % kWarpSize;
    lane.index = {thread % launch_->block.x, thread / launch_->block.x % launch_->block.y,
                  thread / launch_->block.x / launch_->block.y};
    if (lane.number == 0) lane.warp->lanes = &lane;
  }
  laid_out_ = launch_->block;
}

void Scheduler::ResetBlock(std::uint64_t number) {
  const dim3& grid = launch_->grid;
  blockIdx = {static_cast<unsigned>(number % grid.x), static_cast<unsigned>(number / grid.x % grid.y),
              static_cast<unsigned>(number / grid.x / grid.y)};
  aborting_ = false;
  fault_.clear();
  barrier_ = {};
  live_ = static_cast<std::uint32_t>(lanes_.size());
  for (std::uint32_t warp = 0; warp < warps_.size(); ++warp) {
    warps_[warp].live = LowestBits(live_ - warp * kWarpSize);
    warps_[warp].num_groups = 0;
  }
  random_ = OrderRandom(seed_ ^ (number + 1) * 0x9e3779b97f4a7c15u);
  DrawOrder();
  MakeAllRunnable();
  if (std::exchange(copies_used_, false)) {
    for (AsyncCopies& copies : copies_) copies.Clear();
  }
  shared_.Poison();
}

// Not while any lane is marked runnable: the marks are by position.
void Scheduler::DrawOrder() {
  const auto num_warps = static_cast<std::uint32_t>(warps_.size());
  for (std::uint32_t position = 0; position < num_warps; ++position) {
    warp_at_[position] = &warps_[order_ == LaneOrder::kReversed ? num_warps - 1 - position : position];
  }
  if (order_ == LaneOrder::kShuffled) {
    for (std::uint32_t left = num_warps; left > 1; --left) std::swap(warp_at_[left - 1], warp_at_[random_.Below(left)]);
  }
  for (std::uint32_t position = 0; position < num_warps; ++position) {
    Warp& warp = *warp_at_[position];
    warp.position = position;
    warp.order = &permutations_[order_ == LaneOrder::kShuffled ? random_.Below(kShuffledChoices) : 0];
  }
}

void Scheduler::MakeAllRunnable() {
  ready_ = 0;
  for (Warp& warp : warps_) {
    warp.runnable = warp.order->Positions(warp.live);
    if (warp.live != 0) ready_ |= 1u << warp.position;
  }
  running_ = warp_at_[static_cast<unsigned>(std::countr_zero(ready_))];
}

// --- Running lanes -------------------------------------------------------------------------------------------------------

std::string Scheduler::RunBlock(std::uint64_t number) {
  ResetBlock(number);
  Lane* first = PickNext();
  first->fiber = &fibers_.Acquire();
  current_ = first;
  threadIdx = first->index;
  running_here = this;
  SwitchFiber(main_, *first->fiber);
  if (aborting_) Unwind();
  running_here = nullptr;
  if (!aborting_ && shared_.Overrun()) {
    RecordFault(fmt::format("something was written just past the end of the block's {} bytes of shared memory", shared_.size()));
  }
  return std::move(fault_);
}

void Scheduler::FiberMain(transfer_t from) {
  Scheduler& scheduler = *running_here;
  Fiber& self = *scheduler.current_->fiber;
  AfterSwitch(self, from);
  for (;;) {
    Fiber& to = scheduler.RunLanes(self);
    scheduler.fibers_.Release(self);
    Fiber& resumed_by = SwitchFiber(self, to);
    if (self.quit) LeaveForGood(self, resumed_by);
  }
}

// Runs the current lane to its end, then those that have not started, until the next one lives on another fiber.
Fiber& Scheduler::RunLanes(Fiber& self) {
  for (;;) {
    RunLane();
    Lane* next = Finish(*current_);
    if (next == nullptr) return main_;
    current_ = next;
    threadIdx = next->index;
    if (next->fiber != nullptr) return *next->fiber;
    next->fiber = &self;
  }
}

void Scheduler::RunLane() {
  try {
    launch_->body(launch_->arguments);
  } catch (const LaneAbort&) {
  } catch (const std::exception& error) {
    RecordFault(fmt::format("{}: a C++ exception left the kernel: {}", Who(*current_), error.what()));
  } catch (...) {
    RecordFault(fmt::format("{}: a C++ exception left the kernel", Who(*current_)));
  }
}

// Returns the lane to go on with; null to go back to RunBlock.
Lane* Scheduler::Finish(Lane& lane) {
  lane.fiber = nullptr;
  Warp& warp = *lane.warp;
  warp.live &= ~(1u << lane.number);
  --live_;
  if (aborting_) return nullptr;
  if (warp.num_groups != 0) ReleaseCompleteGroups(warp);
  if (barrier_.arrived != 0 && barrier_.arrived == live_) ReleaseBarrier();
  if (aborting_) return nullptr;
  Lane* next = PickNext();
  if (next == nullptr && live_ != 0) {
    const std::vector<LaneStatus> status = Status();
    RecordFault(DeadlockCause(status) + LaneTable(status));
  }
  return next;
}

// Ends the lanes that an aborted block left waiting, so that what lives on their stacks is destroyed.
void Scheduler::Unwind() {
  for (Lane& lane : lanes_) {
    if (lane.fiber == nullptr) continue;
    current_ = &lane;
    threadIdx = lane.index;
    Fiber& fiber = *lane.fiber;
    BeforeSwitch(main_, fiber);
    AfterSwitch(main_, ontop_fcontext(fiber.context, &main_, &Scheduler::AbortOnTop));
  }
}

transfer_t Scheduler::AbortOnTop(transfer_t from) {
  AfterSwitch(*running_here->current_->fiber, from);
  throw LaneAbort{};
}

inline Lane* Scheduler::PickNext() {
  if (running_->runnable == 0) {
    ready_ &= ~(1u << running_->position);
    if (ready_ == 0) {
      ready_ = 1u << running_->position;
      return nullptr;
    }
    running_ = warp_at_[static_cast<unsigned>(std::countr_zero(ready_))];
  }
  const auto position = static_cast<unsigned>(std::countr_zero(running_->runnable));
  running_->runnable &= running_->runnable - 1;
  return &running_->lanes[running_->order->lane_at[position]];
}

// Suspends the running lane, which has arrived somewhere, until it is picked again.
inline void Scheduler::Suspend(Lane& self) {
  Lane* next = PickNext();
  if (next == &self) return;
  if (next == nullptr) [[unlikely]] {
    const std::vector<LaneStatus> status = Status();
    RecordFault(DeadlockCause(status) + LaneTable(status));
    throw LaneAbort{};
  }
  if (next->fiber == nullptr) next->fiber = &fibers_.Acquire();
  current_ = next;
  threadIdx = next->index;
  SwitchFiber(*self.fiber, *next->fiber);
}

// --- Warp collectives ----------------------------------------------------------------------------------------------------

std::uint64_t Scheduler::ArriveInWarp(Collective at, std::uint32_t mask, std::uint64_t value, std::uint32_t source,
                                      std::source_location where) {
  if (aborting_) [[unlikely]] return 0;  // a destructor, while the lane is unwound
  Lane& self = *current_;
  Warp& warp = *self.warp;
  const std::uint32_t bit = 1u << self.number;
  if ((mask & bit) == 0) [[unlikely]] {
    Fail(fmt::format("{} with mask 0x{:08x}, which leaves out the calling lane {}", Name(at), mask, self.number), &where);
  }
  self.at = at;
  self.mask = mask;
  self.where = where;
  warp.value[self.number] = value;
  warp.source[self.number] = source;
  Group& group = GroupOf(warp, at, mask);
  group.arrived |= bit;
  if (group.arrived == (mask & warp.live)) {
    ReleaseGroup(warp, group);
    if (aborting_) [[unlikely]] throw LaneAbort{};
  }
  Suspend(self);
  return warp.result[self.number];
}

inline Group& Scheduler::GroupOf(Warp& warp, Collective at, std::uint32_t mask) {
  for (std::uint32_t i = 0; i < warp.num_groups; ++i) {
    if (warp.groups[i].mask == mask && warp.groups[i].at == at) return warp.groups[i];
  }
  Group& group = warp.groups[warp.num_groups++];
  group = {at, mask, 0};
  return group;
}

// Hands each lane of a complete group its result and makes it runnable.
void Scheduler::ReleaseGroup(Warp& warp, Group& group) {
  const std::uint32_t arrived = group.arrived;
  switch (group.at) {
    case Collective::kShuffle:
    case Collective::kShuffleUp:
    case Collective::kShuffleDown:
    case Collective::kShuffleXor:
      if (arrived == 0xffffffffu) {
        for (std::uint32_t lane = 0; lane < kWarpSize; ++lane) warp.result[lane] = warp.value[warp.source[lane]];
      } else {
        if (!SourcesArrived(warp, group)) return;
        for (std::uint32_t left = arrived; left != 0; left &= left - 1) {
          const auto lane = static_cast<unsigned>(std::countr_zero(left));
          warp.result[lane] = warp.value[warp.source[lane]];
        }
      }
      break;
    case Collective::kBallot:
    case Collective::kAny:
    case Collective::kAll: {
      std::uint32_t votes = 0;
      for (std::uint32_t left = arrived; left != 0; left &= left - 1) {
        const auto lane = static_cast<unsigned>(std::countr_zero(left));
        if (warp.value[lane] != 0) votes |= 1u << lane;
      }
      const std::uint64_t result = group.at == Collective::kBallot ? votes
                                   : group.at == Collective::kAny  ? std::uint64_t{votes != 0}
                                                                   : std::uint64_t{votes == arrived};
      for (std::uint32_t left = arrived; left != 0; left &= left - 1) {
        warp.result[static_cast<unsigned>(std::countr_zero(left))] = result;
      }
      break;
    }
    default:
      break;
  }
  warp.runnable |= warp.order->Positions(arrived);
  group = warp.groups[--warp.num_groups];
}

// A lane that ended may have been the last that others waited for.
void Scheduler::ReleaseCompleteGroups(Warp& warp) {
  for (std::uint32_t i = 0; i < warp.num_groups && !aborting_;) {
    Group& group = warp.groups[i];
    if (group.arrived == (group.mask & warp.live)) {
      ReleaseGroup(warp, group);  // puts the last group in its place
    } else {
      ++i;
    }
  }
}

// Whether each shuffle takes its value from a lane that brought one. That its mask names it was checked on arrival.
bool Scheduler::SourcesArrived(const Warp& warp, const Group& group) {
  for (std::uint32_t left = group.arrived; left != 0; left &= left - 1) {
    const Lane& lane = warp.lanes[std::countr_zero(left)];
    const std::uint32_t source = warp.source[lane.number];
    if ((group.arrived >> source & 1u) == 0) {
      RecordFault(fmt::format("{}: {} reads from lane {}, which has ended or never was, {}", Who(lane), Name(lane.at), source,
                              Place(lane.where)));
      return false;
    }
  }
  return true;
}

// --- Block barriers --------------------------------------------------------------------------------------------------------

Scheduler::BarrierResult Scheduler::ArriveAtBarrier(Collective at, bool predicate, std::source_location where) {
  if (aborting_) [[unlikely]] return {};  // a destructor, while the lane is unwound
  Lane& self = *current_;
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
    if (aborting_) [[unlikely]] throw LaneAbort{};
  }
  Suspend(self);
  return barrier_result_;
}

void Scheduler::ReleaseBarrier() {
  if (barrier_.mixed) {
    RecordFault("divergent barrier: the threads of the block met at different block barriers" + LaneTable(Status()));
    return;
  }
  // Kept apart, for the next barrier may begin before all lanes have read it; it cannot end.
  barrier_result_ = barrier_.result;
  barrier_.arrived = 0;
  if (order_ == LaneOrder::kShuffled) DrawOrder();
  MakeAllRunnable();
}

// --- Faults ----------------------------------------------------------------------------------------------------------------

void Scheduler::RecordFault(const std::string& what) {
  aborting_ = true;
  if (!fault_.empty()) return;
  fault_ = fmt::format("block ({},{},{}): {}", blockIdx.x, blockIdx.y, blockIdx.z, what);
}

void Scheduler::Fail(const std::string& what, const std::source_location* where) {
  RecordFault(fmt::format("{}: {}{}", Who(*current_), what, where == nullptr ? "" : ", " + Place(*where)));
  throw LaneAbort{};
}

std::string Scheduler::Who(const Lane& lane) const {
  return fmt::format("thread {} ({},{},{})", &lane - lanes_.data(), lane.index.x, lane.index.y, lane.index.z);
}

// Of all lanes, when none of them runs.
std::vector<LaneStatus> Scheduler::Status() const {
  std::vector<LaneStatus> status;
  status.reserve(lanes_.size());
  for (const Lane& lane : lanes_) {
    const Warp& warp = *lane.warp;
    const std::uint32_t bit = 1u << lane.number;
    const bool in_group = std::any_of(warp.groups.begin(), warp.groups.begin() + warp.num_groups,
                                      [bit](const Group& group) { return (group.arrived & bit) != 0; });
    LaneStatus entry{Wait::kBlock, lane.at, lane.mask, lane.where};
    if ((warp.live & bit) == 0) {
      entry.wait = Wait::kDone;
    } else if (in_group) {
      entry.wait = Wait::kWarp;
    } else if ((warp.runnable >> warp.order->position_of[lane.number] & 1u) != 0) {
      entry.wait = Wait::kNone;
    }
    status.push_back(entry);
  }
  return status;
}

}  // namespace assay::simt
