#include "harness/verify/sentences.h"

#include <fmt/format.h>

#include <cmath>

#include "harness/device/case_buffers.h"
#include "reference/dtype.h"

namespace assay {
namespace {

// As many digits as tell two numbers of the dtype apart.
std::string Number(double value, assay_dtype dtype) {
  return fmt::format("{:.{}g}", value, dtype == ASSAY_F32 ? 9 : 5);
}

std::string Difference(const Comparison::Mismatch& first, Step step, assay_dtype dtype) {
  // The reference is fp64; rounded to the dtype's digits it could look equal to a wrong value.
  const std::string expected = fmt::format("{:.{}g}", first.expected, 9);
  if (first.never_written) return fmt::format("expected {}, never written", expected);
  const std::string got = Number(first.got, dtype);
  if (step == Step::kExact || !std::isfinite(first.got))
    return fmt::format("expected {}, got {}", expected, got);
  return fmt::format("expected {}, got {}, off by {:.4g} where {:.4g} is allowed", expected, got,
                     std::fabs(first.got - first.expected), first.bound);
}

}  // namespace

std::string Coordinates(const TensorSpec& spec, std::int64_t index) {
  std::string text;
  for (std::size_t d = spec.dims.size(); d-- > 0;) {
    const std::string name =
        d < spec.dim_names.size() ? std::string(1, spec.dim_names[d]) : fmt::format("dim{}", d);
    text = fmt::format("{}={}{}{}", name, index % spec.dims[d], text.empty() ? "" : " ", text);
    index /= spec.dims[d];
  }
  return text;
}

Failure MismatchFailure(Step step, std::uint64_t seed, const TensorSpec& spec, assay_dtype dtype,
                        const Comparison& comparison) {
  const Comparison::Mismatch& first = comparison.first.value();
  Failure failure;
  failure.step = step;
  failure.tensor = spec.name;
  failure.coordinates = Coordinates(spec, first.index);
  failure.expected = first.expected;
  failure.got = first.got;
  failure.bound = first.bound;
  failure.count = comparison.wrong;
  failure.total = comparison.total;
  failure.seed = seed;
  const std::string unwritten = comparison.never_written > 0
                                    ? fmt::format(" ({} of them never written)", comparison.never_written)
                                    : "";
  failure.detail =
      fmt::format("step {}, seed {}: {} of {} elements of {} {} wrong{}, first at {}: {}", StepName(step),
                  seed, comparison.wrong, comparison.total, spec.name, comparison.wrong == 1 ? "is" : "are",
                  unwritten, failure.coordinates, Difference(first, step, dtype));
  return failure;
}

std::string Size(std::size_t bytes) {
  constexpr double kKibi = 1024;
  const auto value = static_cast<double>(bytes);
  if (value >= kKibi * kKibi * kKibi) return fmt::format("{:.3g} GiB", value / (kKibi * kKibi * kKibi));
  if (value >= kKibi * kKibi) return fmt::format("{:.3g} MiB", value / (kKibi * kKibi));
  if (value >= kKibi) return fmt::format("{:.3g} KiB", value / kKibi);
  return Counted(static_cast<std::int64_t>(bytes), "byte", "bytes");
}

std::string MemoryNeeds(const Case& c, std::uint64_t workspace_bytes, std::size_t free_bytes) {
  std::string parts;
  const auto add = [&](const std::string& name, std::size_t bytes) {
    if (bytes > 0) parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", name, Size(bytes));
  };
  for (const auto& specs : {c.problem.op->Inputs(c.problem), c.problem.op->Outputs(c.problem)}) {
    for (const TensorSpec& spec : specs) {
      add(spec.name, static_cast<std::size_t>(spec.Count()) * DTypeBytes(c.dtype));
    }
  }
  add("workspace", workspace_bytes);
  return fmt::format("it needs {} of device memory ({}), {} are free",
                     Size(CaseBuffers::BytesNeeded(c.problem, c.dtype, workspace_bytes)), parts,
                     Size(free_bytes));
}

std::string Counted(std::int64_t count, const std::string& singular, const std::string& plural) {
  return fmt::format("{} {}", count, count == 1 ? singular : plural);
}

}  // namespace assay
