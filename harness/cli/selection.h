// The cases that a command line asks for: from a config, narrowed by options, or from options alone.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/config/config.h"

namespace assay {

struct SelectionOptions {
  std::filesystem::path config;  // empty: the options alone say what to run
  std::string filter;            // regular expression, found anywhere in a case id
  std::string shard;  // "K/N": of the problems that are left every N-th, from the K-th on; empty: all
  std::vector<std::string> problems, dtypes, layouts, variants;
  std::string configuration;  // of the one variant; empty: the variant's own choice
  std::optional<int> seeds;
  std::optional<std::uint64_t> first_seed;
};

void AddSelectionOptions(CLI::App& command, SelectionOptions& options);
void AddSeedOptions(CLI::App& command, SelectionOptions& options);

// Throws ConfigError: also if a name is unknown, or if no case is left.
Sweep SelectCases(const SelectionOptions& options, const Catalog& catalog);

}  // namespace assay
