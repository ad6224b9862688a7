// Runs batches of samples through Google Benchmark with manual time.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/measure/benchmark_log.h"

namespace assay {

// A fixed number of samples of one candidate. All three functions may throw.
struct BenchmarkBatch {
  std::string name;
  std::uint64_t number = 0;  // of the case, for profile ranges
  int samples = 0;
  std::function<void()> begin;
  std::function<double()> take;  // one sample, in seconds
  std::function<void()> end;     // not called if begin or take threw
};

// Registers each batch as a benchmark of `samples` iterations and runs them in the given order. Returns what
// each threw (nullptr: nothing); the others run all the same.
std::vector<std::exception_ptr> RunBatches(std::span<const BenchmarkBatch> batches, BenchmarkLog* log);

}  // namespace assay
