#include "harness/measure/benchmark_driver.h"

#include <benchmark/benchmark.h>

#include <sstream>
#include <stdexcept>

#include "harness/profile/ranges.h"

namespace assay {
namespace {

// Google Benchmark knows nothing of exceptions: none may pass through its frames.
void RunOne(benchmark::State& state, const BenchmarkBatch& batch, std::exception_ptr& thrown) {
  std::string message;
  const ProfileRange case_range(ProfileRange::Kind::kCase, batch.name, batch.number);
  const ProfileRange measure(ProfileRange::Kind::kMeasure, batch.number);
  try {
    batch.begin();
    for (auto _ : state) state.SetIterationTime(batch.take());
    batch.end();
  } catch (const std::exception& error) {
    thrown = std::current_exception();
    message = error.what();
  } catch (...) {
    thrown = std::current_exception();
    message = "an exception that is no std::exception";
  }
  if (thrown) state.SkipWithError(message.c_str());
}

}  // namespace

std::vector<std::exception_ptr> RunBatches(std::span<const BenchmarkBatch> batches, BenchmarkLog* log) {
  std::vector<std::exception_ptr> thrown(batches.size());
  benchmark::ClearRegisteredBenchmarks();
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const BenchmarkBatch& batch = batches[i];
    if (batch.samples < 1) throw std::invalid_argument("a batch needs at least one sample");
    benchmark::RegisterBenchmark(
        batch.name.c_str(),
        [&batch, &slot = thrown[i]](benchmark::State& state) { RunOne(state, batch, slot); })
        ->Iterations(batch.samples)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  }
  std::ostringstream out, err;
  benchmark::JSONReporter reporter;
  reporter.SetOutputStream(&out);
  reporter.SetErrorStream(&err);
  const std::size_t ran = batches.empty() ? 0 : benchmark::RunSpecifiedBenchmarks(&reporter, "all");
  benchmark::ClearRegisteredBenchmarks();
  if (ran != batches.size()) {
    throw std::logic_error("Google Benchmark ran " + std::to_string(ran) + " of " +
                           std::to_string(batches.size()) + " batches: " + err.str());
  }
  if (log != nullptr && ran > 0) log->Add(out.str());
  return thrown;
}

}  // namespace assay
