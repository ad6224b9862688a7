#include "harness/config/problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "harness/config/config.h"
#include "harness/config/suggest.h"
#include "harness/config/table.h"

namespace assay {
namespace {

constexpr std::size_t kMaxTableBytes = 4 << 20;
constexpr std::size_t kMaxLabelBytes = 120;
constexpr std::size_t kMaxNumbers = 16;  // of one value, such as [h, w]

const char* const kLabelAllowed = "a label: one line of text, at most 120 bytes";

std::string CheckedLabel(const std::string& label, const Place& place) {
  if (label.size() > kMaxLabelBytes || label.find_first_of("\n\r\t") != std::string::npos) {
    place.Fail(Quoted(label), kLabelAllowed);
  }
  return label;
}

ParamValue ReadList(const YamlNode& node, const ParamSpec& spec) {
  const std::string allowed = spec.name + ": " + spec.allowed;
  std::vector<std::int64_t> numbers;
  const std::vector<YamlNode> items = node.Items(allowed);
  if (items.size() > kMaxNumbers) node.place().Fail(fmt::format("a list of {}", items.size()), allowed);
  for (const YamlNode& item : items) {
    if (item.IsList()) item.place().Fail("a list inside one value", allowed);
    const std::string& text = item.Text("an integer; " + allowed);
    const ParamValue value = ParseParamText(text, item.place());
    const auto* number = std::get_if<std::int64_t>(&value);
    if (number == nullptr || item.IsQuoted()) item.Fail("an integer; " + allowed);
    numbers.push_back(*number);
  }
  return numbers;
}

// YAML 1.1 and most languages read "0x10" as 16, "3x5" is a pair here: whoever wrote it may have meant
// either.
void RefuseHexadecimal(const std::string& text, const YamlNode& node, const ParamSpec& spec) {
  const std::size_t sign = text.find_first_not_of("+-");
  if (sign == std::string::npos || sign > 1) return;
  const std::string_view digits = std::string_view(text).substr(sign);
  if (digits.size() < 3 || digits[0] != '0' || (digits[1] != 'x' && digits[1] != 'X')) return;
  if (digits.find_first_not_of("0123456789abcdefABCDEF", 2) != std::string_view::npos) return;
  node.Fail(fmt::format("{}: {}; numbers are decimal, a pair that begins with 0 is written [0, 10]",
                        spec.name, spec.allowed));
}

// A scalar, or a list that is one value ([h, w], say).
PlacedValue ReadValue(const YamlNode& node, const ParamSpec& spec) {
  if (node.IsList()) return {ReadList(node, spec), node.place()};
  const std::string& text = node.Text(spec.name + ": " + spec.allowed);
  if (node.IsQuoted()) return {text, node.place()};
  RefuseHexadecimal(text, node, spec);
  return {ParseParamText(text, node.place()), node.place()};
}

ProblemAxis ReadAxis(const YamlEntry& entry, const ParamSpec& spec) {
  ProblemAxis axis{entry.key, {}};
  if (!entry.value.IsList()) {
    axis.values.push_back(ReadValue(entry.value, spec));
    return axis;
  }
  for (const YamlNode& item :
       entry.value.Items("at least one value of " + spec.name + " (" + spec.allowed + ")")) {
    axis.values.push_back(ReadValue(item, spec));
  }
  return axis;
}

// Refuses what does not belong: a key of `entries` that is neither a parameter nor in `others`.
void CheckSourceKeys(const std::vector<YamlEntry>& entries, const Operator& op,
                     const std::vector<std::string>& others) {
  std::vector<std::string> allowed = ParamNames(op);
  allowed.insert(allowed.end(), others.begin(), others.end());
  CheckKeys(entries, allowed);
}

bool HasAxis(const ProblemSource& source, std::string_view key) {
  return std::any_of(source.axes.begin(), source.axes.end(),
                     [&](const ProblemAxis& axis) { return axis.key == key; });
}

// The keys beside `list` or `table`.
void ReadAxes(const std::vector<YamlEntry>& entries, const Operator& op, ProblemSource* source) {
  for (const YamlEntry& entry : entries) {
    const ParamSpec* spec = FindSpec(op, entry.key);
    if (spec != nullptr) source->axes.push_back(ReadAxis(entry, *spec));
  }
}

void ReadGrid(const YamlNode& grid, const Operator& op, ProblemSource* source) {
  const std::vector<YamlEntry> entries =
      grid.Entries("a mapping of parameters to a value or a list of values");
  CheckSourceKeys(entries, op, {});
  ReadAxes(entries, op, source);
  source->rows.push_back({grid.place(), "", {}});
  for (const ParamSpec& spec : op.params()) {
    if (spec.required && !HasAxis(*source, spec.name)) {
      grid.place().Fail("no " + spec.name + " in this grid", spec.name + ": " + spec.allowed);
    }
  }
}

ProblemRow ReadItem(const YamlNode& item, const Operator& op, const ProblemSource& source) {
  ProblemRow row{item.place(), "", {}};
  const std::vector<YamlEntry> entries = item.Entries("a mapping of parameters to values");
  CheckSourceKeys(entries, op, {"label"});
  for (const YamlEntry& entry : entries) {
    if (entry.key == "label") {
      row.label = CheckedLabel(entry.value.Text(kLabelAllowed), entry.value.place());
      continue;
    }
    if (HasAxis(source, entry.key)) {
      entry.key_place.Fail("key " + Quoted(entry.key) + " both in this item and beside the list",
                           "one of them");
    }
    row.values.emplace_back(entry.key, ReadValue(entry.value, *FindSpec(op, entry.key)));
  }
  for (const ParamSpec& spec : op.params()) {
    if (spec.required && FindEntry(entries, spec.name) == nullptr && !HasAxis(source, spec.name)) {
      item.place().Fail("no " + spec.name + " in this item or beside the list",
                        spec.name + ": " + spec.allowed);
    }
  }
  return row;
}

void CheckTableColumns(const Table& table, const std::vector<YamlEntry>& beside, const Operator& op) {
  const auto has = [&](std::string_view name) {
    return std::any_of(table.header.begin(), table.header.end(),
                       [&](const TableCell& cell) { return cell.text == name; });
  };
  for (const YamlEntry& entry : beside) {
    // A label beside the table is for rows without one.
    if (entry.key != "label" && has(entry.key)) {
      entry.key_place.Fail("key " + Quoted(entry.key) + " both in the table and beside it", "one of them");
    }
  }
  for (const ParamSpec& spec : op.params()) {
    if (spec.required && !has(spec.name) && FindEntry(beside, spec.name) == nullptr) {
      table.header_end.Fail("no column " + Quoted(spec.name),
                            spec.name + ": " + spec.allowed + ", as a column or beside the table");
    }
  }
}

ProblemRow ReadRow(const std::vector<TableCell>& cells, const Table& table, const Operator& op) {
  ProblemRow row{cells.front().place, "", {}};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string& column = table.header[i].text;
    const TableCell& cell = cells[i];
    if (column == "label") {
      row.label = CheckedLabel(cell.text, cell.place);
      continue;
    }
    if (cell.text.empty()) cell.place.Fail("an empty cell", column + ": " + FindSpec(op, column)->allowed);
    row.values.emplace_back(column, PlacedValue{ParseParamText(cell.text, cell.place), cell.place});
  }
  return row;
}

std::filesystem::path TablePath(const YamlNode& node, const Place& config) {
  const std::string allowed = "the path of a CSV file, relative to this file's folder";
  const std::string& text = node.Text(allowed);
  const std::filesystem::path path = (config.file->path().parent_path() / text).lexically_normal();
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    node.place().Fail(fmt::format("{}, but no file {}", Quoted(text), path.string()), allowed);
  }
  return path;
}

