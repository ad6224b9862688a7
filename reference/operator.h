// The seam between the harness and an operator. The harness knows operators only through this interface; an
// operator is one folder under reference/ and one row in reference/operators.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernels/pack.h"
#include "reference/tensor_vector.h"

namespace assay {

class Operator;

// Parameters that break a rule of the operator. what() names them, their values and the rule.
class ProblemError : public std::runtime_error {
 public:
  ProblemError(std::string param, const std::string& message)
      : std::runtime_error(message), param_(std::move(param)) {}
  // The config key at fault, so that a reader can point at its line; empty if no single one is.
  const std::string& param() const { return param_; }

 private:
  std::string param_;
};

// A parameter as a config or a table gives it: 3, "same", or [1, 2].
using ParamValue = std::variant<std::int64_t, std::string, std::vector<std::int64_t>>;
using ParamMap = std::map<std::string, ParamValue, std::less<>>;

// One key that a config may set for this operator.
struct ParamSpec {
  std::string name;     // "stride"
  std::string allowed;  // "integer >= 1, or [h, w]", for messages and for the JSON schema's description
  bool required = false;
  std::string fallback;  // its value if not given, as a person would write it; empty if required
};

// One checked instance of an operator: every parameter resolved to an integer, in the order that the operator
// defines.
struct Problem {
  const Operator* op = nullptr;
  std::vector<assay_param> params;  // names are string literals owned by the operator

  std::int64_t Get(std::string_view name) const;  // throws std::out_of_range for an unknown name
  // A view for a pack; valid as long as this Problem is.
  assay_problem View(assay_dtype dtype, assay_layout layout) const;
  bool operator==(const Problem& other) const;
};

enum class TensorRole { kActivation, kWeight, kOutput };

// A tensor in logical order: row-major over `dims`. Activations and outputs are permuted to the case's layout
// in device memory; weights never are.
struct TensorSpec {
  std::string name;       // "x", "w_dw", "b_dw", "w_pw", "b_pw", "y"
  std::string dim_names;  // one letter a dimension, for coordinates in messages: "nchw"
  TensorRole role = TensorRole::kActivation;
  std::vector<std::int64_t> dims;
  bool present = true;  // an absent optional tensor keeps its place in the order

  std::int64_t Count() const;  // elements; 0 if absent
  // Element strides in device memory, one a dimension.
  std::vector<std::int64_t> Strides(assay_layout layout) const;
};

// Arithmetic that the operator needs whatever the kernel does.
struct Work {
  std::string what;     // "depthwise", "pointwise"
  double flops = 0;     // a multiply-add counts two
  bool matrix = false;  // can be done by matrix units (tensor cores)
};

struct Cost {
  double compulsory_bytes = 0;  // every input read once, every output written once
  std::vector<Work> work;
  double Flops() const;
};

enum class FillKind {
  kExact,   // small integers; every intermediate and every partial sum is exact in the dtype
  kRandom,  // zero-mean random reals, scaled so that activations see both of their regimes

  // Probes. Each asks one question of the arithmetic, and its limits depend on what a variant promises.
  kWide,        // integers so wide that their sums need all of the promised formats
  kActivation,  // one-term sums, so that nothing but an activation rounds; its argument sweeps a wide range
  kSpecial,     // NaN, infinities, signed zeros and subnormal numbers here and there among random reals
  kSubnormal,   // exact integers, scaled so that activations are subnormal numbers and the output is not
};
inline bool IsProbe(FillKind kind) { return kind != FillKind::kExact && kind != FillKind::kRandom; }

// |computed - reference| <= magnitude * to_magnitude + |reference| * to_reference + absolute.
struct ErrorBound {
  double to_magnitude = 0;
  double to_reference = 0;
  double absolute = 0;
};

// What a probe's output is held against.
struct Expectation {
  bool exact = false;  // the reference rounded once to the dtype, bit for bit; otherwise it is within `bound`
  ErrorBound bound;
  // An output that an infinity reaches may be NaN as well, because the definition leaves it open.
  bool nan_for_infinity = false;
};

// A run of consecutive output elements in logical order. Called from several threads at once, each element
// exactly once over a whole evaluation. `magnitude` is the sum of |terms| that rounding errors are bounded
// by, see docs/judging.md.
using OutputSink = std::function<void(int output, std::int64_t first, std::span<const double> reference,
                                      std::span<const double> magnitude)>;

// One axis along which a kernel works in pieces, as assay_tile_axis: 32 output columns a block are {"q", 32}.
struct TileAxis {
  std::string param;
  std::int64_t size = 0;
  auto operator<=>(const TileAxis&) const = default;
};

// A problem at a place where kernels break.
struct BoundaryProblem {
  Problem problem;
  std::string label;  // why it is one: "q = tile + 1 (33)"
};

class Operator {
 public:
  virtual ~Operator() = default;

  virtual std::string_view name() const = 0;
  virtual std::string_view summary() const = 0;

