// How fast the fp64 reference is, next to what dgemm reaches on this machine. The problem is KernelBench's
// level 1, number 86 (64 -> 128 channels, 512 x 512, 3 x 3, padding 1), with --images=N images: 1 by default,
// 16 as published.
//
// GFLOP/s counts the operator's own arithmetic once (depthwise and pointwise, 4.6 GFLOP an image), over all
// that the evaluation does: the magnitudes too, and the sink. share_of_dgemm sets that against a large square
// dgemm measured in the same process; each is the best of its repetitions.
#include <benchmark/benchmark.h>
#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "reference/dsconv/fast.h"
#include "reference/dsconv/problem.h"
#include "reference/operator.h"

namespace {

using assay::dsconv::Shape;
using Clock = std::chrono::steady_clock;

std::int64_t num_images = 1;

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// The shortest time of the iterations of a benchmark.
class Best {
 public:
  template <typename Call>
  void Time(const Call& call) {
    const Clock::time_point start = Clock::now();
    call();
    seconds_ = std::min(seconds_, Seconds(Clock::now() - start));
  }
  double seconds() const { return seconds_; }

 private:
  double seconds_ = std::numeric_limits<double>::infinity();
};

class SquareDgemm {
 public:
  void Run() {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, kSize, kSize, kSize, 1.0, a_.data(), kSize,
                b_.data(), kSize, 0.0, c_.data(), kSize);
  }
  static constexpr double Flops() { return 2.0 * kSize * kSize * kSize; }

 private:
  static constexpr int kSize = 2048;
  std::vector<double> a_ = std::vector<double>(kSize * kSize, 1.25);
  std::vector<double> b_ = std::vector<double>(kSize * kSize, 0.75);
  std::vector<double> c_ = std::vector<double>(kSize * kSize);
};

double BestDgemmRate() {
  static const double rate = [] {
    SquareDgemm gemm;
    gemm.Run();
    Best best;
    for (int i = 0; i < 8; ++i) best.Time([&] { gemm.Run(); });
    return SquareDgemm::Flops() / best.seconds();
  }();
  return rate;
}

void Dgemm(benchmark::State& state) {
  SquareDgemm gemm;
  for (auto _ : state) gemm.Run();
  state.counters["GFLOP/s"] =
      benchmark::Counter(SquareDgemm::Flops() * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["best GFLOP/s"] = BestDgemmRate() * 1e-9;
}

// Peak resident memory of this process in bytes since the last ResetPeakMemory; 0 if the system does not say.
double PeakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) * 1024;
  }
  return 0;
}

void ResetPeakMemory() { std::ofstream("/proc/self/clear_refs") << "5"; }

struct Data {
  Shape shape;
  std::vector<assay::TensorVector<float>> inputs;
  std::vector<float> output;
  double bytes = 0;  // of inputs and output
};

Data MakeData(const assay::ParamMap& params) {
  const assay::Operator& op = *assay::FindOperator("dsconv");
  const assay::Problem problem = op.MakeProblem(params);
  Data data;
  data.shape = assay::dsconv::ToShape(problem);
  const auto specs = op.Inputs(problem);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    auto& values = data.inputs.emplace_back(static_cast<std::size_t>(specs[i].Count()));
    op.Fill(problem, static_cast<int>(i), ASSAY_F32, assay::FillKind::kRandom, 1, values);
  }
  data.output.resize(static_cast<std::size_t>(op.Outputs(problem).front().Count()));
  data.bytes = op.CostOf(problem, ASSAY_F32).compulsory_bytes;
  return data;
}

// The sink keeps the output in fp32 and looks at each magnitude, as a judge does at the least.
void EvaluateOnce(Data& data, bool magnitude) {
  const std::vector<std::span<const float>> inputs(data.inputs.begin(), data.inputs.end());
  const assay::OutputSink sink = [&](int, std::int64_t first, std::span<const double> reference,
                                     std::span<const double> magnitudes) {
    float* out = data.output.data() + first;
    for (std::size_t i = 0; i < reference.size(); ++i) out[i] = static_cast<float>(reference[i]);
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t i = 0; i < magnitudes.size(); ++i) sum += magnitudes[i];
    benchmark::DoNotOptimize(sum);
  };
  assay::dsconv::EvaluateFast(data.shape, inputs, sink, {.magnitude = magnitude});
}

void Evaluate(benchmark::State& state, const assay::ParamMap& params, bool magnitude) {
  const double dgemm_rate = BestDgemmRate();
  ResetPeakMemory();
  Data data = MakeData(params);
  const Shape& d = data.shape;
  const double flops =
      2.0 * static_cast<double>(d.n * d.c * d.p * d.q) * static_cast<double>(d.r * d.s + d.k);
  Best best;
  for (auto _ : state) best.Time([&] { EvaluateOnce(data, magnitude); });
  const double rate = flops / best.seconds();
  state.counters["GFLOP"] = flops * 1e-9;
  state.counters["GFLOP/s"] = rate * 1e-9;
  state.counters["share_of_dgemm"] = rate / dgemm_rate;
  state.counters["data_GiB"] = data.bytes / (1 << 30);
  state.counters["peak_GiB"] = PeakMemory() / (1 << 30);
}

void RegisterEvaluations() {
  const assay::ParamMap kernelbench86 = {{"n", num_images},        {"c", std::int64_t{64}},
                                         {"k", std::int64_t{128}}, {"h", std::int64_t{512}},
                                         {"w", std::int64_t{512}}, {"pad", std::int64_t{1}}};
  const assay::ParamMap late_layer = {{"n", std::int64_t{8}},   {"c", std::int64_t{512}},
                                      {"k", std::int64_t{512}}, {"h", std::int64_t{14}},
                                      {"w", std::int64_t{14}},  {"pad", std::int64_t{1}}};
  const assay::ParamMap few_outputs = {{"n", std::int64_t{4}},   {"c", std::int64_t{64}},
                                       {"k", std::int64_t{8}},   {"h", std::int64_t{112}},
                                       {"w", std::int64_t{112}}, {"kernel", std::int64_t{7}},
                                       {"pad", std::int64_t{3}}};
  const auto add = [](const std::string& name, const assay::ParamMap& params) {
    for (bool magnitude : {true, false}) {
      benchmark::RegisterBenchmark((name + (magnitude ? "/magnitude" : "/no_magnitude")).c_str(), Evaluate,
                                   params, magnitude)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    }
  };
  add(fmt::format("evaluate_kernelbench86_n{}", num_images), kernelbench86);
  add("evaluate_512to512_14x14_n8", late_layer);
  add("evaluate_64to8_112x112_r7_n4", few_outputs);
}

// Takes --images=N out of the arguments; false if N is not a positive integer.
bool TakeImages(int& argc, char** argv) {
  constexpr std::string_view kFlag = "--images=";
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kFlag)) {
      argv[kept++] = argv[i];
      continue;
    }
    const std::string_view text = argument.substr(kFlag.size());
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), num_images);
    if (error != std::errc() || end != text.data() + text.size() || num_images < 1) return false;
  }
  argc = kept;
  return true;
}

}  // namespace

BENCHMARK(Dgemm)->UseRealTime()->Unit(benchmark::kMillisecond);

int main(int argc, char** argv) {
  if (!TakeImages(argc, argv)) {
    std::fputs("--images takes a positive integer, as --images=16\n", stderr);
    return 2;
  }
  RegisterEvaluations();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
