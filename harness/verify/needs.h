// What memory it takes to judge a problem that is too large for the probes, told before it is tried: a
// machine that runs out of memory kills processes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "harness/device/device.h"
#include "reference/operator.h"

namespace assay {

struct JudgingMemory {
  std::size_t device_bytes = 0;
  std::size_t host_bytes = 0;  // free before the judge is made, which takes half of it for its cache
};

// At least so much has to be free. There is some room in it for a workspace and for what is small.
JudgingMemory MemoryToJudge(const Problem& problem, assay_dtype dtype);

// What there is where cases would be judged.
struct JudgingRoom {
  std::size_t device_bytes = 0;           // free
  std::optional<std::size_t> host_bytes;  // likewise; nothing if it is not known
  std::string too_slow;  // what takes too long for problems of more than 2^31 elements; empty: nothing
};

JudgingRoom RoomOn(const Device& device);

// Why a problem of more than 2^31 elements that takes so much cannot be judged there; empty: it can.
//   "9.3 GiB of free device memory are needed, and 5 GiB are free"
std::string WhyNoRoom(const JudgingMemory& needs, const JudgingRoom& room);

}  // namespace assay
