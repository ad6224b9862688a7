// How far a correct kernel's output may be from the fp64 reference, given the arithmetic that it promises.
#pragma once

#include "reference/dsconv/problem.h"

namespace assay::dsconv {

// Derived step by step in bound.cpp; told in words in docs/judging.md.
ErrorBound BoundOf(const Shape& shape, assay_dtype dtype, const assay_promise& promise);

// Likewise for a probe's outputs.
Expectation ExpectationOf(const Shape& shape, assay_dtype dtype, const assay_promise& promise, FillKind probe,
                          std::uint64_t seed);

}  // namespace assay::dsconv