void ReadTableRows(const YamlNode& node, const std::vector<YamlEntry>& beside, const Operator& op,
                   std::deque<SourceFile>& tables, ProblemSource* source) {
  const std::filesystem::path path = TablePath(node, source->place);
  // Two entries that name one table see one state of it, and it is kept once.
  auto file =
      std::find_if(tables.begin(), tables.end(), [&](const SourceFile& f) { return f.path() == path; });
  if (file == tables.end()) {
    tables.emplace_back(path, kMaxTableBytes);
    file = std::prev(tables.end());
  }
  const Table table = ReadTable(*file, op);
  CheckTableColumns(table, beside, op);
  for (const std::vector<TableCell>& cells : table.rows) source->rows.push_back(ReadRow(cells, table, op));
}

std::string DescribeValues(const Operator& op, const ParamMap& values) {
  std::vector<std::string> shown;
  for (const ParamSpec& spec : op.params()) {
    const auto it = values.find(spec.name);
    if (it != values.end()) shown.push_back(spec.name + ": " + ParamText(it->second));
  }
  return fmt::format("{{{}}}", fmt::join(shown, ", "));
}

// The values of one problem, and where each was written.
struct PlacedProblem {
  ParamMap values;
  std::map<std::string, Place, std::less<>> places;

  void Set(const std::string& key, const PlacedValue& value) {
    values.insert_or_assign(key, value.value);
    places.insert_or_assign(key, value.place);
  }
};

