// What progress looks like, as text.
#pragma once

#include <string>

#include "harness/record/record.h"

namespace assay {

struct ProgressState {
  int planned = 0;
  int done = 0;
  double elapsed_seconds = 0;
  std::string running;  // the case's id; empty between cases
};

// "[=====>     ] 12/340 3 %  4:10 left  dsconv/...": at most `columns` wide, without control characters. The
// time left is that of the cases done so far, a case.
std::string BarLine(const ProgressState& state, int columns);

// "[ 12/340] right        dsconv/... 0.1234 ms", or the reason where it is not right; without the newline.
std::string CaseLine(const Record& record, int done, int planned);

// "0:09", "12:34", "3:04:05"
std::string ClockTime(double seconds);

}  // namespace assay
