// The number of threads that the reference is computed with, for the length of a scope.
#pragma once

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace assay::dsconv {

#if defined(_OPENMP)
inline constexpr bool kHasThreads = true;
inline int MaxThreads() { return omp_get_max_threads(); }
inline void SetThreads(int threads) { omp_set_num_threads(threads); }
#else
// Built without OpenMP (ASSAY_OPENMP): there is one thread, whatever is asked for.
inline constexpr bool kHasThreads = false;
inline int MaxThreads() { return 1; }
inline void SetThreads(int) {}
#endif

class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(MaxThreads()) { SetThreads(threads); }
  ~ThreadCount() { SetThreads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

}  // namespace assay::dsconv
