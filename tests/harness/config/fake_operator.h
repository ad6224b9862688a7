// A small operator for tests of the config reader, which must know nothing of any operator.
#pragma once

#include <span>

#include "harness/config/config.h"
#include "reference/operator.h"

namespace assay::testing {

// "pool": n and c (from 1, required), kernel (an integer or a pair, 1 by default, neither part above c), mode
// (max or mean). Resolved: n c r s mean. Ids: "n1c2r3s3", "-mean" behind it.
// Boundary problems: n1c1, and each axis n or c at tile + 1. Random ones: n is 1 + seed modulo 50.
const Operator& FakeOperator();
std::span<const Operator* const> FakeOperators();
// Kernels naive and tiled, baselines lib and otherlib.
Catalog FakeCatalog();

}  // namespace assay::testing
