#include "harness/verify/needs.h"

#include <fmt/format.h>

#include "harness/device/case_buffers.h"
#include "harness/device/host_memory.h"
#include "harness/verify/sentences.h"
#include "reference/dtype.h"

namespace assay {

JudgingMemory MemoryToJudge(const Problem& problem, assay_dtype dtype) {
  constexpr std::size_t kRest = std::size_t{1} << 30;
  const std::size_t element = DTypeBytes(dtype);
  // Beside the cache (reference_cache.h), which is never larger than half of the free memory: one set of
  // inputs as floats and as bits, the bits of the outputs, and the outputs as floats where the layout is
  // another.
  std::size_t beside_cache = kRest;
  for (const auto& specs : {problem.op->Inputs(problem), problem.op->Outputs(problem)}) {
    for (const TensorSpec& spec : specs) {
      if (spec.present) beside_cache += static_cast<std::size_t>(spec.Count()) * (sizeof(float) + element);
    }
  }
  return {CaseBuffers::BytesNeeded(problem, dtype, kRest), 2 * beside_cache};
}

JudgingRoom RoomOn(const Device& device) {
  return {device.FreeBytes(), HostFreeBytes(),
          device.info().backend == ASSAY_BACKEND_HOST ? "the host device" : ""};
}

std::string WhyNoRoom(const JudgingMemory& needs, const JudgingRoom& room) {
  if (!room.too_slow.empty()) return room.too_slow + " is too slow for so large a problem";
  std::string why;
  const auto compare = [&](const char* what, std::size_t needed, std::optional<std::size_t> free_bytes) {
    if (free_bytes && *free_bytes >= needed) return;
    why += fmt::format("{}{} of free {} memory are needed, and {}", why.empty() ? "" : "; ", Size(needed),
                       what, free_bytes ? Size(*free_bytes) + " are free" : "what is free is not known");
  };
  compare("device", needs.device_bytes, room.device_bytes);
  compare("host", needs.host_bytes, room.host_bytes);
  return why;
}

}  // namespace assay
