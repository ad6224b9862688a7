#include "harness/cli/selection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <regex>
#include <string_view>
#include <utility>

#include "harness/config/adhoc.h"
#include "harness/config/selection.h"
#include "harness/record/graph_name.h"
#include "reference/dtype.h"

namespace assay {
namespace {

bool Contains(const std::vector<std::string>& list, std::string_view name) {
  return list.empty() || std::ranges::find(list, name) != list.end();
}

// Says which names are allowed if one of `given` is not among them.
void CheckNames(const char* option, const std::vector<std::string>& given,
                const std::vector<std::string>& allowed) {
  for (const std::string& name : given) {
    if (std::ranges::find(allowed, name) == allowed.end()) {
      throw ConfigError(fmt::format("{}: found {}; allowed: {}", option, name, fmt::join(allowed, ", ")));
    }
  }
}

std::vector<std::string> VariantNames(const Catalog& catalog) {
  std::vector<std::string> names;
  for (const Catalog::Entry& entry : catalog.entries) {
    if (std::ranges::find(names, entry.variant) == names.end()) names.push_back(entry.variant);
  }
  return names;
}

std::vector<std::string> PlainNames(const std::vector<std::string>& names) {
  std::vector<std::string> plain;
  for (const std::string& name : names) plain.emplace_back(PlainName(name));
  return plain;
}

std::regex CompileFilter(const std::string& filter) {
  try {
    return std::regex(filter, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& e) {
    throw ConfigError(fmt::format("--filter: {} is not a regular expression: {}", filter, e.what()));
  }
}

// As reports write them: r3s3 is r3, an omitted default is one. Throws ConfigError for text that is no id.
std::vector<std::string> CanonicalProblems(const std::vector<std::string>& ids) {
  std::vector<std::string> canonical;
  for (const std::string& id : ids) {
    try {
      const Operator& op = *Operators().front();
      canonical.push_back(op.ProblemId(op.ParseProblemId(id)));
    } catch (const ProblemError& e) {
      throw ConfigError(fmt::format("--problem: {}", e.what()));
    }
  }
  return canonical;
}

void CheckProblemsAreThere(const Sweep& sweep, const std::vector<std::string>& problems) {
  for (const std::string& id : problems) {
    if (std::ranges::none_of(sweep.cases,
                             [&](const Case& c) { return c.problem.op->ProblemId(c.problem) == id; })) {
      throw ConfigError(fmt::format("--problem: {} is no problem of {}", id, sweep.path.string()));
    }
  }
}

// K and N of "K/N".
std::pair<int, int> ParseShard(const std::string& text) {
  static const std::regex form("([0-9]{1,6})/([0-9]{1,6})");
  std::smatch match;
  if (std::regex_match(text, match, form)) {
    const int k = std::stoi(match[1]), n = std::stoi(match[2]);
    if (1 <= k && k <= n) return {k, n};
  }
  throw ConfigError(fmt::format("--shard: found {}; allowed: K/N, K from 1 to N, as 1/4", text));
}

// All cases of a problem stay together: their times are compared.
void KeepShard(Sweep& sweep, const std::string& text) {
  const auto [k, n] = ParseShard(text);
  std::map<std::string, int> shards;  // by problem
  std::erase_if(sweep.cases, [&](const Case& c) {
    const int next = static_cast<int>(shards.size()) % n + 1;
    return shards.emplace(c.problem.op->ProblemId(c.problem), next).first->second != k;
  });
}

void Narrow(Sweep& sweep, const SelectionOptions& options) {
  const std::regex filter = CompileFilter(options.filter);
  std::erase_if(sweep.cases, [&](const Case& c) {
    return !Contains(options.problems, c.problem.op->ProblemId(c.problem)) ||
           !Contains(options.dtypes, DTypeName(c.dtype)) ||
           !Contains(options.layouts, LayoutName(c.layout)) || !Contains(options.variants, c.variant) ||
           (!options.filter.empty() && !std::regex_search(c.Id(), filter));
  });
  if (!options.shard.empty()) KeepShard(sweep, options.shard);
  // A variant typed on the command line is selected by name.
  for (Case& c : sweep.cases) {
    if (!options.variants.empty()) c.named = true;
  }
}

}  // namespace

void AddSelectionOptions(CLI::App& command, SelectionOptions& options) {
  command.add_option("config", options.config, "YAML file that describes the sweep");
  command.add_option("--filter", options.filter,
                     "keep the cases whose id this regular expression is found in");
  command.add_option(
      "--shard", options.shard,
      "K/N: of the problems that are left every N-th from the K-th on, as one of N runs side by side");
  command.add_option("--problem", options.problems, "problem ids, as n1c64k128h56w56r3p1")->delimiter(',');
  command.add_option("--dtype", options.dtypes, "fp32, fp16, bf16")->delimiter(',');
  command.add_option("--layout", options.layouts, "nchw, nhwc")->delimiter(',');
  command.add_option("--variant", options.variants, "names that `assay list` shows")->delimiter(',');
}

void AddSeedOptions(CLI::App& command, SelectionOptions& options) {
  command.add_option("--seeds", options.seeds, "how often inputs are drawn")->check(CLI::Range(1, 100));
  command.add_option("--first-seed", options.first_seed, "seed of the first draw")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{9007199254740991}));
}

Sweep SelectCases(const SelectionOptions& given, const Catalog& catalog) {
  SelectionOptions options = given;
  options.problems = CanonicalProblems(given.problems);
  CheckNames("--dtype", options.dtypes, DTypeNames());
  CheckNames("--layout", options.layouts, LayoutNames());
  CheckNames("--variant", PlainNames(options.variants), VariantNames(catalog));
  if (!options.configuration.empty() && options.variants.size() != 1) {
    throw ConfigError(
        fmt::format("--configuration: found {} names under --variant; allowed: one, whose it is",
                    options.variants.size()));
  }
  if (options.config.empty() && options.problems.empty()) {
    throw ConfigError("nothing to run: give a config (as configs/quick.yaml) or --problem");
  }
  Sweep sweep =
      options.config.empty()
          ? MakeAdhocSweep({"", options.problems, options.dtypes, options.layouts, options.variants}, catalog)
          : LoadSweep(options.config, catalog);
  const std::size_t all = sweep.cases.size();
  CheckProblemsAreThere(sweep, options.problems);
  Narrow(sweep, options);
  if (sweep.cases.empty()) {
    throw ConfigError(fmt::format(
        "no case is left: --filter, --shard, --problem, --dtype, --layout and --variant together drop "
        "all {} cases of {}",
        all, options.config.empty() ? "the command line" : options.config.string()));
  }
  for (Case& c : sweep.cases) c.configuration = options.configuration;
  if (options.seeds) sweep.verify.seeds = *options.seeds;
  if (options.first_seed) sweep.verify.first_seed = *options.first_seed;
  return sweep;
}

}  // namespace assay
