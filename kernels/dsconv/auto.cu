// No kernel of its own: it picks one of the pack's others, and a configuration of it, for each problem.
// What was tuned on this GPU (tuned.csv, compiled in) is taken from the table; other problems by a model that
// asks the nearest tuned ones (auto/model.h); where the table has nothing of such a GPU, by a plain rule. It
// promises no more than each of those that it may pick: fp32 accuracy up to what three TF32 products leave
// out, and in fp16 and bf16 an intermediate that may be rounded. Blocks, warps, shared memory and time are
// those of what it picks. `auto_tf32` is the same for fp32 tensors whose products may be TF32.
#include <algorithm>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/dsconv/auto/model.h"
#include "kernels/dsconv/auto/table.h"
#include "kernels/dsconv/variant.h"
#include "kernels/promise.h"

#define ASSAY_DSCONV_VARIANT(name) \
  namespace assay::dsconv::name {  \
  assay_variant Row();             \
  }
#include "dsconv_variants.inc"
#undef ASSAY_DSCONV_VARIANT

namespace assay::dsconv::automatic {
namespace {

const std::vector<assay_variant>& AllVariants() {
  static const std::vector<assay_variant> variants = {
#define ASSAY_DSCONV_VARIANT(name) dsconv::name::Row(),
#include "dsconv_variants.inc"
#undef ASSAY_DSCONV_VARIANT
  };
  return variants;
}

const std::vector<TableRow>& AllRows() {
  static const std::vector<TableRow> rows = [] {
    constexpr const char* kLines[] = {
#include "dsconv_tuned.inc"
        nullptr};
    std::vector<TableRow> parsed;
    for (const char* const* line = kLines; *line != nullptr; ++line) {
      if (const auto row = ParseRow(*line)) parsed.push_back(*row);
    }
    return parsed;
  }();
  return rows;
}

// What fp32 operands of the pointwise half may become.
enum class Fp32Operands { kAccurate, kTf32 };

template <Fp32Operands kOperands>
assay_promise Promise(assay_dtype dtype) {
  assay_promise promise = Fp32Promise();
  const assay_format fp32 = kOperands == Fp32Operands::kTf32 ? ASSAY_FORMAT_TF32 : ASSAY_FORMAT_TF32X3;
  promise.operand = dtype == ASSAY_F32 ? fp32 : dtype == ASSAY_F16 ? ASSAY_FORMAT_F16 : ASSAY_FORMAT_BF16;
  promise.rounds_intermediate = dtype != ASSAY_F32;
  promise.prepacks_weights = 1;
  return promise;
}

// Those that keep the promise and take the problem.
std::vector<const assay_variant*> Takers(const assay_promise& promise, const assay_problem& problem,
                                         const assay_device_info& device, assay_message* why) {
  std::vector<const assay_variant*> takers;
  for (const assay_variant& variant : AllVariants()) {
    if (!Covers(promise, variant.promise(problem.dtype))) continue;
    if (variant.supports(&problem, &device, why) == 0) takers.push_back(&variant);
  }
  return takers;
}

Offers OffersFor(const assay_promise& promise, const assay_problem& problem,
                 const assay_device_info& device) {
  constexpr std::int32_t kMost = 512;
  std::vector<assay_configuration> list(kMost);
  Offers offers;
  assay_message why{};
  for (const assay_variant* variant : Takers(promise, problem, device, &why)) {
    if (variant->configurations == nullptr) {
      offers.push_back({variant->name, "", 0});
      continue;
    }
    const std::int32_t count =
        std::min(variant->configurations(&problem, &device, list.data(), kMost), kMost);
    for (std::int32_t i = 0; i < count; ++i) offers.push_back({variant->name, list[i].text, list[i].cost});
  }
  return offers;
}

std::vector<Pick> RankAll(const assay_promise& promise, const assay_problem& problem,
                          const assay_device_info& device) {
  const Sizes sizes = SizesOf(problem);
  const Offers offers = OffersFor(promise, problem, device);
  std::map<std::string_view, Offers> elsewhere;  // by problem: every variant asks about the same ones
  const OffersAt offers_at = [&](const TableRow& row) -> const Offers& {
    const auto found = elsewhere.find(row.problem);
    if (found != elsewhere.end()) return found->second;
    assay_device_info there = device;
    there.num_sms = row.sms;
    const SizesView view(row.sizes, problem.dtype, problem.layout);
    return elsewhere[row.problem] = OffersFor(promise, view.View(), there);
  };
  std::vector<Pick> picks = RankPicks(
      sizes, problem.layout, RowsFor(AllRows(), device, problem.dtype, problem.layout), offers, offers_at);
  // What cannot be made after all leaves the next one, and in the end anything that runs.
  for (Pick& pick : RankByRule(offers)) picks.push_back(std::move(pick));
  return picks;
}

std::string Basis(const Pick& pick) {
  char us[32];
  std::snprintf(us, sizeof us, "%.4g", pick.us);
  if (pick.by == Pick::By::kTable) return "by the table, " + std::string(us) + " us there";
  if (pick.by == Pick::By::kModel)
    return "by the model, " + std::string(us) + " us predicted, nearest " + std::string(pick.nearest);
  if (pick.by == Pick::By::kOwnModel)
    return "by its own model, " + std::string(us) + " us: the table has nothing of it";
  return "by rule: the table has nothing like it";
}

// The plan of what was picked.
class Plan {
 public:
  Plan(const assay_promise& promise, const assay_problem& problem, const assay_device_info& device) {
    assay_message error{};
    for (const Pick& pick : RankAll(promise, problem, device)) {
      if (!TryToMake(pick, problem, device, &error)) continue;
      const char* said = variant_->describe != nullptr ? variant_->describe(plan_) : nullptr;
      description_ = pick.variant + (pick.configuration.empty() ? "" : " " + pick.configuration) + ", " +
                     Basis(pick) + (said != nullptr && *said != '\0' ? ": " + std::string(said) : "");
      return;
    }
    throw std::runtime_error("none of the others could be made for it: " + std::string(error.text));
  }
  ~Plan() { variant_->release(plan_); }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const assay_variant& variant() const { return *variant_; }
  void* plan() const { return plan_; }
  const std::string& description() const { return description_; }

