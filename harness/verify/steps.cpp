#include "harness/verify/steps.h"

#include <fmt/format.h>

#include <array>
#include <deque>

#include "harness/verify/rounding.h"
#include "harness/verify/sentences.h"

namespace assay {
namespace {

// Output elements that one thread compares at a time.
constexpr std::int64_t kPiece = 1 << 16;

Expectation ExpectationOf(const Drawing& drawing) {
  const Operator& op = *drawing.problem->op;
  if (IsProbe(drawing.kind)) {
    return op.ExpectationOf(*drawing.problem, drawing.dtype, drawing.promise, drawing.kind, drawing.seed);
  }
  Expectation expected;
  expected.exact = drawing.kind == FillKind::kExact;
  if (!expected.exact) expected.bound = op.Bound(*drawing.problem, drawing.dtype, drawing.promise);
  return expected;
}

void CompareStored(const OutputReference& reference, const Expectation& expected, std::int64_t count,
                   std::size_t element_bytes, OutputComparer& comparer) {
  const std::int64_t pieces = (count + kPiece - 1) / kPiece;
#pragma omp parallel for schedule(static) if (pieces > 1)
  for (std::int64_t i = 0; i < pieces; ++i) {
    const auto first = static_cast<std::size_t>(i * kPiece);
    const auto size = static_cast<std::size_t>(std::min(kPiece, count - i * kPiece));
    if (expected.exact) {
      comparer.CompareExactBits(
          i * kPiece, std::span(reference.bits).subspan(first * element_bytes, size * element_bytes),
          reference.has_nan);
    } else {
      comparer.CompareBounded(i * kPiece, reference.reference.span().subspan(first, size),
                              reference.magnitude.span().subspan(first, size), expected.bound);
    }
  }
}

// As CompareStored, for a reference that is too large to be stored.
void CompareWhileEvaluating(const Drawing& drawing, const Expectation& expected_of, ReferenceCache& cache,
                            std::deque<OutputComparer>& comparers) {
  cache.Evaluate(drawing, [&](int output, std::int64_t first, std::span<const double> reference,
                              std::span<const double> magnitude) {
    OutputComparer& comparer = comparers[static_cast<std::size_t>(output)];
    if (!expected_of.exact) {
      comparer.CompareBounded(first, reference, magnitude, expected_of.bound);
      return;
    }
    std::array<float, 1024> expected;
    for (std::size_t begin = 0; begin < reference.size(); begin += expected.size()) {
      const std::size_t count = std::min(expected.size(), reference.size() - begin);
      RoundAll(reference.subspan(begin, count), drawing.dtype, std::span(expected).first(count));
      comparer.CompareExact(first + static_cast<std::int64_t>(begin), std::span(expected).first(count));
    }
  });
}

}  // namespace

std::span<const JudgingStep> JudgingSteps() {
  static const std::array steps = {ExactStep(), BoundedStep(), PrecisionStep(), SpecialValuesStep(),
                                   OrderStep()};
  return steps;
}

Finding CompareOutputs(Step step, const Case& c, const VariantInfo& variant, const Drawing& of,
                       std::span<const std::span<const std::byte>> bits, ReferenceCache& cache,
                       HostArray<float>& room) {
  const InStage stage(cache.stage_clock(), "compare");
  const std::vector<TensorSpec> specs = c.problem.op->Outputs(c.problem);
  if (bits.size() != specs.size()) {
    throw std::invalid_argument(
        fmt::format("{} outputs were given where the problem has {}", bits.size(), specs.size()));
  }
  Drawing drawing = of;
  drawing.promise = variant.promise(c.dtype);
  const Expectation expected = ExpectationOf(drawing);
  const std::shared_ptr<const Reference> reference = cache.Find(drawing, c.layout);
  const bool counts_idle = step == Step::kExact || step == Step::kBounded;
  std::deque<HostArray<float>> more_rooms;  // one output can use the caller's
  std::deque<OutputComparer> comparers;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (reference && expected.exact) {
      comparers.emplace_back(specs[i], c.dtype, c.layout, bits[i]);
    } else {
      HostArray<float>& its_room = i == 0 ? room : more_rooms.emplace_back();
      comparers.emplace_back(specs[i], c.dtype, c.layout, bits[i], its_room);
    }
    if (drawing.HasSpecialValues()) {
      comparers.back().ExpectSpecialValues(expected.nan_for_infinity, drawing.promise.drops_nan != 0);
    }
    if (counts_idle && !reference) comparers.back().CountIdle(c.problem.op->IdleValues(c.problem));
  }
  if (reference) {
    for (std::size_t i = 0; i < specs.size(); ++i)
      CompareStored((*reference)[i], expected, specs[i].Count(), DTypeBytes(c.dtype), comparers[i]);
  } else {
    CompareWhileEvaluating(drawing, expected, cache, comparers);
  }
  Finding finding;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const Comparison comparison = comparers[i].Result();
    finding.max_error_share = std::max(finding.max_error_share, comparison.max_error_share);
    finding.compared += comparison.total;
    finding.idle += reference && counts_idle ? (*reference)[i].idle : comparison.idle;
    if (comparison.wrong > 0 && !finding.failure) {
      finding.failure = MismatchFailure(step, drawing.seed, specs[i], c.dtype, comparison);
    }
  }
  return finding;
}

Finding CompareLastLaunch(Step step, CaseRun& run, const Drawing& drawing) {
  std::vector<std::span<const std::byte>> bits;
  for (std::size_t i = 0; i < run.outputs().size(); ++i) bits.push_back(run.OutputBits(static_cast<int>(i)));
  return CompareOutputs(step, run.c(), run.variant(), drawing, bits, run.cache(), run.logical_room());
}

std::string ElementsOfOutputs(const std::vector<TensorSpec>& outputs) {
  std::string text;
  for (const TensorSpec& spec : outputs) {
    if (!text.empty()) text += ", ";
    text += Counted(spec.Count(), "element", "elements") + " of " + spec.name;
  }
  return text;
}

}  // namespace assay
