#include <fmt/format.h>

#include <memory>
#include <string>

#include "harness/cli/commands.h"
#include "harness/device/device.h"
#include "harness/measure/measure.h"
#include "harness/run/environment.h"
#include "harness/run/pack_set.h"

namespace assay {
namespace {

void Line(bool works, const std::string& what, const std::string& finding, const std::string& advice = {}) {
  fmt::print("{:<4} {:<22} {}\n", works ? "ok" : "--", what, finding);
  if (!works && !advice.empty()) fmt::print("     {:<22} -> {}\n", "", advice);
}

void CheckGpu() {
  Line(ASSAY_HAVE_CUDA != 0, "CUDA build", ASSAY_HAVE_CUDA ? "GPU packs were built" : "built without CUDA",
       "install the CUDA toolkit (nvcc on PATH) and run scripts/sweep again: it configures anew");
  const CudaProbe probe = ProbeCuda();
  Line(probe.devices > 0, "GPU",
       probe.devices > 0 ? fmt::format("{} found", probe.devices) : probe.unavailable,
       "without a GPU kernels are judged on the host device and nothing is timed");
  for (int i = 0; i < probe.devices; ++i) {
    for (const auto& [name, value] : DescribeGpu(i)) Line(true, fmt::format("cuda:{} {}", i, name), value);
  }
}

// What a person can do about a pack that cannot be used.
std::string AdviceFor(const Pack& pack) {
  if (!pack.readable) return "rebuild it against this version's kernels/pack.h";
  if (pack.backend == ASSAY_BACKEND_CUDA && ProbeCuda().devices == 0)
    return "needs a GPU; the others do without it";
  return "install the library that it names, or leave its variants out of the config";
}

// Returns whether anything at all can run kernels here.
bool CheckPacks() {
  bool usable = false;
  for (const Pack& pack : OpenBuiltInPacks()) {
    const bool works = pack.unavailable.empty();
    usable = usable || works;
    const std::string version = pack.version.empty() ? "" : pack.version + ", ";
    Line(works, "pack " + pack.name,
         works ? fmt::format("{}{} variants for {} devices", version, pack.variants.size(),
                             BackendName(pack.backend))
               : pack.unavailable,
         AdviceFor(pack));
  }
  return usable;
}

ExitCode Doctor() {
  Line(true, "assay", ProgramVersion());
  Line(true, "host device", MakeHostDevice()->description());
  CheckGpu();
  Line(ASSAY_HAVE_NVTX != 0, "NVTX ranges", ASSAY_HAVE_NVTX ? "compiled in" : "left out: no nvtx3 headers",
       "run scripts/setup, which fetches them, and build again");
  const bool usable = CheckPacks();
  if (!usable) fmt::print("No pack can be used here.\n");
  return usable ? ExitCode::kRight : ExitCode::kEnvironment;
}

}  // namespace

void AddDoctorCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("doctor", "what works on this machine, what does not, what to do about it");
  command->callback([&context] { context.exit_code = Doctor(); });
}

}  // namespace assay
