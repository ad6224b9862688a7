// Step memory: behind every launch, guard zones are intact and inputs unchanged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/device/case_buffers.h"
#include "harness/record/record.h"

namespace assay {

std::optional<Failure> CheckMemoryStep(const CaseBuffers& buffers, std::uint64_t seed);
std::string MemoryPassed(int launches);

}  // namespace assay