// What a person who wrote a list where an axis was meant, or the other way round, needs to know.
std::string ListHint(const ParamValue& value) {
  if (!std::holds_alternative<std::vector<std::int64_t>>(value)) return "";
  return fmt::format(
      " ({} is one value here; a list is an axis in a grid, or beside a list or table, and a pair in an axis "
      "is "
      "a list in that list, as in [[3, 5]])",
      ParamText(value));
}

Problem Make(const PlacedProblem& placed, const Operator& op, const ProblemRow& row,
             const SourceFile* config) {
  try {
    return op.MakeProblem(placed.values);
  } catch (const ProblemError& error) {
    Place place = row.place;
    std::string hint;
    if (const auto it = placed.places.find(error.param()); it != placed.places.end()) {
      place = it->second;
      if (place.file == config) hint = ListHint(placed.values.find(error.param())->second);
    }
    place.Fail(fmt::format("found {}, which {} refuses: {}{}", DescribeValues(op, placed.values), op.name(),
                           error.what(), hint));
  }
}

}  // namespace

std::int64_t ProblemSource::Count(std::int64_t cap) const {
  auto count = static_cast<std::int64_t>(rows.size());
  for (const ProblemAxis& axis : axes) {
    if (__builtin_mul_overflow(count, static_cast<std::int64_t>(axis.values.size()), &count)) return cap;
  }
  return std::min(count, cap);
}

std::vector<LocatedText> ReadWhere(const YamlNode& node) {
  const std::string allowed = "an expression such as \"c <= 512\", or a list of them";
  if (!node.IsList()) return {node.Located(allowed)};
  std::vector<LocatedText> texts;
  const std::vector<YamlNode> items = node.Items(allowed);
  if (items.size() > kMaxConditions) {
    node.place().Fail(fmt::format("{} expressions", items.size()), fmt::format("at most {}", kMaxConditions));
  }
  for (const YamlNode& item : items) texts.push_back(item.Located(allowed));
  return texts;
}

ProblemSource ReadProblemSource(const YamlNode& node, const Operator& op, std::deque<SourceFile>& tables) {
  const std::string allowed = "a mapping with one of the keys grid, list, table";
  const std::vector<YamlEntry> entries = node.Entries(allowed);
  CheckSourceKeys(entries, op, {"grid", "list", "table", "label", "where"});
  const YamlEntry* kind = nullptr;
  for (const YamlEntry& entry : entries) {
    if (entry.key != "grid" && entry.key != "list" && entry.key != "table") continue;
    if (kind != nullptr) {
      entry.key_place.Fail(entry.key + " beside " + kind->key,
                           "one of them; another goes in an entry of its own");
    }
    kind = &entry;
  }
  if (kind == nullptr) node.place().Fail("none of the keys grid, list, table", allowed);

  ProblemSource source;
  source.place = node.place();
  if (kind->key == "grid") {
    for (const YamlEntry& entry : entries) {
      if (FindSpec(op, entry.key) != nullptr) {
        entry.key_place.Fail(entry.key + " beside a grid", entry.key + " inside the grid");
      }
    }
    ReadGrid(kind->value, op, &source);
  } else if (kind->key == "list") {
    ReadAxes(entries, op, &source);
    for (const YamlNode& item : kind->value.Items("a list of problems"))
      source.rows.push_back(ReadItem(item, op, source));
  } else {
    ReadAxes(entries, op, &source);
    ReadTableRows(kind->value, entries, op, tables, &source);
  }
  if (const YamlEntry* label = FindEntry(entries, "label")) {
    const std::string text = CheckedLabel(label->value.Text(kLabelAllowed), label->value.place());
    for (ProblemRow& row : source.rows) {
      if (row.label.empty()) row.label = text;
    }
  }
  if (const YamlEntry* where = FindEntry(entries, "where")) source.where = ReadWhere(where->value);
  return source;
}

void ExpandProblems(const ProblemSource& source, const Operator& op,
                    const std::function<void(Problem problem, const std::string& label)>& take) {
  for (const ProblemRow& row : source.rows) {
    PlacedProblem placed;
    for (const auto& [key, value] : row.values) placed.Set(key, value);
    for (const ProblemAxis& axis : source.axes) placed.Set(axis.key, axis.values.front());
    std::vector<std::size_t> index(source.axes.size(), 0);
    for (bool more = true; more;) {
      take(Make(placed, op, row, source.place.file), row.label);
      more = false;
      for (std::size_t i = source.axes.size(); i-- > 0 && !more;) {
        const ProblemAxis& axis = source.axes[i];
        more = ++index[i] < axis.values.size();
        if (!more) index[i] = 0;
        placed.Set(axis.key, axis.values[index[i]]);
      }
    }
  }
}

}  // namespace assay
