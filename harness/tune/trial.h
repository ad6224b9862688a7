// One configuration of one variant in the search for a problem's fastest, and what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/tune/table.h"
#include "harness/worker/executor.h"

namespace assay {

enum class TrialState {
  kPruned,  // left behind; not timed at all where its variant was far behind
  kFinalist,
  kRight,   // a finalist, or who took the place of a wrong one, and judged right
  kWrong,   // timed, and judged wrong or untrusted
  kFailed,  // it could not be made, launched or judged: see `why`
};
inline constexpr TrialState kAllTrialStates[] = {TrialState::kPruned, TrialState::kFinalist,
                                                 TrialState::kRight, TrialState::kWrong, TrialState::kFailed};
const char* TrialStateName(TrialState state);  // "pruned", ...

struct Trial {
  std::string variant;
  std::string configuration;  // empty: of a variant that offers none
  double cost = 0;            // microseconds by the variant's own model; 0: it has none
  bool own_choice = false;    // what the variant's create() takes
  bool incumbent = false;     // the table had it
  TrialState state = TrialState::kFailed;
  std::string why;   // of kWrong and kFailed
  std::string plan;  // what it says of itself
  // Seconds, by the last round that it took part in; no samples: it was never timed.
  double median = 0, low = 0, high = 0;
  int samples = 0;
  int rounds = 0;  // the last round of the search that it took part in, from 1

  bool timed() const { return samples > 0; }
};

// What is known of a problem, dtype and layout when its search ends.
struct TuneRecord {
  TuneKey key;
  std::string label;
  std::vector<Trial> trials;
  std::string not_tuned;  // why there are none; empty: there are
  double seconds = 0;     // wall time
};

}  // namespace assay
