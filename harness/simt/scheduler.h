// Runs the blocks of a launch on one operating-system thread, a fiber for each CUDA thread that has to wait.
//
// A lane waits for nothing, for its warp, for its block, or is done. It runs until it waits; then the scheduler resumes the
// next runnable lane directly from there, of the same warp as long as there is one, so that a warp's stacks stay in the
// first-level cache. A lane that never waits costs no switch: the fiber on which it ended takes the next lane that has
// not started. If no lane can run and some are not done, the block is at fault.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

#include "harness/simt/async_copies.h"
#include "harness/simt/fault_report.h"
#include "harness/simt/fiber.h"
#include "harness/simt/include/device_launch_parameters.h"
#include "harness/simt/lane_order.h"
#include "harness/simt/launch.h"
#include "harness/simt/shared_region.h"

namespace assay::simt {

struct Warp;

struct Lane {
  Fiber* fiber = nullptr;  // set while the lane is started and not done
  Warp* warp = nullptr;
  uint3 index{};             // its threadIdx
  std::uint32_t number = 0;  // in the warp
  // The collective at which it last arrived.
  std::uint32_t mask = 0;
  std::source_location where{};
  Collective at{};
};

// Lanes that have arrived at one collective of a warp. Several can be under way, with different masks.
struct Group {
  Collective at{};
  std::uint32_t mask = 0;
  std::uint32_t arrived = 0;
};

struct Warp {
  std::uint32_t live = 0;      // lanes that are not done
  std::uint32_t runnable = 0;  // positions, see LanePermutation
  std::uint32_t position = 0;  // of the warp in the order of the block's warps
  std::uint32_t num_groups = 0;
  Lane* lanes = nullptr;
  const LanePermutation* order = nullptr;
  std::array<std::uint64_t, 32> value{};   // what each lane brought to its collective
  std::array<std::uint32_t, 32> source{};  // the lane whose value a shuffle gives it
  std::array<std::uint64_t, 32> result{};  // what it takes away
  std::array<Group, 32> groups{};
};

class Scheduler {
 public:
  // The one of this operating-system thread, made on first use.
  static Scheduler& OfThisThread();
  // The one whose block runs on this thread; null outside of kernels.
  static Scheduler* Running();

  Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Prepares for the blocks of `launch`, which outlives them.
  void Begin(const Launch& launch);
  // Runs a block. Returns the report of its fault, or nothing. Throws std::system_error if it cannot be started.
  std::string RunBlock(std::uint64_t number);

  // For the collectives, called by the lane that runs.
  std::uint64_t ArriveInWarp(Collective at, std::uint32_t mask, std::uint64_t value, std::uint32_t source,
                             std::source_location where);
  struct BarrierResult {
    bool any = false;
    bool all = true;
    int count = 0;
  };
  BarrierResult ArriveAtBarrier(Collective at, bool predicate, std::source_location where);
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
  void Suspend(Lane& self);
  Group& GroupOf(Warp& warp, Collective at, std::uint32_t mask);
  void ReleaseGroup(Warp& warp, Group& group);
  void ReleaseCompleteGroups(Warp& warp);
  bool SourcesArrived(const Warp& warp, const Group& group);
  void ReleaseBarrier();
  void RecordFault(const std::string& what);
  std::vector<LaneStatus> Status() const;
  std::uint32_t CurrentThread() const { return static_cast<std::uint32_t>(current_ - lanes_.data()); }
  std::string Who(const Lane& lane) const;

  // Read at each switch.
  Lane* current_ = nullptr;
  Warp* running_ = nullptr;      // whose lanes are picked first
  std::uint32_t ready_ = 0;      // positions of warps that may have a runnable lane; that of running_ is always set
  std::uint32_t live_ = 0;       // lanes of the block that are not done
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

}  // namespace assay::simt
