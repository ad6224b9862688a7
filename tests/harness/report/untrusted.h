// A case that passed every step on outputs that say too little.
#pragma once

#include "harness/record/journal.h"

namespace assay::testing {

inline constexpr const char* kWhyUntrusted = "only 3 of 900 reference values are neither zero nor saturated";

inline void MakeUntrusted(Record& record) {
  record.verdict = Verdict::kUntrusted;
  record.reason = kWhyUntrusted;
  record.steps = {{Step::kExact, Outcome::kPassed, "3 seeds"}, {Step::kBounded, Outcome::kPassed, "3 seeds"}};
  record.failure.reset();
  record.timing.reset();
}

}  // namespace assay::testing