  virtual std::span<const ParamSpec> params() const = 0;
  // Checks and resolves. Throws ProblemError.
  virtual Problem MakeProblem(const ParamMap& values) const = 0;
  // Short text that a person can type, without '/' or spaces; and back. ParseProblemId throws ProblemError.
  virtual std::string ProblemId(const Problem& problem) const = 0;
  virtual Problem ParseProblemId(std::string_view id) const = 0;

  // Inputs in the order of assay_buffers.inputs; outputs likewise.
  virtual std::vector<TensorSpec> Inputs(const Problem& problem) const = 0;
  virtual std::vector<TensorSpec> Outputs(const Problem& problem) const = 0;
  virtual Cost CostOf(const Problem& problem, assay_dtype dtype) const = 0;

  // True if kExact inputs make every correct kernel's output equal the reference bit for bit (a
  // transcendental activation does not); otherwise `why` says what prevents it.
  virtual bool HasExactInputs(const Problem& problem, assay_dtype dtype, std::string* why) const = 0;
  // Fills input `index` in logical order with values representable in dtype. Deterministic in all arguments,
  // whatever the number of threads. values.size() == Inputs()[index].Count().
  virtual void Fill(const Problem& problem, int index, assay_dtype dtype, FillKind kind, std::uint64_t seed,
                    std::span<float> values) const = 0;

  // fp64 evaluation of all outputs from logical-order inputs (an absent one is an empty span).
  virtual void Evaluate(const Problem& problem, std::span<const std::span<const float>> inputs,
                        const OutputSink& sink) const = 0;
  // The same for a comparison that needs no magnitudes: the sink may get empty ones, and it may take much
  // less time.
  virtual void EvaluateValues(const Problem& problem, std::span<const std::span<const float>> inputs,
                              const OutputSink& sink) const {
    Evaluate(problem, inputs, sink);
  }
  // The bound that follows from what a variant promises.
  virtual ErrorBound Bound(const Problem& problem, assay_dtype dtype, const assay_promise& promise) const = 0;

  // Shapes that break kernels; an operator that knows none has none.
  //
  // Small problems around the multiples of the tile, and those that are odd whatever the tile. None stands
  // twice; each is cheap to evaluate on a CPU, so that an axis which is too long for that is left out. A
  // parameter that the operator does not tile by is ignored.
  virtual std::vector<BoundaryProblem> BoundaryProblems(std::span<const TileAxis> /*tile*/) const {
    return {};
  }
  // Problems with more than 2^31 elements in one tensor and little arithmetic. What memory they need is said
  // in harness/verify/needs.h.
  virtual std::vector<BoundaryProblem> HugeProblems() const { return {}; }
  // A valid small problem from anywhere in the space of parameters: the same on every machine for the same
  // seed. Throws ProblemError if the operator cannot draw one.
  virtual Problem RandomProblem(std::uint64_t /*seed*/) const {
    throw ProblemError("", std::string(name()) + " has no generator of problems");
  }

  // How many consecutive seeds ask all that a probe has to ask; 0 if the probe says nothing about the
  // problem.
  virtual int ProbeTurns(const Problem& /*problem*/, FillKind /*probe*/) const { return 0; }
  // Fill() for a probe.
  virtual void FillProbe(const Problem& problem, int index, assay_dtype dtype, const assay_promise& promise,
                         FillKind probe, std::uint64_t seed, std::span<float> values) const;
  // What FillProbe() takes from the promise, told so that equal texts mean equal inputs: references are kept
  // by it. For the same problem, dtype, probe and seed.
  virtual std::string ProbeKey(const Problem& problem, assay_dtype dtype, const assay_promise& promise,
                               FillKind probe, std::uint64_t seed) const;
  virtual Expectation ExpectationOf(const Problem& problem, assay_dtype dtype, const assay_promise& promise,
                                    FillKind probe, std::uint64_t seed) const;
  // Changes one element of the inputs of that role, filled with `kind`, so that part of the output becomes
  // another, beyond any bound: an activation becomes NaN, a weight stays finite and keeps exact inputs exact.
  // False if no element would do.
  virtual bool ChangeOneElement(const Problem& /*problem*/, assay_dtype /*dtype*/, FillKind /*kind*/,
                                TensorRole /*role*/, std::uint64_t /*seed*/,
                                std::vector<TensorVector<float>>& /*inputs*/) const {
    return false;
  }

  // Values that say little where an output has them: zero, and what an activation saturates at.
  virtual std::vector<double> IdleValues(const Problem& /*problem*/) const { return {0.0}; }
  // The share of outputs that has other values by the operator's design, for inputs around zero.
  virtual double InformativeShare(const Problem& /*problem*/) const { return 1; }
};

// All operators, in the order of reference/operators.cpp.
std::span<const Operator* const> Operators();
const Operator* FindOperator(std::string_view name);  // nullptr if there is none

}  // namespace assay
