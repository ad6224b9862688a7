#include "harness/config/table.h"

#include <fmt/format.h>

#include <algorithm>
// Tables are small: reading ahead in a thread would only cost.
#define CSV_IO_NO_THREAD
// The library cuts long file names on purpose; gcc reports that from inside it.
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstringop-truncation"
#endif
#include <csv.h>
#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "harness/config/config.h"
#include "harness/config/suggest.h"

namespace assay {
namespace {

using Comment = io::single_and_empty_line_comment<'#'>;
using Quote = io::double_quote_escape<',', '"'>;
using Trim = io::trim_chars<' ', '\t'>;

// In a cell, quotes stand around the whole, and a quote inside is doubled. The CSV library lets others pass.
void CheckQuotes(std::string_view cell, const Place& place) {
  const std::string allowed = "quotes around a whole cell, \"\" for a quote inside";
  if (cell.find('"') == std::string_view::npos) return;
  if (cell.size() < 2 || cell.front() != '"' || cell.back() != '"') {
    place.Fail("a stray quote in this cell", allowed);
  }
  const std::string_view inside = cell.substr(1, cell.size() - 2);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != '"') continue;
    if (i + 1 == inside.size() || inside[i + 1] != '"') place.Fail("a stray quote in this cell", allowed);
    ++i;
  }
}

std::vector<TableCell> SplitLine(char* line, const SourceFile& file, std::size_t line_number) {
  const std::size_t line_offset = file.LineOffset(line_number);
  std::vector<TableCell> cells;
  for (char* next = line; next != nullptr;) {
    char* begin = next;
    Place place{&file, line_offset + static_cast<std::size_t>(begin - line)};
    char* end = nullptr;
    try {
      end = begin + (Quote::find_next_column_end(begin) - begin);
    } catch (const io::error::escaped_string_not_closed&) {
      place.Fail("a quote that is not closed in its line", "a closing \"");
    }
    next = *end == '\0' ? nullptr : end + 1;
    Trim::trim(begin, end);
    place.offset = line_offset + static_cast<std::size_t>(begin - line);
    CheckQuotes({begin, static_cast<std::size_t>(end - begin)}, place);
    Quote::unescape(begin, end);
    cells.push_back({std::string(begin, end), place});
  }
  return cells;
}

void CheckHeader(const std::vector<TableCell>& header, const Operator& op) {
  std::vector<std::string> allowed = ParamNames(op);
  allowed.push_back("label");
  for (std::size_t i = 0; i < header.size(); ++i) {
    const TableCell& cell = header[i];
    if (std::find(allowed.begin(), allowed.end(), cell.text) == allowed.end()) {
      cell.place.Fail("unknown column " + Quoted(cell.text), AllowedNames(cell.text, allowed));
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (header[j].text == cell.text) {
        cell.place.Fail("column " + Quoted(cell.text) + " a second time", "each column once");
      }
    }
  }
}

void CheckLength(const std::vector<TableCell>& row, const std::vector<TableCell>& header,
                 const Place& line_end) {
  const std::string allowed = fmt::format("as many cells as the header has, {}", header.size());
  if (row.size() > header.size()) {
    row[header.size()].place.Fail(fmt::format("{} cells in this line", row.size()), allowed);
  }
  if (row.size() < header.size()) {
    line_end.Fail(fmt::format("a line that ends before column {}", Quoted(header[row.size()].text)), allowed);
  }
}

}  // namespace

Table ReadTable(const SourceFile& file, const Operator& op) {
  // The reader looks one byte beyond a last line without a newline, into memory that nobody has set.
  const std::string text = file.text().ends_with('\n') ? file.text() : file.text() + '\n';
  io::LineReader lines(file.path().string(), text.data(), text.data() + text.size());
  Table table;
  while (char* line = lines.next_line()) {
    if (Comment::is_comment(line)) continue;
    const std::size_t number = lines.get_file_line();
    const Place line_end{&file, file.LineOffset(number) + std::string_view(line).size()};
    std::vector<TableCell> cells = SplitLine(line, file, number);
    if (table.header.empty()) {
      CheckHeader(cells, op);
      table.header = std::move(cells);
      table.header_end = line_end;
      continue;
    }
    CheckLength(cells, table.header, line_end);
    if (static_cast<std::int64_t>(table.rows.size()) == kMaxCases) {
      cells.front().place.Fail(fmt::format("more than {} rows", kMaxCases), "at most that");
    }
    table.rows.push_back(std::move(cells));
  }
  const Place end{&file, file.text().size()};
  if (table.header.empty()) {
    end.Fail("no header", "a line of columns: " + JoinNames(ParamNames(op)) + ", label");
  }
  if (table.rows.empty()) end.Fail("no rows below the header", "at least one");
  return table;
}

}  // namespace assay
