// The random inputs of a launch, drawn where nobody has judged it on them.
#pragma once

#include <cstdint>

#include "harness/config/case.h"
#include "harness/device/case_buffers.h"
#include "reference/tensor_vector.h"

namespace assay {

// Those of that seed, in the case's dtype and layout; an absent one is empty.
TensorBits RandomInputBits(const Case& c, std::uint64_t seed);

void UploadRandomInputs(const Case& c, std::uint64_t seed, CaseBuffers& buffers);

}  // namespace assay
