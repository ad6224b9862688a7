// Decides whether a variant is right for one case. It launches the variant on a device and compares what it
// wrote with the operator's fp64 reference; see docs/judging.md for the steps and the bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/config/case.h"
#include "harness/config/config.h"
#include "harness/device/device.h"
#include "harness/device/pack_loader.h"
#include "harness/record/record.h"
#include "harness/record/stage_clock.h"
#include "reference/tensor_vector.h"

namespace assay {

struct JudgeScratch;
class ReferenceCache;  // fp64 results of recent problems, so that variants and layouts of a problem share
                       // them

// What a timed launch was given: random inputs of that seed, with spikes (harness/device/spikes.h) of that
// seed in its activations.
struct TimedInputs {
  std::uint64_t seed = 0;
  std::uint64_t spikes = 0;
};

struct Judgement {
  Verdict verdict = Verdict::kFailed;
  std::string reason;  // one sentence unless right
  std::vector<StepResult> steps;
  std::optional<Failure> failure;
  double max_error_share = 0;
};

class Judge {
 public:
  // `cache_bytes`: host memory that reference results may take; 0: half of what the machine has free.
  Judge(Device& device, const VerifySettings& settings, std::size_t cache_bytes = 0);
  ~Judge();

  // All steps but after-timing; ends at the first launch that is at fault. The judgement lists them in the
  // order of Step, and step after-timing as not run. Untrusted is what passed them all on outputs that show
  // little. A variant's failure is in the judgement, never thrown; a DeviceError is thrown only if the device
  // itself can no longer be used.
  Judgement JudgeCase(const Case& c, const VariantInfo& variant, Plan& plan);

  // Step after-timing: judges outputs that timed launches left in device memory. `inputs` is what the last
  // launch was given, `output_bits` the bytes downloaded from each output, in the case's layout. Adds its
  // StepResult to `judgement` and turns its verdict if it fails.
  void JudgeAfterTiming(const Case& c, const VariantInfo& variant, const TimedInputs& inputs,
                        std::span<const TensorVector<std::byte>> output_bits, Judgement& judgement);

  // The random inputs of a seed as device memory holds them, for launches that are timed.
  std::shared_ptr<const TensorBits> RandomInputs(const Case& c, std::uint64_t seed);

  // Where the seconds go: "inputs", "reference" and "compare" of all that is judged, "launches" for the rest
  // of JudgeCase(). The clock outlives this object.
  void CountOn(StageClock* clock);

 private:
  Device* device_;
  VerifySettings settings_;
  std::unique_ptr<ReferenceCache> cache_;
  std::unique_ptr<JudgeScratch> scratch_;
};

}  // namespace assay
