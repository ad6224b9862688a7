// NVTX ranges in the domain "assay": sweep > case > verify / warm-up / measure. Without a profiler they cost nothing;
// without the nvtx3 headers they are empty.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace assay {

// Open from construction to destruction. `payload` is the case's number in the sweep, where there is one.
class ProfileRange {
 public:
  enum class Kind { kSweep, kCase, kVerify, kWarmUp, kMeasure };
  ProfileRange(Kind kind, const std::string& message, std::uint64_t payload = 0);
  ~ProfileRange();
  ProfileRange(const ProfileRange&) = delete;
  ProfileRange& operator=(const ProfileRange&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace assay
