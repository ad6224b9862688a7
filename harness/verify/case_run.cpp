#include "harness/verify/case_run.h"

#include <fmt/format.h>

#include "harness/verify/memory_step.h"

namespace assay {

CaseRun::CaseRun(Device& device, const Case& c, const VariantInfo& variant, Plan& plan,
                 ReferenceCache& cache, JudgeScratch& scratch)
    : device_(&device),
      case_(&c),
      variant_(&variant),
      plan_(&plan),
      cache_(&cache),
      scratch_(&scratch),
      output_specs_(c.problem.op->Outputs(c.problem)),
      buffers_(device, c.problem, c.dtype, plan.WorkspaceBytes()),
      stream_(device.CreateStream()) {
  scratch_->output_bits.resize(std::max(scratch_->output_bits.size(), output_specs_.size()));
}

void CaseRun::Launch(FillKind kind, std::uint64_t seed) {
  const auto bits = cache_->InputBits({&case_->problem, case_->dtype, kind, seed}, case_->layout);
  PrepareAndLaunch(*bits);
  ++launches_;
  // Only the launch's own stream has been waited for: work that was put elsewhere is late, as it is for any
  // user.
  for (std::size_t i = 0; i < output_specs_.size(); ++i) {
    const int index = static_cast<int>(i);
    buffers_.DownloadOutput(index, scratch_->output_bits[i].Grow(buffers_.OutputBytes(index)));
  }
  device_->Synchronize();
  if (!memory_failure_) memory_failure_ = CheckMemoryStep(buffers_, seed);
}

std::span<const std::byte> CaseRun::OutputBits(int index) const {
  const auto i = static_cast<std::size_t>(index);
  return scratch_->output_bits[i].span().first(buffers_.OutputBytes(index));
}

void CaseRun::PrepareAndLaunch(const TensorBits& inputs) {
  const assay_buffers pointers = buffers_.Pointers();
  buffers_.UploadInputs(inputs, TensorRole::kWeight);
  buffers_.PoisonInputs(TensorRole::kActivation);
  buffers_.PoisonWorkspace();
  try {
    plan_->Prepare(pointers, stream_->handle());
    stream_->Synchronize();
    buffers_.UploadInputs(inputs, TensorRole::kActivation);
    buffers_.PoisonOutputs();
    plan_->Launch(pointers, stream_->handle());
    stream_->Synchronize();
  } catch (const VariantError& error) {
    ThrowLaunchFailure(error.what());
  } catch (const DeviceError& error) {
    if (error.sticky) throw;
    ThrowLaunchFailure(error.what());
  }
  // A variant that does not look at its launch's result says that all is well.
  if (!device_->LastFault().empty()) {
    ThrowLaunchFailure(
        fmt::format("a kernel of {} ended in a fault that its launch did not report", variant_->name));
  }
}

void CaseRun::ThrowLaunchFailure(const std::string& sentence) {
  const std::string fault = device_->LastFault();
  try {
    device_->Synchronize();
  } catch (const DeviceError& error) {
    if (!error.sticky) throw LaunchFailure(fmt::format("{}; {}", sentence, error.what()), fault);
    DeviceError poisoned(fmt::format("{}; {}", sentence, error.what()));
    poisoned.sticky = true;
    throw poisoned;
  }
  throw LaunchFailure(sentence, fault);
}

}  // namespace assay
