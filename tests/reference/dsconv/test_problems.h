// Problems and inputs that the tests of dsconv share.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "reference/dsconv/plain.h"
#include "reference/dsconv/problem.h"
#include "reference/operator.h"

namespace assay::dsconv {

// The shape of a problem id, as "n1c2k3h4w5r1".
Shape ShapeOf(const std::string& id);

// A small legal problem with every parameter varied: odd sizes, strides and dilations per axis, kernels up to
// 11, uneven padding, both biases, all activations.
Shape RandomShape(std::mt19937_64& random);

// Inputs in the order of InputIndex, and views of them.
struct InputSet {
  std::vector<TensorVector<float>> values;
  std::vector<std::span<const float>> views;
};
InputSet MakeInputs(const Shape& shape, assay_dtype dtype, FillKind kind, std::uint64_t seed);

// EvaluateFast's output, with the number of times that each element was given.
struct CollectedResult {
  PlainResult result;
  std::vector<int> times;
};
CollectedResult Collect(const Shape& shape, const InputSet& inputs);

}  // namespace assay::dsconv
