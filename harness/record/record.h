// What is known of one case when it ends. Everything that a report shows derives from these records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/record/stage_clock.h"

namespace assay {

enum class Verdict {
  kRight,        // every step passed
  kWrong,        // a judging step failed
  kFailed,       // it could not be run: launch error, exception, out of memory
  kUntrusted,    // every step passed, but on outputs too many of which are zero or saturated
  kUnsupported,  // the variant does not take this problem; `reason` says which parameter
  kUnavailable,  // its pack cannot be used here (no cuDNN, no GPU)
};

// Judging steps, in order; see docs/judging.md.
enum class Step { kExact, kBounded, kPrecision, kSpecialValues, kMemory, kOrder, kAfterTiming, kSanitizer };

enum class Outcome { kPassed, kFailed, kNotApplicable, kNotRun };

struct StepResult {
  Step step = Step::kExact;
  Outcome outcome = Outcome::kNotRun;
  std::string detail;  // what was checked, or why it was not
};

// The first wrong element of the first failing step; or, for memory faults, only `detail`.
struct Failure {
  Step step = Step::kExact;
  std::string tensor;       // "y"
  std::string coordinates;  // "n=0 k=17 h=3 w=55"
  double expected = 0;
  double got = 0;
  double bound = 0;        // largest |got - expected| allowed there
  std::int64_t count = 0;  // wrong elements
  std::int64_t total = 0;  // elements judged
  std::uint64_t seed = 0;
  std::string detail;  // one sentence that says it all
};

// Times in seconds.
struct Timing {
  double median = 0;
  double low = 0;  // confidence interval of the median
  double high = 0;
  double confidence = 0.95;
  std::vector<double> samples;
  int dropped_throttled = 0;
  std::string stop_reason;      // "interval", "time", "samples"
  double wall_seconds = 0;      // second clock: host wall time per launch over a batch
  std::string clock_agreement;  // "agrees", or what disagrees and by how much
  double sm_clock_mhz = 0;      // median while sampling; 0 if unknown
  double supervisor_seconds =
      0;  // as wall_seconds, by the clock of the process that judges; 0 if it was not asked
};

// The physical floor of a case on the device that ran it.
struct Floor {
  double bytes = 0;
  double flops = 0;
  double byte_seconds = 0;
  double flop_seconds = 0;
  std::string flop_unit;  // which unit's rate bounds: "FFMA", "tensor fp16"
  double Seconds() const { return byte_seconds > flop_seconds ? byte_seconds : flop_seconds; }
};

struct Record {
  std::string id;
  std::string op;
  std::string problem;  // the id's problem part
  std::vector<std::pair<std::string, std::int64_t>> params;
  std::string label;
  std::string dtype;
  std::string layout;
  std::string variant;
  bool baseline = false;
  bool named = false;
  std::string device;
  // Significant bits of what it multiplies, as promised, and no more than the tensors' own; 0: not known.
  int operand_bits = 0;

  Verdict verdict = Verdict::kFailed;
  std::string reason;  // one sentence unless right
  std::vector<StepResult> steps;
  std::optional<Failure> failure;
  double max_error_share = 0;  // largest |error| / bound over all bounded elements
  std::string plan;            // what the variant chose, from describe()
  std::string printed;  // what the kernel's process wrote to its output meanwhile, at most the end of it
  bool transient =
      false;  // it ended by no doing of its own (its process was killed from outside): worth another try
  std::string reproduce;  // the command that runs this case alone

  double bytes = 0;  // compulsory
  double flops = 0;
  std::optional<Floor> floor;
  std::optional<Timing> timing;
  double case_seconds = 0;  // wall time spent on this case
  StageSeconds stages;      // of it; what is timed beside others has its share
};

// Measured once per sweep on the GPU; rates per second.
struct Ceilings {
  double copy_bytes = 0;  // device-to-device copy, bytes read plus bytes written
  double ffma_flops = 0;
  double tensor_fp16_flops = 0;
  double tensor_bf16_flops = 0;
  double tensor_tf32_flops = 0;
};

// The first line of the journal: what holds for the whole sweep.
struct SweepHeader {
  int schema = 1;
  std::string name;
  std::string config_path;
  std::string config_text;
  std::string command;
  std::string started;  // ISO 8601, UTC
  std::string assay_version;
  std::string device;
  bool timed = false;
  std::string untimed_reason;        // why not, if not
  std::vector<std::string> notices;  // sentences on what the sweep leaves out
  std::vector<std::pair<std::string, std::string>>
      environment;  // "GPU" -> "NVIDIA H100 ...", "driver", "CUDA", "cuDNN", ...
  std::vector<std::pair<std::string, std::string>> method;  // "L2 flush" -> "...", one line each
  std::optional<Ceilings> ceilings;
  int planned_cases = 0;
};

const char* VerdictName(Verdict verdict);  // "right", "wrong", ...
const char* StepName(Step step);           // "exact", "bounded", ...
const char* OutcomeName(Outcome outcome);  // "passed", "failed", "not applicable", "not run"

// True if this case alone makes a sweep fail (exit code 1, shown first in reports): wrong, untrusted, failed,
// or a kernel that was selected by name and is unsupported.
bool CountsAsFailure(const Record& record);

}  // namespace assay
