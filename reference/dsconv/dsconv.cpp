#include "reference/dsconv/dsconv.h"

#include <fmt/format.h>

#include <cmath>

#include "reference/dsconv/bound.h"
#include "reference/dsconv/boundary.h"
#include "reference/dsconv/fast.h"
#include "reference/dsconv/fill.h"
#include "reference/dsconv/probe.h"
#include "reference/dsconv/problem.h"
#include "reference/dsconv/problem_id.h"
#include "reference/dsconv/random_shape.h"
#include "reference/dsconv/special.h"
#include "reference/dtype.h"

namespace assay::dsconv {
namespace {

class Dsconv final : public Operator {
 public:
  std::string_view name() const override { return "dsconv"; }
  std::string_view summary() const override {
    return "depthwise-separable convolution: depthwise r x s, activation, pointwise 1 x 1, activation";
  }

  std::span<const ParamSpec> params() const override { return Params(); }
  Problem MakeProblem(const ParamMap& values) const override { return ToProblem(*this, MakeShape(values)); }
  std::string ProblemId(const Problem& problem) const override { return ShapeId(ToShape(problem)); }
  Problem ParseProblemId(std::string_view id) const override { return ToProblem(*this, ParseShapeId(id)); }

  std::vector<TensorSpec> Inputs(const Problem& problem) const override {
    return dsconv::Inputs(ToShape(problem));
  }
  std::vector<TensorSpec> Outputs(const Problem& problem) const override {
    return dsconv::Outputs(ToShape(problem));
  }

  // By the usual count: a multiply-add is two FLOPs, taps that fall on the padding count, biases and
  // activations do not.
  Cost CostOf(const Problem& problem, assay_dtype dtype) const override {
    const Shape d = ToShape(problem);
    Cost cost;
    for (const TensorSpec& spec : Inputs(problem)) cost.compulsory_bytes += static_cast<double>(spec.Count());
    for (const TensorSpec& spec : Outputs(problem))
      cost.compulsory_bytes += static_cast<double>(spec.Count());
    cost.compulsory_bytes *= static_cast<double>(DTypeBytes(dtype));
    const double pixels = static_cast<double>(d.n * d.p) * static_cast<double>(d.q);
    const auto channels = static_cast<double>(d.c);
    cost.work = {{"depthwise", 2 * pixels * channels * static_cast<double>(d.r * d.s), false},
                 {"pointwise", 2 * pixels * channels * static_cast<double>(d.k), true}};
    return cost;
  }

  bool HasExactInputs(const Problem& problem, assay_dtype /*dtype*/, std::string* why) const override {
    const Shape d = ToShape(problem);
    for (const auto& [key, activation] :
         {std::pair("act_mid", d.ActMid()), std::pair("act_out", d.ActOut())}) {
      if (KeepsIntegers(activation)) continue;
      if (why != nullptr) {
        *why = fmt::format("{} = {} {} and so rounds whatever the inputs", key, ActivationName(activation),
                           activation == Activation::kSilu ? "takes an exponential" : "divides by 6");
      }
      return false;
    }
    return true;
  }

  void Fill(const Problem& problem, int index, assay_dtype dtype, FillKind kind, std::uint64_t seed,
            std::span<float> values) const override {
    const Shape d = ToShape(problem);
    const TensorSpec spec = dsconv::Inputs(d).at(static_cast<std::size_t>(index));
    if (static_cast<std::int64_t>(values.size()) != spec.Count()) {
      throw std::invalid_argument(
          fmt::format("{} of dsconv has {} elements, not {}", spec.name, spec.Count(), values.size()));
    }
    FillInput(d, static_cast<InputIndex>(index), dtype, kind, seed, values);
  }

  void Evaluate(const Problem& problem, std::span<const std::span<const float>> inputs,
                const OutputSink& sink) const override {
    EvaluateFast(ToShape(problem), inputs, sink);
  }

  void EvaluateValues(const Problem& problem, std::span<const std::span<const float>> inputs,
                      const OutputSink& sink) const override {
    EvaluateFast(ToShape(problem), inputs, sink, {.magnitude = false});
  }

  ErrorBound Bound(const Problem& problem, assay_dtype dtype, const assay_promise& promise) const override {
    return BoundOf(ToShape(problem), dtype, promise);
  }

  std::vector<BoundaryProblem> BoundaryProblems(std::span<const TileAxis> tile) const override {
    std::vector<BoundaryProblem> problems;
    for (const auto& [shape, label] : BoundaryShapes(tile))
      problems.push_back({ToProblem(*this, shape), label});
    return problems;
  }

  std::vector<BoundaryProblem> HugeProblems() const override {
    std::vector<BoundaryProblem> problems;
    for (const auto& [shape, label] : HugeShapes()) problems.push_back({ToProblem(*this, shape), label});
    return problems;
  }

  Problem RandomProblem(std::uint64_t seed) const override { return ToProblem(*this, RandomShape(seed)); }

  int ProbeTurns(const Problem& problem, FillKind probe) const override {
    return ProbeTurnsOf(ToShape(problem), probe);
  }
  void FillProbe(const Problem& problem, int index, assay_dtype dtype, const assay_promise& promise,
                 FillKind probe, std::uint64_t seed, std::span<float> values) const override {
    FillProbeInput(ToShape(problem), static_cast<InputIndex>(index), dtype, promise, probe, seed, values);
  }
  std::string ProbeKey(const Problem& problem, assay_dtype dtype, const assay_promise& promise,
                       FillKind probe, std::uint64_t seed) const override {
    return ProbeKeyOf(ToShape(problem), dtype, promise, probe, seed);
  }
  Expectation ExpectationOf(const Problem& problem, assay_dtype dtype, const assay_promise& promise,
                            FillKind probe, std::uint64_t seed) const override {
    return dsconv::ExpectationOf(ToShape(problem), dtype, promise, probe, seed);
  }
  bool ChangeOneElement(const Problem& problem, assay_dtype dtype, FillKind kind, TensorRole role,
                        std::uint64_t seed, std::vector<TensorVector<float>>& inputs) const override {
    return dsconv::ChangeOneElement(ToShape(problem), dtype, kind, role, seed, inputs);
  }

  std::vector<double> IdleValues(const Problem& problem) const override {
    if (ToShape(problem).ActOut() == Activation::kRelu6) return {0.0, 6.0};
    return {0.0};
  }

  // relu and relu6 clip what is negative, which is half.
  double InformativeShare(const Problem& problem) const override {
    const Shape d = ToShape(problem);
    const bool clips = d.ActOut() == Activation::kRelu || d.ActOut() == Activation::kRelu6;
    double kept = clips ? 0.5 : 1;
    // Likewise in the middle, where all channels of a pixel may be clipped.
    const bool clips_middle = d.ActMid() == Activation::kRelu || d.ActMid() == Activation::kRelu6;
    if (clips_middle && d.bias_pw == 0) kept *= 1 - std::exp2(-static_cast<double>(d.c));
    return kept;
  }
};

}  // namespace

const Operator& DsconvOperator() {
  static const Dsconv op;
  return op;
}

}  // namespace assay::dsconv
