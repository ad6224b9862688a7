// The words of a judgement.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "harness/config/case.h"
#include "harness/record/record.h"
#include "harness/verify/compare.h"
#include "reference/operator.h"

namespace assay {

// "n=0 k=17 p=3 q=55" for an index in logical order.
std::string Coordinates(const TensorSpec& spec, std::int64_t index);

// What to say of an output with wrong elements.
Failure MismatchFailure(Step step, std::uint64_t seed, const TensorSpec& spec, assay_dtype dtype,
                        const Comparison& comparison);

// "12.3 GiB", "64 KiB", "17 bytes".
std::string Size(std::size_t bytes);

// "it needs 12.3 GiB of device memory (x 1.1 GiB, ..., workspace 3 GiB), 9.8 GiB are free"
std::string MemoryNeeds(const Case& c, std::uint64_t workspace_bytes, std::size_t free_bytes);

// "1 launch", "6 launches".
std::string Counted(std::int64_t count, const std::string& singular, const std::string& plural);

}  // namespace assay
