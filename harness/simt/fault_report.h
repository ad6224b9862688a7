// The words in which a fault inside a kernel is reported.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

namespace assay::simt {

// The operations that make a lane wait for others.
enum class Collective : std::uint8_t {
  kSyncWarp,
  kShuffle,
  kShuffleUp,
  kShuffleDown,
  kShuffleXor,
  kBallot,
  kAny,
  kAll,
  kMultiplyF16,
  kMultiplyBf16,
  kMultiplyTf32,
  kLoadMatrices,
  kSyncThreads,
  kSyncThreadsOr,
  kSyncThreadsAnd,
  kSyncThreadsCount,
};

// As CUDA or PTX spells it, "__shfl_sync".
const char* Name(Collective collective);

// What a lane waits for.
enum class Wait { kNone, kWarp, kBlock, kDone };

struct LaneStatus {
  Wait wait = Wait::kNone;
  Collective at{};         // kWarp and kBlock
  std::uint32_t mask = 0;  // kWarp
  std::source_location where{};
};

// "divergent.cu:42"
std::string Place(const std::source_location& where);

// "0-15, 17, 32-63"
std::string Ranges(const std::vector<int>& ascending_numbers);

// One line for each group of threads in the same state, in the order of their first thread: the thread
// numbers, what they wait for and the source line. `lanes` is indexed by thread number.
std::string LaneTable(const std::vector<LaneStatus>& lanes);

// A heading for the table of a block in which no lane can go on.
std::string DeadlockCause(const std::vector<LaneStatus>& lanes);

}  // namespace assay::simt
