#include "harness/simt/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim{};
constinit thread_local dim3 gridDim{};

namespace assay::simt {
namespace {

using boost::context::detail::ontop_fcontext;
using boost::context::detail::transfer_t;

// A GPU's kernel has no rounding mode that outlives it. Here one may be left behind, on this fiber or by the
// thread that it was made on, and subnormal numbers that the next kernel flushes would be put down to that.
void SetDefaultRounding() {
#if defined(__SSE2__)
  _mm_setcsr(0x1F80);
#elif defined(__aarch64__)
  const std::uint64_t defaults = 0;
  asm volatile("msr fpcr, %0" : : "r"(defaults));
#endif
}

std::uint32_t LowestBits(std::uint32_t count) { return count >= 32 ? 0xffffffffu : (1u << count) - 1; }

}  // namespace

constinit thread_local Scheduler* Scheduler::running_here_ = nullptr;

Scheduler& Scheduler::OfThisThread() {
  thread_local std::unique_ptr<Scheduler> scheduler;
  if (!scheduler) scheduler = std::make_unique<Scheduler>();
  return *scheduler;
}

Scheduler::Scheduler() {
#if defined(__SANITIZE_THREAD__)
  main_.tsan_fiber = __tsan_get_current_fiber();
#endif
}

// --- Setting up ---

void Scheduler::Begin(const Launch& launch) {
  launch_ = &launch;
  gridDim = launch.grid;
  blockDim = launch.block;
  if (laid_out_.x != launch.block.x || laid_out_.y != launch.block.y || laid_out_.z != launch.block.z)
    LayOutLanes();
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
    lane.number = static_cast<std::uint8_t>(thread % kWarpSize);
    lane.bit = 1u << lane.number;
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
  if (aborting_) {
    aborting_ = false;
    for (Lane& lane : lanes_) lane.bit = 1u << lane.number;
  }
  fault_.clear();
  barrier_ = {};
  live_ = static_cast<std::uint32_t>(lanes_.size());
  for (std::uint32_t warp = 0; warp < warps_.size(); ++warp) {
    warps_[warp].live = LowestBits(live_ - warp * kWarpSize);
    warps_[warp].num_groups = 0;
    warps_[warp].groups[0].key = 0;
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
    for (std::uint32_t left = num_warps; left > 1; --left)
      std::swap(warp_at_[left - 1], warp_at_[random_.Below(left)]);
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

// --- Running lanes ---

std::string Scheduler::RunBlock(std::uint64_t number) {
  ResetBlock(number);
  Lane* first = PickNext();
  first->fiber = &fibers_.Acquire();
  current_ = first;
  threadIdx = first->index;
  running_here_ = this;
  SwitchFiber(main_, *first->fiber);
  if (aborting_) Unwind();
  running_here_ = nullptr;
  if (!aborting_ && shared_.Overrun()) {
    RecordFault(fmt::format(
        "something was written just past the end of the block's {} bytes of shared memory", shared_.size()));
  }
  return std::move(fault_);
}

void Scheduler::FiberMain(transfer_t from) {
  Scheduler& scheduler = *running_here_;
  Fiber& self = *scheduler.current_->fiber;
  AfterSwitch(self, from);
  for (;;) {
    Fiber& to = scheduler.RunLanes(self);
    scheduler.fibers_.Release(self);
    Fiber& resumed_by = SwitchFiber(self, to);
    if (self.quit) LeaveForGood(self, resumed_by);
  }
}

// Runs the current lane to its end, then those that have not started, until the next one lives on another
// fiber.
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
  SetDefaultRounding();
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
  warp.live &= ~lane.bit;
  --live_;
  if (aborting_) return nullptr;
  if (warp.num_groups != 0) ReleaseCompleteGroups(warp);
  if (barrier_.arrived != 0 && barrier_.arrived == live_) ReleaseBarrier();
  if (aborting_) return nullptr;
  Lane* next = PickNext();
  if (next == nullptr && live_ != 0) RecordDeadlock();
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
  AfterSwitch(*running_here_->current_->fiber, from);
  throw LaneAbort{};
}

// --- Faults ---

// From now on a lane that arrives anywhere, which it can only in a destructor that runs while it is unwound,
// goes on at once.
void Scheduler::Abort() {
  aborting_ = true;
  for (Lane& lane : lanes_) lane.bit = 0;
}

void Scheduler::RecordFault(const std::string& what) {
  if (!aborting_) Abort();
  if (!fault_.empty()) return;
  fault_ = fmt::format("block ({},{},{}): {}", blockIdx.x, blockIdx.y, blockIdx.z, what);
}

void Scheduler::RecordDeadlock() {
  const std::vector<LaneStatus> status = Status();
  RecordFault(DeadlockCause(status) + LaneTable(status));
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
    const auto* end = warp.groups.begin() + warp.num_groups;
    const auto* group = std::find_if(
        warp.groups.begin(), end, [bit](const Group& candidate) { return (candidate.arrived & bit) != 0; });
    if ((warp.live & bit) == 0) {
      status.push_back({Wait::kDone, {}, 0, {}});
    } else if (group != end) {
      status.push_back({Wait::kWarp, group->at(), group->mask(), lane.where});
    } else if ((warp.runnable >> warp.order->position_of[lane.number] & 1u) != 0) {
      status.push_back({Wait::kNone, {}, 0, {}});
    } else {
      status.push_back({Wait::kBlock, lane.at, 0, lane.where});
    }
  }
  return status;
}

}  // namespace assay::simt
