// Runs the gallery of faulty kernels (tests/faulty) through sweeps like any other, and says what was caught.
// A harness deserves belief for what it catches.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/config/config.h"
#include "harness/record/journal.h"
#include "harness/verify/needs.h"
#include "tests/faulty/gallery.h"

namespace assay {

// Judging steps that the gallery expects and that are not written yet: a fault that only they would catch
// waits for them. Once one is in use the list makes no difference to it.
inline constexpr std::uint32_t kStepsToCome = 0;

// What became of one row of the gallery.
struct RowResult {
  enum class State {
    kCaught,    // a fault: at least one case was not right, or was given no time that is to be believed
    kEscaped,   // a fault: every case was right, or none shows it
    kWaiting,   // a fault that escaped, and a step that should catch it is in kStepsToCome and not in use
    kRight,     // a control: every case was right
    kAccused,   // a control: some case was not
    kNotShown,  // not run; `note` says why
  };
  const faulty::Row* row = nullptr;
  State state = State::kNotShown;
  int cases = 0;      // that the kernel takes and on which the plain control was right
  int not_right = 0;  // of them
  // What caught them: Catcher bits.
  std::uint32_t caught_by = 0;
  std::string note;  // what was said of the first case that was not right, or why there is none
};

struct SelftestOptions {
  std::vector<const faulty::Row*> rows;
  bool gpu = false;         // the device is a GPU; the host device otherwise
  bool has_worker = false;  // kernels run in a process that may be lost
  JudgingRoom room;         // for the problem of more than 2^31 elements
};

// A sweep whose name begins so is run under compute-sanitizer's racecheck too.
inline constexpr std::string_view kUnderRacecheck = "selftest-racecheck-";

// Runs a sweep to its end and returns what it found. No two sweeps have the same name.
using SweepRunner = std::function<Journal(const Sweep& sweep)>;

// The results of the selected rows, in their order. The plain control runs beside every fault: a case counts
// only where it is right.
std::vector<RowResult> RunSelftest(const SelftestOptions& options, const SweepRunner& run);

// What the records say of a row. Only records of cases on which the plain control was right are given.
// `steps_in_use`: Catcher bits of the steps that this program has.
RowResult ResultOf(const faulty::Row& row, const std::vector<const Record*>& records,
                   std::uint32_t steps_in_use);

// What a record was caught by: one Catcher bit, of the first step that failed; 0 if it is right.
std::uint32_t CatcherOf(const Record& record, bool timed);

// What a person reads: a line a row and the totals.
std::string RenderSelftest(const std::vector<RowResult>& results);

// True if no fault escaped and no control was accused.
bool AllCaught(const std::vector<RowResult>& results);

}  // namespace assay
