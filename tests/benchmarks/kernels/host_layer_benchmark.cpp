// What the host device costs: a fused 56x56 layer, 64 -> 128 channels, by each variant on one and on all OS
// threads, beside the serial fp64 loops of the reference. The target is at most twice the reference's time.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "harness/device/case_buffers.h"
#include "harness/device/device.h"
#include "harness/device/pack_loader.h"
#include "harness/verify/tensor_io.h"
#include "reference/dsconv/plain.h"
#include "reference/dsconv/problem.h"

namespace assay {
namespace {

constexpr const char* kProblem = "n1c64k128h56w56r3p1";

Problem Layer() { return FindOperator("dsconv")->ParseProblemId(kProblem); }

void SerialReference(benchmark::State& state) {
  const Problem problem = Layer();
  const std::vector<TensorVector<float>> inputs = FillInputs(problem, ASSAY_F32, FillKind::kRandom, 1);
  const std::vector<std::span<const float>> spans(inputs.begin(), inputs.end());
  const dsconv::Shape shape = dsconv::ToShape(problem);
  for (auto _ : state) benchmark::DoNotOptimize(dsconv::EvaluatePlain(shape, spans));
}

void HostVariant(benchmark::State& state, const assay_variant* variant, int threads) {
  const Problem problem = Layer();
  const std::unique_ptr<Device> device = MakeHostDevice(threads);
  const assay_problem view = problem.View(ASSAY_F32, ASSAY_NCHW);
  LocalPlan plan(*variant, view, device->info());
  CaseBuffers buffers(*device, problem, ASSAY_F32, plan.WorkspaceBytes());
  const std::vector<TensorSpec> specs = problem.op->Inputs(problem);
  const std::vector<TensorVector<float>> values = FillInputs(problem, ASSAY_F32, FillKind::kRandom, 1);
  std::vector<TensorVector<std::byte>> bits(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].present) bits[i] = ToDeviceBits(specs[i], values[i], ASSAY_F32, ASSAY_NCHW);
  }
  buffers.UploadInputs(bits);
  plan.Prepare(buffers.Pointers(), nullptr);
  for (auto _ : state) plan.Launch(buffers.Pointers(), nullptr);
}

}  // namespace
}  // namespace assay

int main(int argc, char** argv) {
  const assay::Pack pack = assay::OpenPack(DSCONV_HOST_PACK);
  if (!pack.unavailable.empty()) {
    std::fprintf(stderr, "%s\n", pack.unavailable.c_str());
    return 1;
  }
  benchmark::RegisterBenchmark("serial fp64 reference", assay::SerialReference)
      ->Unit(benchmark::kMillisecond);
  for (int i = 0; i < pack.table->num_variants; ++i) {
    const assay_variant* variant = &pack.table->variants[i];
    for (const int threads : {1, 0}) {
      benchmark::RegisterBenchmark(
          (std::string(variant->name) + (threads == 1 ? "/1 thread" : "/all threads")).c_str(),
          assay::HostVariant, variant, threads)
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
