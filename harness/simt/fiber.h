// The supply of fibers of one operating-system thread.
#pragma once

#include <memory>
#include <vector>

#include "harness/simt/fiber_switch.h"

namespace assay::simt {

// Fibers are made when needed, kept, and freed with the pool.
class FiberPool {
 public:
  // `entry` is what each fiber runs. It calls AfterSwitch() first, never returns, and after each later switch
  // calls LeaveForGood() if the fiber's `quit` is set.
  using Entry = void (*)(boost::context::detail::transfer_t);
  explicit FiberPool(Entry entry) : entry_(entry) {}
  ~FiberPool();
  FiberPool(const FiberPool&) = delete;
  FiberPool& operator=(const FiberPool&) = delete;

  // An idle fiber, the latest released first since its stack is warm. Throws std::system_error if no stack
  // can be mapped.
  Fiber& Acquire() {
    if (idle_.empty()) return Create();
    Fiber* fiber = idle_.back();
    idle_.pop_back();
    return *fiber;
  }
  void Release(Fiber& fiber) { idle_.push_back(&fiber); }

 private:
  Fiber& Create();

  Entry entry_;
  std::vector<std::unique_ptr<Fiber>> all_;
  std::vector<Fiber*> idle_;
};

// Jumps back to `to` and never runs again.
[[noreturn]] void LeaveForGood(Fiber& self, Fiber& to);

}  // namespace assay::simt
