// Loads a sweep from text in tests.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "harness/config/config.h"

namespace assay::testing {

// Writes the YAML as sweep.yaml and the tables beside it into a folder of its own, and loads it with the fake
// operator.
class ConfigFolder {
 public:
  ConfigFolder();
  ~ConfigFolder();
  ConfigFolder(const ConfigFolder&) = delete;
  ConfigFolder& operator=(const ConfigFolder&) = delete;

  std::filesystem::path Write(const std::string& name, const std::string& text) const;
  Sweep Load(const std::string& yaml) const;
  // The message of the ConfigError, with the folder's path left out; empty if the sweep loads.
  std::string ErrorOf(const std::string& yaml) const;

 private:
  std::filesystem::path folder_;
};

struct Mistake {
  const char* text;     // the YAML, or the table
  const char* message;  // of the ConfigError
};
// Each YAML text gives its message; a table t.csv (columns n, c, label) stands beside it.
void ExpectMistakes(std::span<const Mistake> mistakes);

// The problem ids of the cases, each once, in their order.
std::vector<std::string> ProblemsOf(const Sweep& sweep);
std::vector<std::string> IdsOf(const Sweep& sweep);

}  // namespace assay::testing
