#include "harness/run/profile_case.h"

#include <fmt/format.h>

#include <memory>
#include <stdexcept>

#include "harness/device/case_buffers.h"
#include "harness/profile/cuda_profiler.h"
#include "harness/profile/ranges.h"
#include "harness/run/pack_set.h"
#include "harness/run/random_inputs.h"

namespace assay {
void ProfileCase(const Case& c, Executor& executor, std::uint64_t seed, int launches) {
  constexpr std::uint64_t kNumber = 1;
  Device& device = executor.device();
  const PackSet packs(executor.packs());
  const VariantLookup found = packs.Find(c.problem.op->name(), c.variant, device.info().backend);
  if (!found.variant) throw std::runtime_error(fmt::format("{}: {}", c.Id(), found.unavailable));
  const assay_problem view = c.problem.View(c.dtype, c.layout);
  if (const std::string why = executor.WhyNot(found.id, view); !why.empty()) {
    throw std::runtime_error(fmt::format("{}: unsupported: {}", c.Id(), why));
  }
  const std::unique_ptr<Plan> plan = executor.Create(found.id, view, c.configuration);
  CaseBuffers buffers(device, c.problem, c.dtype, plan->WorkspaceBytes());
  UploadRandomInputs(c, seed, buffers);
  buffers.PoisonOutputs();
  const std::unique_ptr<Stream> stream = device.CreateStream();
  const assay_buffers pointers = buffers.Pointers();

  const ProfileRange case_range(ProfileRange::Kind::kCase, c.Id(), kNumber);
  {
    const ProfileRange range(ProfileRange::Kind::kWarmUp, kNumber);
    plan->Prepare(pointers, stream->handle());
    plan->Launch(pointers, stream->handle());
    stream->Synchronize();
  }
  const bool on_gpu = device.info().backend == ASSAY_BACKEND_CUDA;
  if (on_gpu) StartCudaProfiler();
  {
    const ProfileRange range(ProfileRange::Kind::kMeasure, kNumber);
    for (int i = 0; i < launches; ++i) plan->Launch(pointers, stream->handle());
    stream->Synchronize();
  }
  if (on_gpu) StopCudaProfiler();
}

}  // namespace assay
