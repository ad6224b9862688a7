#include "harness/verify/case_run.h"

#include <fmt/format.h>

#include "harness/verify/memory_step.h"

namespace assay {

CaseRun::CaseRun(Device& device, const Case& c, const VariantInfo& variant, Plan& plan, ReferenceCache& cache,
                 JudgeScratch& scratch)
    : device_(&device),
      case_(&c),
      variant_(&variant),
      promise_(variant.promise(c.dtype)),
      plan_(&plan),
      cache_(&cache),
      scratch_(&scratch),
      output_specs_(c.problem.op->Outputs(c.problem)),
      buffers_(device, c.problem, c.dtype, plan.WorkspaceBytes()),
      stream_(device.CreateStream()) {
  scratch_->output_bits.resize(std::max(scratch_->output_bits.size(), output_specs_.size()));
}

namespace {

// No output that a fill of the judge's gives, and no NaN.
constexpr unsigned char kNumberPoison = 0x5A;

}  // namespace

void CaseRun::PoisonOutputs(const Drawing& drawing) {
  // Where NaN may be right, NaN would hide an element that is never written.
  buffers_.PoisonOutputs(drawing.HasSpecialValues() ? kNumberPoison : GuardedBuffer::kPoisonByte);
}

void CaseRun::Launch(const Drawing& drawing) {
  Prepare(buffers_, drawing);
  PoisonOutputs(drawing);
  Attempt([&] {
    plan_->Launch(buffers_.Pointers(), stream_->handle());
    stream_->Synchronize();
  });
  Collect(buffers_, drawing.seed);
}

void CaseRun::LaunchWithNewActivations(const Drawing& drawing) {
  buffers_.UploadInputs(*cache_->InputBits(drawing, case_->layout), TensorRole::kActivation);
  PoisonOutputs(drawing);
  Attempt([&] {
    plan_->Launch(buffers_.Pointers(), stream_->handle());
    stream_->Synchronize();
  });
  Collect(buffers_, drawing.seed);
}

void CaseRun::Prepare(CaseBuffers& buffers, const Drawing& drawing) {
  const auto inputs = cache_->InputBits(drawing, case_->layout);
  buffers.UploadInputs(*inputs, TensorRole::kWeight);
  buffers.PoisonInputs(TensorRole::kActivation);
  buffers.PoisonWorkspace();
  Attempt([&] {
    plan_->Prepare(buffers.Pointers(), stream_->handle());
    stream_->Synchronize();
  });
  buffers.UploadInputs(*inputs, TensorRole::kActivation);
}

void CaseRun::Collect(const CaseBuffers& buffers, std::uint64_t seed) {
  // A variant that does not look at its launch's result says that all is well.
  if (!device_->LastFault().empty()) {
    ThrowLaunchFailure(
        fmt::format("a kernel of {} ended in a fault that its launch did not report", variant_->name));
  }
  ++launches_;
  // Only the launch's own stream has been waited for: work that was put elsewhere is late, as it is for any
  // user.
  for (std::size_t i = 0; i < output_specs_.size(); ++i) {
    const int index = static_cast<int>(i);
    buffers.DownloadOutput(index, scratch_->output_bits[i].Grow(buffers.OutputBytes(index)));
  }
  device_->Synchronize();
  if (!memory_failure_) memory_failure_ = CheckMemoryStep(buffers, seed);
}

std::span<const std::byte> CaseRun::OutputBits(int index) const {
  const auto i = static_cast<std::size_t>(index);
  return scratch_->output_bits[i].span().first(buffers_.OutputBytes(index));
}

void CaseRun::Attempt(const std::function<void()>& work) {
  try {
    work();
  } catch (const VariantError& error) {
    ThrowLaunchFailure(error.what());
  } catch (const DeviceError& error) {
    if (error.sticky) throw;
    ThrowLaunchFailure(error.what());
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
