// Switching between fibers: Boost.Context's jump, with the notes that the sanitizers need.
//
// boost::context::fiber is not used because it makes and destroys a context for each function that it runs;
// here one fiber runs many lanes, one after the other, and switches go straight from lane to lane.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace assay::simt {

// One context. The operating-system thread's own stack is one too, without `mapping`.
struct Fiber {
  boost::context::detail::fcontext_t context = nullptr;  // where it goes on; valid while it is not running
  bool quit = false;                                     // set by the pool: leave for good when resumed
  void* mapping = nullptr;
  std::size_t mapping_bytes = 0;
  // Kept for the sanitizers.
  const void* stack_bottom = nullptr;
  std::size_t stack_bytes = 0;
  void* fake_stack = nullptr;
  void* tsan_fiber = nullptr;
};

inline __attribute__((always_inline)) void BeforeSwitch([[maybe_unused]] Fiber& from,
                                                        [[maybe_unused]] Fiber& to,
                                                        [[maybe_unused]] bool leaves_for_good = false) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(leaves_for_good ? nullptr : &from.fake_stack, to.stack_bottom,
                                 to.stack_bytes);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(to.tsan_fiber, 0);
#endif
}

// First thing to do after a switch to `self`. Returns the fiber that was left.
inline __attribute__((always_inline)) Fiber& AfterSwitch([[maybe_unused]] Fiber& self,
                                                         boost::context::detail::transfer_t arrived_from) {
  Fiber& previous = *static_cast<Fiber*>(arrived_from.data);
  previous.context = arrived_from.fctx;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(self.fake_stack, &previous.stack_bottom, &previous.stack_bytes);
#endif
  return previous;
}

// Suspends `from`, which runs, and resumes `to`. Returns when somebody resumes `from`, and says who.
//
// Inlined down into the kernel because the jump leaves by an indirect jump, not a return: each function
// between it and the kernel would return to where the processor's return stack does not expect it, at some 5
// ns a time.
inline __attribute__((always_inline)) Fiber& SwitchFiber(Fiber& from, Fiber& to) {
  BeforeSwitch(from, to);
  const boost::context::detail::transfer_t back = boost::context::detail::jump_fcontext(to.context, &from);
  return AfterSwitch(from, back);
}

}  // namespace assay::simt
