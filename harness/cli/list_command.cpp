#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "harness/cli/commands.h"
#include "harness/config/selection.h"
#include "harness/device/configurations.h"
#include "harness/device/device.h"
#include "harness/device/tile.h"
#include "harness/run/pack_set.h"
#include "reference/dtype.h"
#include "reference/operator.h"

namespace assay {
namespace {

void ListOperators() {
  fmt::print("Operators\n");
  for (const Operator* op : Operators()) {
    fmt::print("  {:<14} {}\n", op->name(), op->summary());
    for (const ParamSpec& param : op->params()) {
      fmt::print("    {:<12} {}{}\n", param.name, param.allowed,
                 param.required ? " (required)" : " (default " + param.fallback + ")");
    }
  }
}

const char* FormatName(assay_format format) {
  switch (format) {
    case ASSAY_FORMAT_F64:
      return "fp64";
    case ASSAY_FORMAT_F32:
      return "fp32";
    case ASSAY_FORMAT_TF32:
      return "tf32";
    case ASSAY_FORMAT_F16:
      return "fp16";
    case ASSAY_FORMAT_BF16:
      return "bf16";
    case ASSAY_FORMAT_TF32X3:
      return "3xtf32";
  }
  return "?";
}

// What a variant answered for a set of problems, in every dtype and layout that it was asked in.
struct Reach {
  int asked = 0, taken = 0;
  std::vector<std::string> refusals;  // each reason once, with the first case that it was given for
  std::map<std::string, std::set<std::int64_t>> tile;
  std::size_t configurations = 0;  // the most for one of them

  void Ask(const assay_variant& variant, const Problem& problem, assay_dtype dtype, assay_layout layout,
           const assay_device_info& device) {
    const assay_problem view = problem.View(dtype, layout);
    assay_message why = {};
    ++asked;
    if (variant.supports(&view, &device, &why) == 0) {
      ++taken;
      for (const TileAxis& axis : TileOf(variant, view, device)) tile[axis.param].insert(axis.size);
      configurations = std::max(configurations, ConfigurationsOf(variant, view, device).size());
      return;
    }
    why.text[sizeof why.text - 1] = '\0';
    const std::string reason = why.text;
    if (std::ranges::none_of(refusals, [&](const std::string& each) { return each.ends_with(reason); })) {
      refusals.push_back(fmt::format("{}/{}/{}: {}", problem.op->ProblemId(problem), DTypeName(dtype),
                                     LayoutName(layout), reason));
    }
  }
};

void ListReach(const char* what, const Reach& reach) {
  if (reach.asked == 0) return;
  fmt::print("      takes {} of {} {}\n", reach.taken, reach.asked, what);
  for (const std::string& refusal : reach.refusals) fmt::print("        not {}\n", refusal);
}

// The variant's own answers for shapes that break kernels, so that nobody has to keep a list of what it
// takes.
void ListShapes(const assay_variant& variant, const assay_device_info& device) {
  const Operator* op = FindOperator(variant.op);
  if (op == nullptr) return;
  Reach odd, huge;
  for (const assay_dtype dtype : AllDTypes()) {
    for (const assay_layout layout : AllLayouts()) {
      for (const auto& each : op->BoundaryProblems({})) odd.Ask(variant, each.problem, dtype, layout, device);
      for (const auto& each : op->HugeProblems()) huge.Ask(variant, each.problem, dtype, layout, device);
    }
  }
  std::vector<std::string> axes;
  for (const auto& [param, sizes] : odd.tile)
    axes.push_back(fmt::format("{} {}", param, fmt::join(sizes, ", ")));
  if (!axes.empty()) fmt::print("      tile, over these shapes: {}\n", fmt::join(axes, "; "));
  if (odd.configurations > 0)
    fmt::print("      offers up to {} configurations to `assay tune`\n", odd.configurations);
  ListReach("odd small shapes (dtypes and layouts counted)", odd);
  ListReach("with more than 2^31 elements", huge);
}

void ListVariant(const assay_variant& variant, const Device* device) {
  fmt::print("    {}/{}{}: {}\n", variant.op, variant.name,
             variant.role == ASSAY_ROLE_BASELINE ? " (baseline)" : "", variant.summary);
  for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    const assay_promise promise = variant.promise(dtype);
    fmt::print(
        "      {}: multiplies {}, adds in {}{}{}{}{}{}\n", DTypeName(dtype), FormatName(promise.operand),
        FormatName(promise.accumulator), promise.rounds_intermediate ? ", rounds the intermediate" : "",
        promise.rounds_sums ? ", rounds each half's sum" : "", promise.repeatable ? ", repeatable" : "",
        promise.prepacks_weights ? ", prepacks weights" : "", promise.drops_nan ? ", may drop NaN" : "");
  }
  // A baseline may have to search its library for an answer.
  if (device != nullptr && variant.role == ASSAY_ROLE_KERNEL) ListShapes(variant, device->info());
}

// One device that packs of this backend run on; none if there is none.
std::unique_ptr<Device> AnyDevice(assay_backend backend) {
  if (backend == ASSAY_BACKEND_HOST) return MakeHostDevice();
  return ProbeCuda().devices > 0 ? MakeCudaDevice(0) : nullptr;
}

void ListPacks(const PackSet& packs) {
  fmt::print("Packs\n");
  for (const Pack& pack : packs.packs()) {
    fmt::print("  {:<14} {}{}\n", pack.name,
               pack.unavailable.empty() ? fmt::format("for {} devices", BackendName(pack.backend))
                                        : "unavailable: " + pack.unavailable,
               pack.version.empty() ? "" : ", " + pack.version);
    if (pack.table == nullptr) continue;
    const auto device = pack.unavailable.empty() ? AnyDevice(pack.backend) : nullptr;
    for (int i = 0; i < pack.table->num_variants; ++i) ListVariant(pack.table->variants[i], device.get());
  }
}

void ListDevices() {
  fmt::print("Devices\n  {:<14} {}\n", "host", MakeHostDevice()->description());
  const CudaProbe probe = ProbeCuda();
  if (probe.devices == 0) fmt::print("  {:<14} unavailable: {}\n", "cuda", probe.unavailable);
  for (int i = 0; i < probe.devices; ++i) {
    const auto device = MakeCudaDevice(i);
    fmt::print("  {:<14} {}\n", device->name(), device->description());
  }
}

}  // namespace

void AddListCommand(CLI::App& app, CommandContext&) {
  CLI::App* command = app.add_subcommand("list", "operators, packs with their variants, devices");
  command->callback([] {
    ListOperators();
    ListPacks(PackSet(OpenBuiltInPacks()));
    ListDevices();
  });
}

}  // namespace assay
