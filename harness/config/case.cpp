#include "harness/config/case.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/config/config.h"
#include "harness/config/selection.h"
#include "harness/config/suggest.h"
#include "harness/record/graph_name.h"
#include "reference/dtype.h"

namespace assay {
namespace {

// Points at a part of an id; characters count bytes from 1, as ids are ASCII.
std::string PartOf(std::string_view id, std::string_view part) {
  return fmt::format("case id {}, character {}", Quoted(id), part.data() - id.data() + 1);
}

[[noreturn]] void FailAt(std::string_view id, std::string_view part, const std::string& found,
                         const std::string& allowed) {
  throw ConfigError(fmt::format("{}: found {}; allowed: {}", PartOf(id, part), found, allowed));
}

std::vector<std::string_view> Split(std::string_view id) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (std::size_t end = id.find('/'); end != std::string_view::npos; end = id.find('/', begin)) {
    parts.push_back(id.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(id.substr(begin));
  return parts;
}

const Operator* OperatorOf(std::string_view id, std::string_view name,
                           std::span<const Operator* const> operators) {
  std::vector<std::string> names;
  for (const Operator* op : operators) {
    if (op->name() == name) return op;
    names.emplace_back(op->name());
  }
  FailAt(id, name, "unknown operator " + Quoted(name), AllowedNames(name, names));
}

Problem ProblemOf(std::string_view id, std::string_view part, const Operator& op) {
  try {
    return op.ParseProblemId(part);
  } catch (const ProblemError& error) {
    throw ConfigError(fmt::format("{}: found problem {}, which {} refuses: {}", PartOf(id, part),
                                  Quoted(part), op.name(), error.what()));
  }
}

}  // namespace

std::string Case::Id() const {
  return fmt::format("{}/{}/{}/{}/{}", problem.op->name(), problem.op->ProblemId(problem), DTypeName(dtype),
                     LayoutName(layout), variant);
}

Case ParseCaseId(std::string_view id, const Catalog& catalog, std::span<const Operator* const> operators) {
  const std::vector<std::string_view> parts = Split(id);
  if (parts.size() != 5) {
    FailAt(id, id, fmt::format("{} parts", parts.size()), "5 parts: operator/problem/dtype/layout/variant");
  }
  Case c;
  const Operator* const op = OperatorOf(id, parts[0], operators);
  c.problem = ProblemOf(id, parts[1], *op);
  const auto dtype = ParseDType(parts[2]);
  if (!dtype) FailAt(id, parts[2], "unknown dtype " + Quoted(parts[2]), AllowedNames(parts[2], DTypeNames()));
  const auto layout = ParseLayout(parts[3]);
  if (!layout) {
    FailAt(id, parts[3], "unknown layout " + Quoted(parts[3]), AllowedNames(parts[3], LayoutNames()));
  }
  c.dtype = *dtype;
  c.layout = *layout;
  c.variant = parts[4];
  std::vector<std::string> known = VariantNames(catalog, op->name(), false);
  c.named = IsVariantAmong(known, c.variant);
  const std::vector<std::string> baselines = VariantNames(catalog, op->name(), true);
  c.baseline = !c.named && IsVariantAmong(baselines, c.variant);
  if (!c.named && !c.baseline) {
    known.insert(known.end(), baselines.begin(), baselines.end());
    FailAt(id, parts[4], "unknown variant " + Quoted(parts[4]), AllowedNames(parts[4], known));
  }
  return c;
}

}  // namespace assay
