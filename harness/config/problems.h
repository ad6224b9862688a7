// One entry of a config's `problems:` list: rows of values, each crossed with axes.
//   grid:  one row without values; every key is an axis
//   list:  a row an item; keys beside `list` are axes
//   table: a row a line; keys beside `table` are axes
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "harness/config/param_text.h"
#include "harness/config/yaml_node.h"
#include "reference/operator.h"

namespace assay {

struct ProblemAxis {
  std::string key;
  std::vector<PlacedValue> values;
};

struct ProblemRow {
  Place place;
  std::string label;
  std::vector<std::pair<std::string, PlacedValue>> values;
};

struct ProblemSource {
  Place place;
  std::vector<ProblemRow> rows;
  std::vector<ProblemAxis> axes;
  std::vector<LocatedText> where;

  // Rows times the values of each axis, at most `cap`.
  std::int64_t Count(std::int64_t cap) const;
};

// Reads an entry and its table, which is added to `tables` so that places in it stay valid. Throws
// ConfigError.
ProblemSource ReadProblemSource(const YamlNode& node, const Operator& op, std::deque<SourceFile>& tables);

// Hands over each problem of the source, rows in order, the last axis running fastest. A problem that the
// operator refuses is a ConfigError at the value that it names.
void ExpandProblems(const ProblemSource& source, const Operator& op,
                    const std::function<void(Problem problem, const std::string& label)>& take);

// `where: TEXT` or `where: [TEXT, ...]`.
std::vector<LocatedText> ReadWhere(const YamlNode& node);

}  // namespace assay
