// What a variant that chooses among others loses by its choices, against trying everything.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "harness/tune/journal.h"

namespace assay {

// Of one problem, dtype and layout.
struct Loss {
  const TuneRecord* record = nullptr;
  const Trial* pick = nullptr;  // null: it has no right time
  const Trial* best = nullptr;  // of the others; null likewise
  int tried = 0;                // configurations that have a time

  bool known() const { return pick != nullptr && best != nullptr; }
  double ratio() const {
    return pick->median / best->median;
  }  // of medians; above 1 where the pick is slower
};

// One a record, in its order.
std::vector<Loss> LossesOf(const TuneJournal& journal);

// Of the ratios that are known; 0 if none is.
double GeometricMean(std::span<const Loss> losses);

// A row a problem, the environment and the means in comments above them.
std::string HeldOutCsv(const TuneJournal& journal);

}  // namespace assay
