// Problems of more than 2^31 elements in a sweep of boundary problems.
#pragma once

#include "harness/config/config.h"
#include "harness/verify/needs.h"

namespace assay {

// Adds those that can be judged in that room to `sweep`, which WithBoundaryProblems made from `base`, and a
// notice that says how many cannot, and why.
void AddHugeProblemsThatFit(const Sweep& base, const JudgingRoom& room, Sweep& sweep);

}  // namespace assay
