#include <fmt/format.h>

#include <vector>

#include "harness/cli/commands.h"
#include "harness/device/device.h"
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

void ListVariant(const VariantInfo& variant) {
  fmt::print("    {}/{}{}: {}\n", variant.op, variant.name,
             variant.role == ASSAY_ROLE_BASELINE ? " (baseline)" : "", variant.summary);
  for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    const assay_promise promise = variant.promise(dtype);
    fmt::print(
        "      {}: multiplies {}, adds in {}{}{}{}{}\n", DTypeName(dtype), FormatName(promise.operand),
        FormatName(promise.accumulator), promise.rounds_intermediate ? ", rounds the intermediate" : "",
        promise.rounds_sums ? ", rounds each half's sum" : "", promise.repeatable ? ", repeatable" : "",
        promise.prepacks_weights ? ", prepacks weights" : "");
  }
}

void ListPacks(const PackSet& packs) {
  fmt::print("Packs\n");
  for (const Pack& pack : packs.packs()) {
    fmt::print("  {:<14} {}{}\n", pack.name,
               pack.unavailable.empty() ? fmt::format("for {} devices", BackendName(pack.backend))
                                        : "unavailable: " + pack.unavailable,
               pack.version.empty() ? "" : ", " + pack.version);
    for (const VariantInfo& variant : pack.variants) ListVariant(variant);
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
