// No kernel of its own: it picks one of the pack's others, and a configuration of it, for each problem.
// What was tuned on this GPU (tuned.csv, compiled in) is taken from the table; other problems by a model that
// asks the nearest tuned ones (auto/model.h); where the table has nothing of such a GPU, by a plain rule. It
// promises no more than each of those that it may pick: fp32 accuracy up to what three TF32 products leave
// out, and in fp16 and bf16 an intermediate that may be rounded. Blocks, warps, shared memory and time are
// those of what it picks. `auto_tf32` is the same for fp32 tensors whose products may be TF32.
#include <exception>
#include <vector>

#include "kernels/dsconv/auto/plan.h"
#include "kernels/dsconv/auto/promise.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::automatic {
namespace {

template <Fp32Operands kOperands>
std::int32_t Supports(const assay_problem* problem, const assay_device_info* device, assay_message* why) try {
  if (const std::string reason = WhyNotDtype<kOperands>(problem->dtype); !reason.empty()) {
    Say(why, reason);
    return 1;
  }
  return Takers(Promise<kOperands>(problem->dtype), *problem, *device, why).empty() ? 1 : 0;
} catch (const std::exception& error) {
  Say(why, error.what());
  return 1;
}

template <Fp32Operands kOperands>
std::int32_t Create(const assay_problem* problem, const assay_device_info* device, void** plan,
                    assay_message* message) try {
  *plan = new Plan(Promise<kOperands>(problem->dtype), *problem, *device);
  return 0;
} catch (const std::exception& error) {
  Say(message, error.what());
  return 1;
}

std::uint64_t WorkspaceBytes(const void* plan) { return static_cast<const Plan*>(plan)->workspace_bytes(); }

std::int32_t Prepare(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  return static_cast<const Plan*>(plan)->Prepare(buffers, stream, error);
}

std::int32_t Launch(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  return static_cast<const Plan*>(plan)->Launch(buffers, stream, error);
}

const char* Describe(const void* plan) { return static_cast<const Plan*>(plan)->description().c_str(); }

void Release(void* plan) { delete static_cast<Plan*>(plan); }

template <Fp32Operands kOperands>
std::int32_t Axes(const assay_problem* problem, const assay_device_info* device, assay_tile_axis* axes,
                  std::int32_t capacity) try {
  const std::vector<Pick> picks = RankAll(Promise<kOperands>(problem->dtype), *problem, *device);
  for (const assay_variant& variant : AllVariants()) {
    if (!picks.empty() && picks.front().variant == variant.name && variant.tile != nullptr)
      return variant.tile(problem, device, axes, capacity);
  }
  return 0;
} catch (const std::exception&) {
  return 0;
}

template <Fp32Operands kOperands>
assay_variant RowOf(const char* name, const char* summary) {
  assay_variant row{};
  row.op = "dsconv", row.name = name, row.summary = summary;
  row.role = ASSAY_ROLE_KERNEL;
  row.promise = &Promise<kOperands>, row.supports = &Supports<kOperands>;
  row.create = &Create<kOperands>, row.release = &Release, row.describe = &Describe;
  row.tile = &Axes<kOperands>;
  row.workspace_bytes = &WorkspaceBytes, row.prepare = &Prepare, row.launch = &Launch;
  return row;
}

}  // namespace

assay_variant Row() {
  return RowOf<Fp32Operands::kAccurate>(
      "auto", "picks another variant and its configuration: from the table of tuned problems, or by a model");
}

assay_variant Tf32Row() {
  return RowOf<Fp32Operands::kTf32>("auto_tf32",
                                    "as auto, for fp32 tensors whose products may round operands to TF32");
}

}  // namespace assay::dsconv::automatic
