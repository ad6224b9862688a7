// NVTX ranges in the domain "assay": sweep > case > verify / warm-up / measure. Without a profiler they cost
// a pointer test; without the nvtx3 headers they are empty.
#pragma once

#include <cstdint>
#include <string>

namespace assay {

// Open from construction to destruction, on the thread that made it: NVTX keeps one stack of ranges a thread,
// so ranges close in the reverse order of their opening, which scopes give by themselves. A range says
// nothing about other processes: whoever launches the kernels opens the ranges that a profiler is to see
// around them.
class [[nodiscard]] ProfileRange {
 public:
  enum class Kind { kSweep, kCase, kVerify, kWarmUp, kMeasure };

  // The message is the sweep's name or the case's id. `payload` is the case's number in the sweep, where
  // there is one.
  ProfileRange(Kind kind, const std::string& message, std::uint64_t payload = 0);
  // A phase of a case: the message is the phase's own name, "verify", "warm-up" or "measure", which is what a
  // profiler's filter asks for (ncu --nvtx-include assay@measure/).
  ProfileRange(Kind kind, std::uint64_t payload);
  ~ProfileRange();
  ProfileRange(const ProfileRange&) = delete;
  ProfileRange& operator=(const ProfileRange&) = delete;
};

// "sweep", "case", "verify", "warm-up", "measure".
const char* NameOf(ProfileRange::Kind kind);

}  // namespace assay
