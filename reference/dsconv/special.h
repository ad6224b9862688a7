// Inputs with special values: FillKind::kSpecial and kSubnormal.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reference/dsconv/problem.h"
#include "reference/tensor_vector.h"

namespace assay::dsconv {

// How many seeds it takes for NaN and both infinities to have been in x: 1 if the image is large enough for
// all of them and for outputs that see none, otherwise 3; 0 if no output sees x at all.
int SpecialTurns(const Shape& shape);
void FillSpecial(const Shape& shape, InputIndex index, assay_dtype dtype, std::uint64_t seed,
                 std::span<float> values);
void FillSubnormal(const Shape& shape, InputIndex index, assay_dtype dtype, const assay_promise& promise,
                   std::uint64_t seed, std::span<float> values);
// What FillSubnormal() takes from the promise; see Operator::ProbeKey().
std::string SubnormalKey(const Shape& shape, assay_dtype dtype, const assay_promise& promise);

// An element of x that some output sees, as an index; -1 if there is none. `number` tells several apart.
std::int64_t ElementInSight(const Shape& shape, std::uint64_t seed, std::uint64_t number);

// For Operator::ChangeOneElement.
bool ChangeOneElement(const Shape& shape, assay_dtype dtype, FillKind kind, TensorRole role,
                      std::uint64_t seed, std::vector<TensorVector<float>>& inputs);

}  // namespace assay::dsconv
