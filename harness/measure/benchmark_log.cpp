#include "harness/measure/benchmark_log.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace assay {

void BenchmarkLog::Add(const std::string& document) {
  const auto parsed = nlohmann::json::parse(document, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object() || !parsed.contains("context") || !parsed.contains("benchmarks") ||
      !parsed["benchmarks"].is_array()) {
    throw std::invalid_argument("not a JSON document of Google Benchmark: " + document.substr(0, 80));
  }
  if (entries_.empty()) context_ = parsed["context"].dump();
  for (const auto& entry : parsed["benchmarks"]) entries_.push_back(entry.dump());
}

std::string BenchmarkLog::Json() const {
  std::string json = "{\n\"context\": " + context_ + ",\n\"benchmarks\": [";
  for (std::size_t i = 0; i < entries_.size(); ++i) json += (i == 0 ? "\n" : ",\n") + entries_[i];
  return json + "\n]\n}\n";
}

}  // namespace assay
