// Google Benchmark's own account of everything that was timed, kept beside ours.
#pragma once

#include <string>
#include <vector>

namespace assay {

// One document in Google Benchmark's JSON format ("context", "benchmarks"), put together from many runs.
class BenchmarkLog {
 public:
  // Adds the entries of a document as Google Benchmark's JSON reporter, or Json(), wrote it. The context kept
  // is the first one's. Throws std::invalid_argument if it is no such document.
  void Add(const std::string& document);
  bool empty() const { return entries_.empty(); }
  std::string Json() const;

 private:
  std::string context_ = "{}";
  std::vector<std::string> entries_;  // one JSON object each
};

}  // namespace assay
