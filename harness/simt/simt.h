// The host device's controls, for the harness: how kernels that packs launch through
// harness/simt/include/cuda_runtime.h are run on the CPU. One state for the process; all functions may be
// called from any thread.
#pragma once

#include <cstdint>
#include <string>

namespace assay::simt {

// The order in which the lanes of a block run between two barriers. A kernel without data races gives the
// same result in each of them. Warps too follow the order: last to first when reversed, in random order when
// shuffled.
enum class LaneOrder { kForward, kReversed, kShuffled };

struct Options {
  LaneOrder order = LaneOrder::kForward;
  std::uint64_t seed = 0;  // of kShuffled; the same seed gives the same order, whatever the number of threads
  int threads = 0;         // operating-system threads that blocks are spread over; 0: one a core, at most 16
};

// Takes effect with the next launch. Throws std::invalid_argument for a negative number of threads or more
// than 1024.
void SetOptions(const Options& options);
Options GetOptions();

// Restores the options at the end of a scope.
class ScopedOptions {
 public:
  explicit ScopedOptions(const Options& options) : saved_(GetOptions()) { SetOptions(options); }
  ~ScopedOptions() { SetOptions(saved_); }
  ScopedOptions(const ScopedOptions&) = delete;
  ScopedOptions& operator=(const ScopedOptions&) = delete;

 private:
  Options saved_;
};

// Why the last launch of the process failed, over several lines: the block, then which lanes waited where, or
// what was out of bounds. Empty if that launch went well. Of several faulty blocks it is the first by number.
// The launch itself returns cudaErrorLaunchFailure for a fault inside the kernel, and
// cudaErrorInvalidConfiguration or cudaErrorInvalidValue for a launch that a GPU would refuse.
std::string LastFault();

// The most dynamic shared memory that a block may have, and without cudaFuncSetAttribute; those of an H100.
inline constexpr int kMaxSharedBytes = 227 * 1024;
inline constexpr int kMaxSharedBytesWithoutOptIn = 48 * 1024;

}  // namespace assay::simt
