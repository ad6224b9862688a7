// Runs the blocks of a launch on one operating-system thread, a fiber for each CUDA thread that has to wait.
//
// A lane waits for nothing, for its warp, for its block, or is done. It runs until it waits; then the
// scheduler resumes the next runnable lane directly from there, of the same warp as long as there is one, so
// that a warp's stacks stay in the first-level cache. A lane that never waits costs no switch: the fiber on
// which it ended takes the next lane that has not started. If no lane can run and some are not done, the
// block is at fault.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

#include "harness/simt/async_copies.h"
#include "harness/simt/device_api.h"
#include "harness/simt/fault_report.h"
#include "harness/simt/fiber.h"
#include "harness/simt/include/device_launch_parameters.h"
#include "harness/simt/lane_order.h"
#include "harness/simt/launch.h"
#include "harness/simt/shared_region.h"

namespace assay::simt {

struct Warp;

// A cache line.
struct alignas(64) Lane : LanePort {
  Warp* warp = nullptr;
  uint3 index{};            // its threadIdx
  std::uint32_t bit = 0;    // in the masks of its warp; 0 while the block is aborted, see Scheduler::Abort()
  std::uint8_t number = 0;  // in the warp
  std::uint8_t source = 0;  // the lane whose value a shuffle gives it
  Collective at{};          // the block barrier at which it last arrived
  std::uint64_t value = 0;  // what it brought to its warp collective
  std::source_location where{};  // of the collective at which it last arrived
};
static_assert(sizeof(Lane) == 64);

// Lanes that have arrived at one collective of a warp. Several can be under way, with different masks.
struct Group {
  std::uint64_t key = 0;  // collective and mask; 0: none
  std::uint32_t arrived = 0;

  static constexpr std::uint64_t Key(Collective at, std::uint32_t mask) {
    return (std::uint64_t{static_cast<std::uint8_t>(at)} + 1) << 32 | mask;
  }
  Collective at() const { return static_cast<Collective>((key >> 32) - 1); }
  std::uint32_t mask() const { return static_cast<std::uint32_t>(key); }
};

struct Warp {
  std::uint32_t live = 0;      // lanes that are not done
  std::uint32_t runnable = 0;  // positions, see LanePermutation
  std::uint32_t position = 0;  // of the warp in the order of the block's warps
  std::uint32_t num_groups = 0;
  Lane* lanes = nullptr;
  const LanePermutation* order = nullptr;
  std::array<Group, 32> groups{};  // the first num_groups; the first of all has key 0 if there is none
};

inline constexpr std::uint32_t kWarpSize = 32;

class Scheduler {
 public:
  // The one of this operating-system thread, made on first use.
  static Scheduler& OfThisThread();
  // The one whose block runs on this thread; null outside of kernels.
  static Scheduler* Running() { return running_here_; }

  Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Prepares for the blocks of `launch`, which outlives them.
  void Begin(const Launch& launch);
  // Runs a block. Returns the report of its fault, or nothing. Throws std::system_error if it cannot be
  // started.
  std::string RunBlock(std::uint64_t number);

  // For the collectives, called by the lane that runs.
  Handoff ArriveInWarp(Collective at, std::uint32_t mask, std::uint64_t value, std::uint32_t source,
                       std::source_location where);
  struct BarrierResult {
    bool any = false;
    bool all = true;
    int count = 0;
  };
  Handoff ArriveAtBarrier(Collective at, bool predicate, std::source_location where);
  const BarrierResult& barrier_result() const { return barrier_result_; }
  std::uint32_t lane_number() const { return current_->number; }
  // Reports a fault of the running lane and unwinds it.
  [[noreturn]] void Fail(const std::string& what, const std::source_location* where = nullptr);

  const SharedRegion& shared() const { return shared_; }
  // Those of the running lane.
  AsyncCopies& copies() {
    copies_used_ = true;
    return copies_[CurrentThread()];
  }

 private:
  struct LaneAbort {};
  struct Barrier {
    std::uint32_t arrived = 0;
    Collective at{};
    std::uint32_t line = 0;
    bool mixed = false;  // lanes arrived at different barriers
    BarrierResult result;
  };

  static void FiberMain(boost::context::detail::transfer_t from);
  static boost::context::detail::transfer_t AbortOnTop(boost::context::detail::transfer_t from);

  void LayOutLanes();
  void ResetBlock(std::uint64_t number);
  void DrawOrder();
  void MakeAllRunnable();
  Fiber& RunLanes(Fiber& self);
  void RunLane();
  Lane* Finish(Lane& lane);
  void Unwind();
  Lane* PickNext();
  Handoff HandOver(Lane& self);
  [[noreturn, gnu::cold, gnu::noinline]] void FailStuck();
  [[gnu::cold, gnu::noinline]] Handoff RefuseArrival(Collective at, std::uint32_t mask,
                                                     const std::source_location& where);
  void Abort();
  void RecordDeadlock();
  Group& GroupOf(Warp& warp, std::uint64_t key);
  void ReleaseGroup(Warp& warp, Group& group);
  void ReleaseCompleteGroups(Warp& warp);
  bool AllArrived(const Warp& warp, const Group& group);
  bool SourcesArrived(const Warp& warp, const Group& group);
  void ReleaseBarrier();
  void RecordFault(const std::string& what);
  std::vector<LaneStatus> Status() const;
  std::uint32_t CurrentThread() const { return static_cast<std::uint32_t>(current_ - lanes_.data()); }
  std::string Who(const Lane& lane) const;

  __attribute__((tls_model("initial-exec"))) static constinit thread_local Scheduler* running_here_;

  // Read at each switch.
  Lane* current_ = nullptr;
  Warp* running_ = nullptr;  // whose lanes are picked first
  // Positions of warps that may have a runnable lane; that of running_ is always set.
  std::uint32_t ready_ = 0;
  std::uint32_t live_ = 0;  // lanes of the block that are not done
  bool aborting_ = false;
  Barrier barrier_;
  BarrierResult barrier_result_;  // of the barrier released last
  std::array<Warp*, 32> warp_at_{};

  const Launch* launch_ = nullptr;
  std::vector<Lane> lanes_;
  std::vector<Warp> warps_;
  std::vector<AsyncCopies> copies_;
  bool copies_used_ = false;  // in this block
  dim3 laid_out_{0, 0, 0};
  std::vector<LanePermutation> permutations_;
  LaneOrder order_ = LaneOrder::kForward;
  std::uint64_t seed_ = 0;
  OrderRandom random_{0};
  std::string fault_;
  SharedRegion shared_;
  Fiber main_;
  FiberPool fibers_{&FiberMain};
};

inline Lane* Scheduler::PickNext() {
  if (running_->runnable == 0) {
    const std::uint32_t others = ready_ & ~(1u << running_->position);
    if (others == 0) return nullptr;
    ready_ = others;
    running_ = warp_at_[static_cast<unsigned>(std::countr_zero(others))];
  }
  const auto position = static_cast<unsigned>(std::countr_zero(running_->runnable));
  running_->runnable &= running_->runnable - 1;
  return &running_->lanes[running_->order->lane_at[position]];
}

}  // namespace assay::simt
