#include "harness/record/names.h"

namespace assay {
namespace {

template <typename Enum, std::size_t kCount>
std::optional<Enum> Find(const Enum (&all)[kCount], const char* (*name_of)(Enum), std::string_view name) {
  for (Enum value : all) {
    if (name == name_of(value)) return value;
  }
  return std::nullopt;
}

}  // namespace

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kRight:
      return "right";
    case Verdict::kUntrusted:
      return "untrusted";
    case Verdict::kWrong:
      return "wrong";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kUnsupported:
      return "unsupported";
    case Verdict::kUnavailable:
      return "unavailable";
  }
  return "?";
}

const char* StepName(Step step) {
  switch (step) {
    case Step::kExact:
      return "exact";
    case Step::kBounded:
      return "bounded";
    case Step::kPrecision:
      return "precision";
    case Step::kSpecialValues:
      return "special values";
    case Step::kMemory:
      return "memory";
    case Step::kOrder:
      return "order";
    case Step::kAfterTiming:
      return "after timing";
    case Step::kSanitizer:
      return "sanitizer";
  }
  return "?";
}

const char* OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "passed";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kNotApplicable:
      return "not applicable";
    case Outcome::kNotRun:
      return "not run";
  }
  return "?";
}

std::optional<Verdict> ParseVerdict(std::string_view name) { return Find(kAllVerdicts, VerdictName, name); }
std::optional<Step> ParseStep(std::string_view name) { return Find(kAllSteps, StepName, name); }
std::optional<Outcome> ParseOutcome(std::string_view name) { return Find(kAllOutcomes, OutcomeName, name); }

bool CountsAsFailure(const Record& record) {
  return record.verdict == Verdict::kWrong || record.verdict == Verdict::kUntrusted ||
         record.verdict == Verdict::kFailed ||
         (record.verdict == Verdict::kUnsupported && record.named && !record.baseline);
}

}  // namespace assay
