#include "harness/config/adhoc.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/config/selection.h"
#include "harness/config/suggest.h"
#include "harness/record/graph_name.h"
#include "reference/dtype.h"

namespace assay {
namespace {

[[noreturn]] void Fail(const char* option, const std::string& found, const std::string& allowed) {
  throw ConfigError(fmt::format("{}: found {}; allowed: {}", option, found, allowed));
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void CheckNames(const char* option, const std::vector<std::string>& names,
                const std::vector<std::string>& allowed) {
  for (const std::string& name : names) {
    if (!Contains(allowed, name)) Fail(option, Quoted(name), AllowedNames(name, allowed));
  }
}

const Operator& ChooseOperator(const std::string& name, std::span<const Operator* const> operators) {
  std::vector<std::string> names;
  for (const Operator* op : operators) {
    if (op->name() == name) return *op;
    names.emplace_back(op->name());
  }
  if (name.empty() && operators.size() == 1) return *operators.front();
  Fail("--operator", name.empty() ? "none" : Quoted(name), AllowedNames(name, names));
}

// All names in their own order, or those that are selected.
std::vector<std::string> Selected(const std::vector<std::string>& all,
                                  const std::vector<std::string>& selected) {
  std::vector<std::string> names;
  for (const std::string& name : all) {
    if (selected.empty() || Contains(selected, name)) names.push_back(name);
  }
  return names;
}

std::vector<VariantChoice> SelectVariants(const AdhocOptions& options, const Catalog& catalog,
                                          const Operator& op) {
  if (options.variants.empty()) return ChooseVariants(catalog, op.name(), std::nullopt, std::nullopt);
  std::vector<std::string> known = VariantNames(catalog, op.name(), false);
  const std::vector<std::string> baselines = VariantNames(catalog, op.name(), true);
  known.insert(known.end(), baselines.begin(), baselines.end());
  for (const std::string& name : options.variants) {
    if (!IsVariantAmong(known, name)) Fail("--variant", Quoted(name), AllowedNames(name, known));
  }
  return ChooseVariants(catalog, op.name(), options.variants, options.variants);
}

Selection Select(const AdhocOptions& options, const Catalog& catalog, const Operator& op) {
  CheckNames("--dtype", options.dtypes, DTypeNames());
  CheckNames("--layout", options.layouts, LayoutNames());
  Selection selection;
  for (const std::string& name : Selected(DTypeNames(), options.dtypes)) {
    selection.dtypes.push_back(ParseDType(name).value());
  }
  for (const std::string& name : Selected(LayoutNames(), options.layouts)) {
    selection.layouts.push_back(ParseLayout(name).value());
  }
  selection.variants = SelectVariants(options, catalog, op);
  return selection;
}

Problem ParseProblem(const std::string& id, const Operator& op) {
  try {
    return op.ParseProblemId(id);
  } catch (const ProblemError& error) {
    throw ConfigError(
        fmt::format("--problem: found {}, which {} refuses: {}", Quoted(id), op.name(), error.what()));
  }
}

}  // namespace

Sweep MakeAdhocSweep(const AdhocOptions& options, const Catalog& catalog,
                     std::span<const Operator* const> operators) {
  const Operator& op = ChooseOperator(options.op, operators);
  if (options.problems.empty()) Fail("--problem", "none", "at least one problem id");
  CaseCollector cases(Select(options, catalog, op));
  for (const std::string& id : options.problems) {
    cases.Add(ParseProblem(id, op), "", [](const Case&) { return true; });
  }
  Sweep sweep;
  sweep.name = "adhoc";
  sweep.text = fmt::format("# made from the command line: operator {}, problems {}\n", op.name(),
                           JoinNames(options.problems));
  sweep.cases = cases.Cases();
  if (sweep.cases.empty()) {
    Fail("--variant", "no variant of operator " + std::string(op.name()), "a pack that has one");
  }
  return sweep;
}

}  // namespace assay
