#include "harness/tune/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <set>
#include <string_view>

#include "harness/config/selection.h"
#include "harness/config/source_file.h"
#include "harness/device/configurations.h"
#include "harness/run/folder_lock.h"
#include "reference/dtype.h"

namespace assay {
namespace {

constexpr std::size_t kMaxTableBytes = std::size_t{64} << 20;
constexpr std::string_view kColumns =
    "gpu,capability,sms,op,problem,dtype,layout,variant,configuration,median_us";
constexpr std::size_t kNumColumns = 10;
constexpr std::string_view kTunedOn = "# tuned on ";
constexpr std::string_view kPreamble =
    "# What `assay tune` found: the winning configuration of each variant for a problem on a GPU, and what "
    "came\n"
    "# close to the fastest of all. All of these were judged right there. Written by the program; by hand it "
    "is\n"
    "# only to be cut (docs/tuning.md).\n";

struct Field {
  std::string_view text;
  Place place;
};

// A line without its newline, cut at commas: no field may hold one.
std::vector<Field> Split(const SourceFile& file, std::size_t offset, std::string_view line) {
  std::vector<Field> fields;
  for (std::size_t begin = 0;; ++begin) {
    const std::size_t end = std::min(line.find(',', begin), line.size());
    fields.push_back({line.substr(begin, end - begin), {&file, offset + begin}});
    if (end == line.size()) return fields;
    begin = end;
  }
}

std::string Quoted(std::string_view text) { return fmt::format("\"{}\"", text); }

template <class Number>
bool Parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

int ReadCapability(const Field& field) {
  const std::size_t dot = field.text.find('.');
  int major = 0, minor = 0;
  if (dot == std::string_view::npos || !Parse(field.text.substr(0, dot), major) ||
      !Parse(field.text.substr(dot + 1), minor) || major < 1 || minor < 0 || minor > 9) {
    field.place.Fail(Quoted(field.text), "a compute capability, as 9.0");
  }
  return 10 * major + minor;
}

std::string OneOf(const Field& field, const std::vector<std::string>& allowed) {
  if (std::ranges::find(allowed, field.text) == allowed.end())
    field.place.Fail(Quoted(field.text), fmt::format("{}", fmt::join(allowed, ", ")));
  return std::string(field.text);
}

std::string ReadProblem(const Field& field, const Operator& op) {
  try {
    const std::string id = op.ProblemId(op.ParseProblemId(field.text));
    if (id != field.text)
      field.place.Fail(Quoted(field.text), fmt::format("the id as reports write it, {}", id));
    return id;
  } catch (const ProblemError& error) {
    field.place.Fail(error.what());
  }
}

TunedRow ReadRow(const std::vector<Field>& fields, std::span<const Operator* const> operators) {
  TunedRow row;
  row.gpu = fields[0].text;
  if (row.gpu.empty()) fields[0].place.Fail("nothing", "a GPU's name");
  row.capability = ReadCapability(fields[1]);
  if (!Parse(fields[2].text, row.sms) || row.sms < 1)
    fields[2].place.Fail(Quoted(fields[2].text), "a number of multiprocessors, from 1 on");
  std::vector<std::string> names;
  for (const Operator* op : operators) names.emplace_back(op->name());
  row.key.op = OneOf(fields[3], names);
  const auto op = std::ranges::find(operators, row.key.op, [](const Operator* each) { return each->name(); });
  row.key.problem = ReadProblem(fields[4], **op);
  row.key.dtype = OneOf(fields[5], DTypeNames());
  row.key.layout = OneOf(fields[6], LayoutNames());
  for (const std::size_t i : {7, 8}) {
    if (!IsConfigurationText(fields[i].text)) {
      fields[i].place.Fail(Quoted(fields[i].text),
                           i == 7 ? "a variant's name" : "a configuration, as the variant names it");
    }
  }
  row.variant = fields[7].text;
  row.configuration = fields[8].text;
  if (!Parse(fields[9].text, row.median_us) || !std::isfinite(row.median_us) || !(row.median_us > 0))
    fields[9].place.Fail(Quoted(fields[9].text), "microseconds, above 0");
  return row;
}

// "# tuned on NAME: WORDS"
void ReadComment(std::string_view line, TunedTable& table) {
  if (!line.starts_with(kTunedOn)) return;
  line.remove_prefix(kTunedOn.size());
  const std::size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return;
  table.environments[std::string(line.substr(0, colon))] = line.substr(colon + 2);
}

auto Identity(const TunedRow& row) { return std::tie(row.gpu, row.key, row.variant, row.configuration); }

// By text, but a run of digits by its number.
int CompareNaturally(std::string_view a, std::string_view b) {
  const auto digits = [](std::string_view text) {
    return std::min(text.find_first_not_of("0123456789"), text.size());
  };
  while (!a.empty() && !b.empty()) {
    const std::size_t in_a = digits(a), in_b = digits(b);
    if (in_a > 0 && in_b > 0) {
      if (in_a != in_b) return in_a < in_b ? -1 : 1;  // ids have no leading zeros
      if (const int order = a.substr(0, in_a).compare(b.substr(0, in_b)); order != 0) return order;
      a.remove_prefix(in_a), b.remove_prefix(in_b);
    } else {
      if (a[0] != b[0]) return a[0] < b[0] ? -1 : 1;
      a.remove_prefix(1), b.remove_prefix(1);
    }
  }
  return a.size() == b.size() ? 0 : (a.size() < b.size() ? -1 : 1);
}

std::size_t PlaceOf(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
}

bool Before(const TunedRow& a, const TunedRow& b) {
  if (a.gpu != b.gpu) return a.gpu < b.gpu;
  if (a.key.op != b.key.op) return a.key.op < b.key.op;
  if (const int order = CompareNaturally(a.key.problem, b.key.problem); order != 0) return order < 0;
  const std::vector<std::string> dtypes = DTypeNames(), layouts = LayoutNames();
  if (a.key.dtype != b.key.dtype) return PlaceOf(dtypes, a.key.dtype) < PlaceOf(dtypes, b.key.dtype);
  if (a.key.layout != b.key.layout) return PlaceOf(layouts, a.key.layout) < PlaceOf(layouts, b.key.layout);
  return std::tie(a.variant, a.configuration) < std::tie(b.variant, b.configuration);
}

}  // namespace

bool TunedTable::Holds(const std::string& gpu, const TuneKey& key) const {
  return std::ranges::any_of(rows, [&](const TunedRow& row) { return row.gpu == gpu && row.key == key; });
}

TunedTable ReadTunedTable(const std::filesystem::path& path, std::span<const Operator* const> operators) {
  TunedTable table;
  if (!std::filesystem::exists(path)) return table;
  const SourceFile file(path, kMaxTableBytes);
  const std::string_view text = file.text();
  bool header = false;
  std::set<std::tuple<std::string, TuneKey, std::string, std::string>> seen;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t at = begin;
    begin = end + 1;
    if (line.starts_with('#')) {
      ReadComment(line, table);
      continue;
    }
    if (line.empty()) continue;
    if (!header) {
      if (line != kColumns) Place{&file, at}.Fail(Quoted(line), fmt::format("the columns {}", kColumns));
      header = true;
      continue;
    }
    const std::vector<Field> fields = Split(file, at, line);
    if (fields.size() != kNumColumns)
      Place{&file, at}.Fail(fmt::format("{} fields", fields.size()), fmt::format("{}", kNumColumns));
    const TunedRow row = ReadRow(fields, operators);
    if (!seen.insert(Identity(row)).second)
      Place{&file, at}.Fail("a second row of this GPU, problem, variant and configuration", "one");
    table.rows.push_back(row);
  }
  return table;
}

