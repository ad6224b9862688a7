// Enum values by their names, for reading a journal back.
#pragma once

#include <optional>
#include <string_view>

#include "harness/record/record.h"

namespace assay {

inline constexpr Verdict kAllVerdicts[] = {Verdict::kRight,     Verdict::kWrong,       Verdict::kFailed,
                                           Verdict::kUntrusted, Verdict::kUnsupported, Verdict::kUnavailable};
inline constexpr Step kAllSteps[] = {Step::kExact,  Step::kBounded, Step::kPrecision,   Step::kSpecialValues,
                                     Step::kMemory, Step::kOrder,   Step::kAfterTiming, Step::kSanitizer};
inline constexpr Outcome kAllOutcomes[] = {Outcome::kPassed, Outcome::kFailed, Outcome::kNotApplicable,
                                           Outcome::kNotRun};

std::optional<Verdict> ParseVerdict(std::string_view name);
std::optional<Step> ParseStep(std::string_view name);
std::optional<Outcome> ParseOutcome(std::string_view name);

}  // namespace assay
