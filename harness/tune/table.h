// The table that `assay tune` keeps in the repository: which variant and configuration was how fast for a
// problem on a GPU. A CSV whose lines are sorted by what they are of and not by times, so that a difference
// between two versions shows what changed. Works for any operator.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/pack.h"
#include "reference/operator.h"

namespace assay {

// What is tuned at once.
struct TuneKey {
  std::string op;
  std::string problem;  // id
  std::string dtype, layout;

  auto operator<=>(const TuneKey&) const = default;
  std::string Text() const { return op + "/" + problem + "/" + dtype + "/" + layout; }
};

struct TunedRow {
  std::string gpu;     // as the driver names it
  int capability = 0;  // 10 * major + minor
  int sms = 0;
  TuneKey key;
  std::string variant;
  std::string configuration;
  double median_us = 0;
};

struct TunedTable {
  // By GPU: driver, CUDA, date and what else a reader must know of its latest rows, on one line.
  std::map<std::string, std::string> environments;
  std::vector<TunedRow> rows;

  bool Holds(const std::string& gpu, const TuneKey& key) const;
};

// What tuning one problem brought.
struct TunedProblem {
  TuneKey key;
  // Those whose rows of before it replaces; empty: all.
  std::vector<std::string> variants;
  std::vector<TunedRow> rows;
};

// An empty table where there is no such file. Throws ConfigError with file, line and column for anything that
// is no such table: what was found, and what is allowed.
TunedTable ReadTunedTable(const std::filesystem::path& path,
                          std::span<const Operator* const> operators = Operators());

// Rows of other GPUs and problems stay.
void Merge(TunedTable& table, const std::string& gpu, const std::string& environment,
           std::span<const TunedProblem> problems);

// In the order of GPU, operator, problem (its numbers as numbers), dtype, layout, variant and configuration.
std::string TunedTableText(const TunedTable& table);

// Whole or not at all. Throws std::runtime_error with the path and the system's words.
void WriteTunedTable(const std::filesystem::path& path, const TunedTable& table);

// Merges into the table as it lies on the disk by now: others may have written to it while problems were
// being tuned, also at this moment. Returns what it is then. Throws as ReadTunedTable and WriteTunedTable.
TunedTable MergeIntoFile(const std::filesystem::path& path, const std::string& gpu,
                         const std::string& environment, std::span<const TunedProblem> problems);

}  // namespace assay
