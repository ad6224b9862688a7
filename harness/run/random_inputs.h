// The inputs of a launch that is watched and not judged.
#pragma once

#include <cstdint>

#include "harness/config/case.h"
#include "harness/device/case_buffers.h"

namespace assay {

// Random ones of that seed, in the case's dtype and layout.
void UploadRandomInputs(const Case& c, std::uint64_t seed, CaseBuffers& buffers);

}  // namespace assay
