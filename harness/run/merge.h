// Runs of one sweep that went side by side (`assay run --shard`), put together into one.
#pragma once

#include <filesystem>
#include <vector>

#include "harness/record/journal.h"

namespace assay {

struct RunPart {
  std::filesystem::path dir;
  Journal journal;
};

// Problems in the order in which shards were dealt them. `parts` are at least one. Throws ConfigError if they
// are not of one config, with the same seeds, on GPUs of the same name with the same driver, libraries and
// Assay; or if times of one problem, dtype and layout lie in two of them: these are compared, and so must be
// of one run.
Journal MergeRuns(const std::vector<RunPart>& parts, const std::string& command);

}  // namespace assay
