// A variant under judgement for one case: its buffers, its launches, and what is shared by the steps that
// judge them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/config/case.h"
#include "harness/device/case_buffers.h"
#include "harness/device/device.h"
#include "harness/device/pack_loader.h"
#include "harness/record/record.h"
#include "harness/verify/compare.h"
#include "harness/verify/host_array.h"
#include "harness/verify/reference_cache.h"

namespace assay {

// Host memory that judging keeps from one launch to the next, because touching gigabytes of fresh pages takes
// time.
struct JudgeScratch {
  std::vector<HostArray<std::byte>> output_bits;
  HostArray<float> logical;
};

// The launch was refused or ended in a fault that left the device usable.
class LaunchFailure : public std::runtime_error {
 public:
  LaunchFailure(const std::string& sentence, std::string fault)
      : std::runtime_error(sentence), fault_(std::move(fault)) {}
  // What the device knows beyond the sentence, over several lines; may be empty.
  const std::string& fault() const { return fault_; }

 private:
  std::string fault_;
};

class CaseRun {
 public:
  // Allocates all device memory of the case. The arguments must outlive this object.
  CaseRun(Device& device, const Case& c, const VariantInfo& variant, Plan& plan, ReferenceCache& cache,
          JudgeScratch& scratch);
  CaseRun(Device&, const Case&, const VariantInfo&&, Plan&, ReferenceCache&, JudgeScratch&) = delete;

  const Case& c() const { return *case_; }
  const VariantInfo& variant() const { return *variant_; }
  const assay_promise& promise() const { return promise_; }
  const std::vector<TensorSpec>& outputs() const { return output_specs_; }
  int launches() const { return launches_; }
  Drawing DrawingOf(FillKind kind, std::uint64_t seed) const {
    return {&case_->problem, case_->dtype, kind, seed, promise_};
  }

  // New inputs behind the same pointers, poisoned outputs and workspace, prepare and launch on a stream of
  // its own; then downloads the outputs and checks memory. While prepare runs the activations are NaN,
  // because it may depend on the weights only: work that belongs into the launch cannot be done there. Throws
  // LaunchFailure, or a sticky DeviceError.
  void Launch(const Drawing& drawing);
  void Launch(FillKind kind, std::uint64_t seed) { Launch(DrawingOf(kind, seed)); }
  // The same without prepare: the weights and the workspace are those of the launch before.
  void LaunchWithNewActivations(const Drawing& drawing);

  // The following are for steps that launch in other ways.
  Device& device() { return *device_; }
  CaseBuffers& buffers() { return buffers_; }
  Plan& plan() { return *plan_; }
  // Puts a drawing's inputs there and prepares the plan, on the case's stream.
  void Prepare(CaseBuffers& buffers, const Drawing& drawing);
  // Runs device work of the variant; its errors become LaunchFailure.
  void Attempt(const std::function<void()>& work);
  // After a launch with these buffers has ended: downloads its outputs and checks memory.
  void Collect(const CaseBuffers& buffers, std::uint64_t seed);

  std::span<const std::byte> OutputBits(int index) const;  // of the last launch

  // The first fault that the memory checks behind the launches found.
  const std::optional<Failure>& memory_failure() const { return memory_failure_; }

  ReferenceCache& cache() { return *cache_; }
  HostArray<float>& logical_room() { return scratch_->logical; }

 private:
  void PoisonOutputs(const Drawing& drawing);
  [[noreturn]] void ThrowLaunchFailure(const std::string& sentence);

  Device* device_;
  const Case* case_;
  const VariantInfo* variant_;
  assay_promise promise_;
  Plan* plan_;
  ReferenceCache* cache_;
  JudgeScratch* scratch_;
  std::vector<TensorSpec> output_specs_;
  CaseBuffers buffers_;
  std::unique_ptr<Stream> stream_;
  int launches_ = 0;
  std::optional<Failure> memory_failure_;
};

}  // namespace assay
