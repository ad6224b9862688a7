// Times the right cases of one problem, dtype and layout side by side: they share the input sets, each has
// outputs and workspaces of its own, and what their timed launches wrote is handed back to be judged.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/config/config.h"
#include "harness/device/device.h"
#include "harness/device/guarded_buffer.h"
#include "harness/device/pack_loader.h"
#include "harness/measure/measure.h"
#include "harness/record/record.h"
#include "harness/run/input_sets.h"
#include "harness/verify/judge.h"
#include "harness/worker/executor.h"
#include "reference/tensor_vector.h"

namespace assay {

// A case that judging found right, ready to be timed.
struct TimingEntry {
  const Case* c = nullptr;
  const VariantInfo* variant = nullptr;
  Plan* plan = nullptr;
  std::uint64_t number = 0;  // of the case in its sweep
};

struct TimingResult {
  std::optional<Timing> timing;
  std::string not_timed;  // why there is no timing
  std::string
      note;  // how it was timed otherwise than the header says: fewer input sets, alone; empty: as it says
  bool failed = false;  // a launch failed while timing
  // What the last timed launch wrote, and what it was given.
  std::vector<TensorVector<std::byte>> outputs;
  TimedInputs last_inputs;
  std::string memory_fault;  // a guard zone overwritten or an input changed while timing; empty: none
};

// What launches and times; an executor's, or a test's.
struct TimingFunctions {
  // Samples the candidates side by side.
  std::function<std::vector<Measurement>(std::span<const TimedLaunches>)> measure;
  // Launches so often back to back, beginning with that set, and returns when every stream is idle.
  std::function<void(const TimedLaunches&, std::size_t first, std::size_t count)> back_to_back;
  InputSource inputs = {};  // as InputSets takes it
};
TimingFunctions TimingOf(Executor& executor, const MeasureSettings& settings, BenchmarkLog* log);

// One result an entry. All entries are of the same problem, dtype and layout. A fault of one costs the others
// nothing. Throws DeviceError only if the device is lost; CulpritFound, with the entry's place, where it is
// known whose doing that was.
std::vector<TimingResult> TimeEntries(Device& device, const Sweep& sweep,
                                      std::span<const TimingEntry> entries, const TimingFunctions& functions);

}  // namespace assay
