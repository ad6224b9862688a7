#include "tests/harness/report/parse.h"

#include <charconv>
#include <utility>

#include "harness/report/text.h"

namespace assay::testing {
namespace {

class XmlParser {
 public:
  explicit XmlParser(std::string_view text) : rest_(text) {}

  XmlElement Document() {
    Expect("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    SkipSpace();
    XmlElement root = Element();
    SkipSpace();
    if (!rest_.empty()) Fail("something follows the root element");
    return root;
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    throw std::runtime_error(what + " before: " + std::string(rest_.substr(0, 60)));
  }

  void Expect(std::string_view token) {
    if (!rest_.starts_with(token)) Fail("expected " + std::string(token));
    rest_.remove_prefix(token.size());
  }

  void SkipSpace() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_[0]) != std::string_view::npos)
      rest_.remove_prefix(1);
  }

  std::string Name() {
    const std::size_t end = rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    if (end == 0 || end == std::string_view::npos) Fail("expected a name");
    std::string name(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return name;
  }

  // A character or a reference; `rest_` is not empty.
  std::string Character() {
    if (rest_[0] == '&') return Reference();
    const CodePoint point = DecodeUtf8(rest_);
    const char32_t c = point.value;
    if (!point.valid) Fail("no UTF-8");
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0xFFFE || c == 0xFFFF)
      Fail("forbidden character");
    std::string character(rest_.substr(0, point.bytes));
    rest_.remove_prefix(point.bytes);
    return character;
  }

  std::string Reference() {
    const std::size_t end = rest_.find(';');
    if (end == std::string_view::npos) Fail("'&' without ';'");
    const std::string_view name = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    static const std::map<std::string_view, std::string> kNames = {
        {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}};
    if (const auto it = kNames.find(name); it != kNames.end()) return it->second;
    if (name == "#9" || name == "#10" || name == "#13")
      return {static_cast<char>(std::stoi(std::string(name.substr(1))))};
    Fail("reference " + std::string(name));
  }

  void Attributes(XmlElement& element) {
    while (true) {
      const std::size_t before = rest_.size();
      SkipSpace();
      if (rest_.starts_with(">") || rest_.starts_with("/>")) return;
      if (rest_.size() == before) Fail("expected a space");
      const std::string name = Name();
      Expect("=\"");
      std::string value;
      while (!rest_.starts_with("\"")) {
        if (rest_.empty() || rest_[0] == '<') Fail("the attribute does not end");
        value += Character();
      }
      Expect("\"");
      if (!element.attributes.emplace(name, value).second) Fail("doubled attribute " + name);
    }
  }

  XmlElement Element() {
    Expect("<");
    XmlElement element;
    element.name = Name();
    Attributes(element);
    if (rest_.starts_with("/>")) {
      Expect("/>");
      return element;
    }
    Expect(">");
    while (!rest_.starts_with("</")) {
      if (rest_.empty()) Fail("the element does not end");
      if (rest_[0] == '<') {
        element.children.push_back(Element());
      } else {
        if (rest_.starts_with("]]>")) Fail("]]> in text");
        element.text += Character();
      }
    }
    Expect("</" + element.name + ">");
    return element;
  }

  std::string_view rest_;
};

}  // namespace

std::vector<std::vector<std::string>> ParseCsv(std::string_view text) {
  std::vector<std::vector<std::string>> rows;
  while (!text.empty()) {
    std::vector<std::string> row;
    bool row_ends = false;
    while (!row_ends) {
      std::string cell;
      if (text.starts_with('"')) {
        text.remove_prefix(1);
        while (true) {
          const std::size_t quote = text.find('"');
          if (quote == std::string_view::npos) throw std::runtime_error("a quoted cell does not end");
          cell += text.substr(0, quote);
          text.remove_prefix(quote + 1);
          if (!text.starts_with('"')) break;
          cell += '"';
          text.remove_prefix(1);
        }
        if (text.find_first_of(",\r\n") != 0) throw std::runtime_error("text after a quoted cell: " + cell);
      } else {
        const std::size_t end = text.find_first_of(",\r\n\"");
        if (end == std::string_view::npos) throw std::runtime_error("the last row does not end");
        if (text[end] == '"') throw std::runtime_error("a quote inside a bare cell");
        cell = text.substr(0, end);
        text.remove_prefix(end);
      }
      row.push_back(std::move(cell));
      row_ends = text[0] != ',';
      text.remove_prefix(text.starts_with("\r\n") ? 2 : 1);
    }
    if (!rows.empty() && row.size() != rows[0].size()) throw std::runtime_error("rows of unequal length");
    rows.push_back(std::move(row));
  }
  return rows;
}

XmlElement ParseXml(std::string_view text) { return XmlParser(text).Document(); }

}  // namespace assay::testing
