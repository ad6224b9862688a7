#include "tests/reference/dsconv/test_problems.h"

#include "reference/dsconv/fast.h"
#include "reference/dsconv/fill.h"
#include "reference/dsconv/problem_id.h"

namespace assay::dsconv {

Shape ShapeOf(const std::string& id) { return ParseShapeId(id); }

Shape RandomShape(std::mt19937_64& random) {
  const auto from = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  const char* const activations[] = {"none", "relu", "relu6", "silu", "hardswish"};
  const char* const biases[] = {"none", "dw", "pw", "both"};
  while (true) {
    ParamMap values = {
        {"n", from(1, 3)}, {"c", from(1, 9)}, {"k", from(1, 9)}, {"h", from(1, 23)}, {"w", from(1, 41)}};
    const std::int64_t largest = from(0, 3) == 0 ? kMaxKernel : 4;
    values["kernel"] = std::vector<std::int64_t>{from(1, largest), from(1, largest)};
    values["stride"] = std::vector<std::int64_t>{from(1, 4), from(1, 4)};
    values["dilation"] = std::vector<std::int64_t>{from(1, 3), from(1, 3)};
    switch (from(0, 3)) {
      case 0:
        values["pad"] = "same";
        break;
      case 1:
        values["pad"] = "valid";
        break;
      default:
        values["pad"] = std::vector<std::int64_t>{from(0, 6), from(0, 6), from(0, 6), from(0, 6)};
    }
    values["bias"] = biases[from(0, 3)];
    values["act_mid"] = activations[from(0, 4)];
    values["act_out"] = activations[from(0, 4)];
    try {
      return MakeShape(values);
    } catch (const ProblemError&) {
      // The kernel is larger than the padded image: draw again.
    }
  }
}

InputSet MakeInputs(const Shape& shape, assay_dtype dtype, FillKind kind, std::uint64_t seed) {
  InputSet set;
  const std::vector<TensorSpec> specs = Inputs(shape);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    set.values.emplace_back(static_cast<std::size_t>(specs[i].Count()));
    FillInput(shape, static_cast<InputIndex>(i), dtype, kind, seed, set.values.back());
  }
  set.views.assign(set.values.begin(), set.values.end());
  return set;
}

CollectedResult Collect(const Shape& shape, const InputSet& inputs) {
  CollectedResult collected;
  const auto count = static_cast<std::size_t>(Outputs(shape).front().Count());
  collected.result.reference.resize(count);
  collected.result.magnitude.resize(count);
  collected.times.resize(count);
  // Threads write to elements of their own; a run given twice would show in `times`.
  EvaluateFast(
      shape, inputs.views,
      [&](int, std::int64_t first, std::span<const double> reference, std::span<const double> magnitude) {
        for (std::size_t i = 0; i < reference.size(); ++i) {
          const std::size_t at = static_cast<std::size_t>(first) + i;
          collected.result.reference.at(at) = reference[i];
          collected.result.magnitude.at(at) = magnitude[i];
          ++collected.times.at(at);
        }
      });
  return collected;
}

}  // namespace assay::dsconv
