// The same result as plain.h's, many times faster: OpenMP over blocks of pixels, the pointwise half by
// OpenBLAS.
#pragma once

#include <span>

#include "reference/dsconv/problem.h"

namespace assay::dsconv {

struct FastOptions {
  bool magnitude = true;  // false: the sink gets empty magnitudes (to see what they cost)
};

// Calls `sink` once for each run of consecutive output pixels, from several threads at once. Element by
// element the result is the same for any number of threads. The magnitude is computed in fp32 and rounded up:
// it is at least the true one and, for up to 4000 channels, at most 1.001 of it. Weights must be finite:
// where a kernel hangs over the image's edge, they are multiplied by zero. An exception from the sink ends
// the evaluation and is thrown on.
void EvaluateFast(const Shape& shape, std::span<const std::span<const float>> inputs, const OutputSink& sink,
                  const FastOptions& options = {});

}  // namespace assay::dsconv