 private:
  bool TryToMake(const Pick& pick, const assay_problem& problem, const assay_device_info& device,
                 assay_message* error) {
    for (const assay_variant& variant : AllVariants()) {
      if (pick.variant != variant.name) continue;
      const std::int32_t code =
          pick.configuration.empty()
              ? variant.create(&problem, &device, &plan_, error)
              : variant.create_configured(&problem, &device, pick.configuration.c_str(), &plan_, error);
      if (code == 0) variant_ = &variant;
      return code == 0;
    }
    return false;
  }

  const assay_variant* variant_ = nullptr;
  void* plan_ = nullptr;
  std::string description_;
};

template <Fp32Operands kOperands>
std::int32_t Supports(const assay_problem* problem, const assay_device_info* device, assay_message* why) try {
  if (kOperands == Fp32Operands::kTf32 && problem->dtype != ASSAY_F32) {
    Say(why, "fp16 and bf16 are not taken; fp32 is");
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

std::uint64_t WorkspaceBytes(const void* plan) {
  const auto& own = *static_cast<const Plan*>(plan);
  return own.variant().workspace_bytes != nullptr ? own.variant().workspace_bytes(own.plan()) : 0;
}

std::int32_t Prepare(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  const auto& own = *static_cast<const Plan*>(plan);
  return own.variant().prepare != nullptr ? own.variant().prepare(own.plan(), buffers, stream, error) : 0;
}

std::int32_t Launch(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  const auto& own = *static_cast<const Plan*>(plan);
  return own.variant().launch(own.plan(), buffers, stream, error);
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