void Merge(TunedTable& table, const std::string& gpu, const std::string& environment,
           std::span<const TunedProblem> problems) {
  for (const TunedProblem& problem : problems) {
    std::erase_if(table.rows, [&](const TunedRow& row) {
      return row.gpu == gpu && row.key == problem.key &&
             (problem.variants.empty() ||
              std::ranges::find(problem.variants, row.variant) != problem.variants.end());
    });
    table.rows.insert(table.rows.end(), problem.rows.begin(), problem.rows.end());
  }
  if (!problems.empty()) table.environments[gpu] = environment;
  std::ranges::sort(table.rows, Before);
}

std::string TunedTableText(const TunedTable& table) {
  std::string text(kPreamble);
  for (const auto& [gpu, words] : table.environments) text += fmt::format("{}{}: {}\n", kTunedOn, gpu, words);
  text += fmt::format("{}\n", kColumns);
  for (const TunedRow& row : table.rows) {
    text += fmt::format("{},{}.{},{},{},{},{},{},{},{},{:.5g}\n", row.gpu, row.capability / 10,
                        row.capability % 10, row.sms, row.key.op, row.key.problem, row.key.dtype,
                        row.key.layout, row.variant, row.configuration, row.median_us);
  }
  return text;
}

void WriteTunedTable(const std::filesystem::path& path, const TunedTable& table) {
  std::filesystem::path beside = path;
  beside += ".new";
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  std::ofstream out(beside, std::ios::binary | std::ios::trunc);
  out << TunedTableText(table);
  out.close();
  if (!out) throw std::runtime_error(fmt::format("{}: the table cannot be written", beside.string()));
  std::filesystem::rename(beside, path);
}

TunedTable MergeIntoFile(const std::filesystem::path& path, const std::string& gpu,
                         const std::string& environment, std::span<const TunedProblem> problems) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::filesystem::create_directories(folder);
  const FolderLock lock(folder);
  TunedTable table = ReadTunedTable(path);
  Merge(table, gpu, environment, problems);
  WriteTunedTable(path, table);
  return table;
}

}  // namespace assay
