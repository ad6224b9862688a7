// Between logical-order float tensors on the host and a dtype's bits in a layout's order, as they stand in device memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "reference/dtype.h"
#include "reference/operator.h"

namespace assay {

// Permutes from logical order to the layout's and converts; parallel over the tensor.
std::vector<std::byte> ToDeviceBits(const TensorSpec& spec, std::span<const float> logical, assay_dtype dtype,
                                    assay_layout layout);

// The inputs of a case, filled in logical order; an absent tensor is an empty vector.
std::vector<std::vector<float>> FillInputs(const Problem& problem, assay_dtype dtype, FillKind kind, std::uint64_t seed);

}  // namespace assay
