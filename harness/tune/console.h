// What `assay tune` shows a person.
#pragma once

#include <string>

#include "harness/tune/journal.h"

namespace assay {

// "[ 12/340] dsconv/...: 147 tried, 98 pruned, 1 failed; best hopper r1t16... 6.98 us, 1.04x its own choice;
// 2.1 s", and a line more for each that was wrong or failed; each line with its newline.
std::string TuneLine(const TuneRecord& record, const std::string& picker, int done, int planned);

// Totals; by variant, what the winners gain over its own choice, and how often it is the fastest; with a
// picker what it loses.
std::string TuneSummary(const TuneJournal& journal);

}  // namespace assay
