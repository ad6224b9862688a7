#include "harness/config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "harness/config/problems.h"
#include "harness/config/selection.h"
#include "harness/config/source_file.h"
#include "harness/config/suggest.h"
#include "harness/config/where.h"
#include "harness/config/yaml_node.h"
#include "harness/record/graph_name.h"
#include "reference/dtype.h"

namespace assay {
namespace {

constexpr std::size_t kMaxConfigBytes = 1 << 20;
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::int64_t kMaxSeed = (std::int64_t{1} << 53) - 1;  // what a JSON number holds exactly

const std::vector<std::string> kTopKeys = {"name",    "operator", "problems",  "dtypes",
                                           "layouts", "variants", "baselines", "where",
                                           "verify",  "measure",  "limits"};
const std::vector<std::string> kVerifyKeys = {"seeds", "first_seed"};
const std::vector<std::string> kLimitKeys = {"seconds"};
const std::vector<std::string> kMeasureKeys = {"enabled",     "min_seconds", "max_seconds",    "min_samples",
                                               "max_samples", "confidence",  "relative_width", "input_sets"};

using Entries = std::vector<YamlEntry>;

std::string ReadName(const YamlNode& root, const Entries& entries) {
  const std::string allowed = "name: 1 to 64 of a-z 0-9 - _, beginning with a letter or digit";
  const YamlEntry* entry = FindEntry(entries, "name");
  if (entry == nullptr) root.place().Fail("no name", allowed);
  const std::string& name = entry->value.Text(allowed);
  const bool letters = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
  if (name.empty() || name.size() > kMaxNameBytes || !letters || name[0] == '-' || name[0] == '_') {
    entry->value.Fail(allowed);
  }
  return name;
}

const Operator& ReadOperator(const YamlNode& root, const Entries& entries,
                             std::span<const Operator* const> operators) {
  std::vector<std::string> names;
  for (const Operator* op : operators) names.emplace_back(op->name());
  const YamlEntry* entry = FindEntry(entries, "operator");
  if (entry == nullptr) {
    if (operators.size() != 1) root.place().Fail("no operator", JoinNames(names));
    return *operators.front();
  }
  const std::string& name = entry->value.Text(JoinNames(names));
  for (const Operator* op : operators) {
    if (op->name() == name) return *op;
  }
  entry->value.place().Fail("unknown operator " + Quoted(name), AllowedNames(name, names));
}

// What a key that lists names may hold.
struct NameList {
  const char* key;   // "dtypes"
  const char* what;  // "dtype"
  std::vector<std::string> names;
  bool none = false;                     // the word `none` is allowed
  std::vector<std::string> others = {};  // names that belong under the key `elsewhere`
  const char* elsewhere = "";
  bool graphs = false;  // "+graph" may stand behind a name
};

// nullopt: all. An empty list: none.
std::optional<std::vector<std::string>> ReadNames(const Entries& entries, const NameList& list) {
  const YamlEntry* entry = FindEntry(entries, list.key);
  if (entry == nullptr) return std::nullopt;
  const std::string allowed =
      fmt::format("all, {}or a list of these: {}", list.none ? "none, " : "", JoinNames(list.names));
  const YamlNode& node = entry->value;
  if (!node.IsList()) {
    const std::string& word = node.Text(allowed);
    if (word == "all") return std::nullopt;
    if (word == "none" && list.none) return std::vector<std::string>{};
    node.Fail(allowed);
  }
  std::vector<std::string> names;
  for (const YamlNode& item : node.Items(allowed)) {
    const std::string& name = item.Text(allowed);
    const std::string plain(list.graphs ? PlainName(name) : name);
    if (std::find(list.others.begin(), list.others.end(), plain) != list.others.end()) {
      item.place().Fail(fmt::format("{}, which belongs under {}", Quoted(name), list.elsewhere),
                        JoinNames(list.names));
    }
    if (std::find(list.names.begin(), list.names.end(), plain) == list.names.end()) {
      item.place().Fail(fmt::format("unknown {} {}", list.what, Quoted(name)),
                        AllowedNames(name, list.names));
    }
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      item.place().Fail(fmt::format("{} {} a second time", list.what, Quoted(name)), "each once");
    }
    names.push_back(name);
  }
  return names;
}

Selection ReadSelection(const YamlNode& root, const Entries& entries, const Catalog& catalog,
                        const Operator& op) {
  Selection selection;
  for (const std::string& name :
       ReadNames(entries, {"dtypes", "dtype", DTypeNames()}).value_or(DTypeNames())) {
    selection.dtypes.push_back(ParseDType(name).value());
  }
  for (const std::string& name :
       ReadNames(entries, {"layouts", "layout", LayoutNames()}).value_or(LayoutNames())) {
    selection.layouts.push_back(ParseLayout(name).value());
  }
  const std::vector<std::string> kernel_names = VariantNames(catalog, op.name(), false);
  const std::vector<std::string> baseline_names = VariantNames(catalog, op.name(), true);
  const auto kernels =
      ReadNames(entries, {"variants", "variant", kernel_names, true, baseline_names, "baselines", true});
  const auto baselines =
      ReadNames(entries, {"baselines", "baseline", baseline_names, true, kernel_names, "variants", true});
  selection.variants = ChooseVariants(catalog, op.name(), kernels, baselines);
  if (selection.variants.empty()) {
    const YamlEntry* entry = FindEntry(entries, "variants");
    (entry == nullptr ? root.place() : entry->value.place())
        .Fail("neither a variant nor a baseline to run", "at least one; see `assay list`");
  }
  return selection;
}

VerifySettings ReadVerify(const Entries& entries) {
  VerifySettings settings;
  const YamlEntry* section = FindEntry(entries, "verify");
  if (section == nullptr) return settings;
  const Entries values = section->value.Entries("a mapping of " + JoinNames(kVerifyKeys));
  CheckKeys(values, kVerifyKeys);
  if (const auto* entry = FindEntry(values, "seeds")) {
    settings.seeds = static_cast<int>(entry->value.Integer(1, 100));
  }
  if (const auto* entry = FindEntry(values, "first_seed")) {
    settings.first_seed = static_cast<std::uint64_t>(entry->value.Integer(0, kMaxSeed));
  }
  return settings;
}

MeasureSettings ReadMeasure(const Entries& entries) {
  MeasureSettings settings;
  const YamlEntry* section = FindEntry(entries, "measure");
  if (section == nullptr) return settings;
  const Entries values = section->value.Entries("a mapping of " + JoinNames(kMeasureKeys));
  CheckKeys(values, kMeasureKeys);
  const auto number = [&](const char* key, double low, double high, double* value) {
    if (const auto* entry = FindEntry(values, key)) *value = entry->value.Number(low, high);
  };
  const auto integer = [&](const char* key, std::int64_t low, std::int64_t high, int* value) {
    if (const auto* entry = FindEntry(values, key)) {
      *value = static_cast<int>(entry->value.Integer(low, high));
    }
  };
  if (const auto* entry = FindEntry(values, "enabled")) settings.enabled = entry->value.Boolean();
  number("min_seconds", 0, 3600, &settings.min_seconds);
  number("max_seconds", 0.001, 3600, &settings.max_seconds);
  integer("min_samples", 1, 1'000'000, &settings.min_samples);
  integer("max_samples", 1, 1'000'000, &settings.max_samples);
  number("confidence", 0.5, 0.9999, &settings.confidence);
  number("relative_width", 0.0001, 1, &settings.relative_width);
  integer("input_sets", 1, 64, &settings.input_sets);

  // Whichever of the two was written is the one at fault; the other may be a default.
  const auto place = [&](const char* first, const char* second) {
    const auto* entry = FindEntry(values, first);
    return (entry != nullptr ? entry : FindEntry(values, second))->value.place();
  };
  if (settings.min_seconds > settings.max_seconds) {
    place("min_seconds", "max_seconds")
        .Fail(fmt::format("min_seconds {} above max_seconds {}", settings.min_seconds, settings.max_seconds),
              "min_seconds <= max_seconds");
  }
  if (settings.min_samples > settings.max_samples) {
    place("min_samples", "max_samples")
        .Fail(fmt::format("min_samples {} above max_samples {}", settings.min_samples, settings.max_samples),
              "min_samples <= max_samples");
  }
  return settings;
}

LimitSettings ReadLimits(const Entries& entries) {
  LimitSettings settings;
  const YamlEntry* section = FindEntry(entries, "limits");
  if (section == nullptr) return settings;
  const Entries values = section->value.Entries("a mapping of " + JoinNames(kLimitKeys));
  CheckKeys(values, kLimitKeys);
  if (const auto* entry = FindEntry(values, "seconds")) settings.seconds = entry->value.Number(0.001, 86'400);
  return settings;
}

std::vector<Where> ParseAll(const std::vector<LocatedText>& texts, const WhereNames& names) {
  std::vector<Where> conditions;
  for (const LocatedText& text : texts) conditions.emplace_back(text, names);
  return conditions;
}

bool AllHold(const std::vector<Where>& conditions, const Case& c) {
  return std::all_of(conditions.begin(), conditions.end(),
                     [&](const Where& where) { return where.Holds(c); });
}

// The names of a `where` are those of a resolved problem, so that it can be parsed only when there is one.
WhereNames NamesFor(const Problem& problem, const Catalog& catalog) {
  WhereNames names;
  for (const assay_param& param : problem.params) names.params.emplace_back(param.name);
  names.dtypes = DTypeNames();
  names.layouts = LayoutNames();
  names.variants = VariantNames(catalog, problem.op->name(), false);
  for (const std::string& name : VariantNames(catalog, problem.op->name(), true))
    names.variants.push_back(name);
  return names;
}

class Expander {
 public:
  Expander(const Operator& op, const Catalog& catalog, Selection selection, std::vector<LocatedText> where)
      : op_(op), catalog_(catalog), cases_(std::move(selection)), where_text_(std::move(where)) {}

  void Add(const ProblemSource& source) {
    CheckCount(source);
    std::optional<std::vector<Where>> conditions;
    std::size_t own = 0;  // cases that the source's own `where` leaves
    ExpandProblems(source, op_, [&](const Problem& problem, const std::string& label) {
      if (!conditions) conditions = ParseAll(source.where, Names(problem));
      if (!where_) where_ = ParseAll(where_text_, Names(problem));
      cases_.Add(problem, label, [&](const Case& c) {
        if (!AllHold(*conditions, c)) return false;
        ++own;
        return AllHold(*where_, c);
      });
    });
    if (own == 0) {
      source.where.front().At(0).Fail("a where that drops every case of its problems", "one that keeps some");
    }
  }

  std::vector<Case> Take() const {
    std::vector<Case> cases = cases_.Cases();
    if (cases.empty()) where_text_.front().At(0).Fail("a where that drops every case", "one that keeps some");
    return cases;
  }

 private:
  WhereNames Names(const Problem& problem) const { return NamesFor(problem, catalog_); }

  void CheckCount(const ProblemSource& source) {
    count_ += source.Count(kMaxCases + 1) * cases_.CasesPerProblem();
    if (count_ > kMaxCases) {
      source.place.Fail(fmt::format("more than {} cases up to here", kMaxCases),
                        fmt::format("{} cases in a sweep, before where drops any", kMaxCases));
    }
  }

  const Operator& op_;
  const Catalog& catalog_;
  CaseCollector cases_;
  std::vector<LocatedText> where_text_;
  std::optional<std::vector<Where>> where_;
  std::int64_t count_ = 0;
};

std::vector<SweepSource> SourcesOf(const SourceFile& config, const std::deque<SourceFile>& tables) {
  std::vector<SweepSource> sources = {{config.path().filename().string(), config.Digest()}};
  const std::filesystem::path folder = config.path().parent_path();
  for (const SourceFile& table : tables) {
    sources.push_back(
        {table.path().lexically_relative(folder.empty() ? "." : folder.lexically_normal()).string(),
         table.Digest()});
  }
  return sources;
}

}  // namespace

Sweep LoadSweep(const std::filesystem::path& path, const Catalog& catalog,
                std::span<const Operator* const> operators) {
  const SourceFile file(path, kMaxConfigBytes);
  const YamlNode root = YamlNode::Load(file);
  const Entries entries = root.Entries("a mapping of " + JoinNames(kTopKeys));
  CheckKeys(entries, kTopKeys);

  Sweep sweep;
  sweep.path = path;
  sweep.text = file.text();
  sweep.name = ReadName(root, entries);
  sweep.verify = ReadVerify(entries);
  sweep.measure = ReadMeasure(entries);
  sweep.limits = ReadLimits(entries);

  const Operator& op = ReadOperator(root, entries, operators);
  const YamlEntry* where = FindEntry(entries, "where");
  Expander expander(op, catalog, ReadSelection(root, entries, catalog, op),
                    where == nullptr ? std::vector<LocatedText>{} : ReadWhere(where->value));
  const YamlEntry* problems = FindEntry(entries, "problems");
  if (problems == nullptr) {
    root.place().Fail("no problems", "problems: a list of grid, list and table entries");
  }
  std::deque<SourceFile> tables;
  const std::vector<YamlNode> items =
      problems->value.Items("a list of entries, each with one of the keys grid, list, table");
  if (items.size() > kMaxSources) {
    problems->value.place().Fail(fmt::format("{} entries", items.size()),
                                 fmt::format("at most {}", kMaxSources));
  }
  // One at a time, so that the cap on cases also stops a list of a few names for one large entry.
  for (const YamlNode& item : items) expander.Add(ReadProblemSource(item, op, tables));
  sweep.sources = SourcesOf(file, tables);
  sweep.cases = expander.Take();
  return sweep;
}

}  // namespace assay
