// A sweep as a person writes it: YAML, with CSV tables of problems. Every mistake is a ConfigError that says
// file:line:column, what was found and what is allowed. configs/schema.json describes each key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/config/case.h"

namespace assay {

class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct VerifySettings {
  int seeds = 3;  // random and exact inputs are drawn this often
  std::uint64_t first_seed = 1;
};

struct MeasureSettings {
  bool enabled = true;
  double min_seconds = 0.05;  // of summed samples, at least
  double max_seconds = 1.0;   // wall time after which sampling stops whatever the interval
  int min_samples = 10;
  int max_samples = 1000;
  double confidence = 0.95;      // of the interval around the median
  double relative_width = 0.01;  // stop when the interval's half width is at most this share of the median
  int input_sets = 3;            // distinct random inputs in rotation
  bool second_clock = true;      // hold the samples against launches back to back; no config turns it off
};

struct LimitSettings {
  double seconds = 120;  // wall time that a kernel's process may spend on one case, timing aside
};

// A file that a sweep was read from, and what it held.
struct SweepSource {
  std::string path;    // the config's file name; a table's path relative to the config's folder
  std::string digest;  // of its text: 16 hexadecimal digits; meant for edits, not for forgers

  bool operator==(const SweepSource&) const = default;
};

struct Sweep {
  std::string name;            // the report's folder is <name>-<date>
  std::filesystem::path path;  // empty for a sweep made from the command line
  std::string text;            // the YAML as read, kept in the record
  VerifySettings verify;
  MeasureSettings measure;
  LimitSettings limits;
  std::vector<std::string> notices;  // sentences on what it leaves out, for whoever reads its reports
  std::vector<SweepSource> sources;  // the config, then each table once; none for one from the command line
  // Ordered so that cases with the same problem, dtype and layout stand together, baselines last. No id
  // stands twice.
  std::vector<Case> cases;
};

// A sweep may hold this many cases, counted before `where` drops any.
inline constexpr std::int64_t kMaxCases = 100'000;
// So many entries may stand under `problems`, and so many expressions under one `where`. Aliases (*name) make
// a short file long: without these a config of a megabyte could keep the reader busy for days.
inline constexpr std::size_t kMaxSources = 1000;
inline constexpr std::size_t kMaxConditions = 100;

// `variants: all` (the default) stands for every kernel of the catalog. Reads the file and its tables; throws
// ConfigError.
Sweep LoadSweep(const std::filesystem::path& path, const Catalog& catalog,
                std::span<const Operator* const> operators = Operators());

}  // namespace assay
