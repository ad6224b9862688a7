#include "harness/config/yaml_node.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <unordered_set>

#include "harness/config/config.h"
#include "harness/config/suggest.h"

namespace assay {
namespace {

// yaml-cpp counts lines and bytes of a line from 0; a mark of -1 stands for "nowhere".
std::size_t OffsetOf(const YAML::Mark& mark, const SourceFile& file) {
  if (mark.line < 0 || mark.column < 0) return 0;
  return file.LineOffset(static_cast<std::size_t>(mark.line) + 1) + static_cast<std::size_t>(mark.column);
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// yaml-cpp gives the place of a scalar's beginning only. Walks the raw text beside the value: what the value
// lacks (quotes, indentation, a block's header) is skipped. Only escapes such as "\x41" can lead it astray,
// and then no further than the text's end.
// How far is bounded: a text of nothing but escapes would else search the whole file once a byte.
constexpr std::size_t kMaxAlignedBytes = 8192;  // of a value; no text that is pointed into is longer
constexpr std::size_t kMaxSkippedBytes = 4096;  // between two bytes of a value

std::size_t FindNear(std::string_view raw, char c, std::size_t at) {
  const std::size_t found = raw.substr(std::min(at, raw.size()), kMaxSkippedBytes).find(c);
  return found == std::string_view::npos ? found : at + found;
}

std::vector<std::size_t> AlignOffsets(const std::string& raw, std::size_t start, const std::string& value) {
  std::vector<std::size_t> offsets;
  offsets.reserve(value.size() + 1);
  std::size_t at = start;
  if (at < raw.size() && (raw[at] == '|' || raw[at] == '>')) at = std::min(raw.find('\n', at), raw.size());
  for (const char c : value) {
    if (!IsSpace(c) && offsets.size() < kMaxAlignedBytes) {
      const std::size_t found = FindNear(raw, c, at);
      at = found == std::string::npos ? at : found;
    }
    offsets.push_back(std::min(at, raw.size()));
    if (at < raw.size() && !(IsSpace(c) && !IsSpace(raw[at]))) ++at;
  }
  offsets.push_back(std::min(at, raw.size()));
  return offsets;
}

template <typename T>
bool ParseWhole(const std::string& text, T* value) {
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, *value);
  return error == std::errc() && last == end;
}

// Refuses a second document as soon as it begins. yaml-cpp does not consume a token that begins no value,
// such as a "," outside brackets, but makes an empty document of it, again and again: YAML::LoadAll never
// returns.
class SingleDocument : public YAML::EventHandler {
 public:
  explicit SingleDocument(const SourceFile& file) : file_(file) {}

  int documents() const { return documents_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    ++documents_;
    start_ = mark;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    // Neither "---" nor an anchor stands before it.
    const bool has_consumed = anchor != 0 || mark.pos != start_.pos;
    if (documents_ > 1 && !has_consumed) {
      Place{&file_, OffsetOf(mark, file_)}.Fail("what is not YAML: a token that begins no value", "YAML 1.2");
    }
    OnValue(mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { OnValue(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string&) override {
    OnValue(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    OnValue(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    OnValue(mark);
  }
  void OnMapEnd() override {}

 private:
  void OnValue(const YAML::Mark& mark) const {
    if (documents_ > 1) {
      Place{&file_, OffsetOf(mark, file_)}.Fail("a second YAML document", "one sweep a file");
    }
  }

  const SourceFile& file_;
  int documents_ = 0;
  YAML::Mark start_;
};

}  // namespace

YamlNode YamlNode::Load(const SourceFile& file) {
  try {
    std::istringstream text(file.text());
    YAML::Parser parser(text);
    SingleDocument document(file);
    while (parser.HandleNextDocument(document)) {
    }
    if (document.documents() == 0) Place{&file, 0}.Fail("an empty file", "a sweep; see configs/schema.json");
    return YamlNode(YAML::Load(file.text()), file);
  } catch (const YAML::Exception& error) {
    Place{&file, OffsetOf(error.mark, file)}.Fail("what is not YAML: " + error.msg, "YAML 1.2");
  }
}

Place YamlNode::place() const {
  // yaml-cpp puts the mark of nothing wherever the next token stands.
  if (node_.IsNull() && null_place_.file != nullptr) return null_place_;
  return {file_, OffsetOf(node_.Mark(), *file_)};
}

std::string YamlNode::Describe() const {
  if (node_.IsMap()) return "a mapping";
  if (node_.IsSequence()) return node_.size() == 0 ? "an empty list" : "a list";
  if (node_.IsScalar()) return Quoted(node_.Scalar());
  return "nothing";
}

const std::string& YamlNode::Text(const std::string& allowed) const {
  if (!node_.IsScalar()) Fail(allowed);
  CheckTag();
  return node_.Scalar();
}

void YamlNode::CheckTag() const {
  const std::string& tag = node_.Tag();
  // yaml-cpp's own: "?" for what has none, "!" for a scalar in quotes.
  if (!tag.empty() && tag != "?" && tag != "!") place().Fail("the tag " + Quoted(tag), "no tags");
}

void YamlNode::RefuseQuotes(const std::string& allowed) const {
  if (IsQuoted()) place().Fail(Describe() + " in quotes, which is text", allowed);
}

LocatedText YamlNode::Located(const std::string& allowed) const {
  const std::string& value = Text(allowed);
  std::size_t start = place().offset;
  if (IsQuoted() && start < file_->text().size() &&
      (file_->text()[start] == '"' || file_->text()[start] == '\'')) {
    ++start;
  }
  return {value, file_, AlignOffsets(file_->text(), start, value)};
}

std::vector<YamlNode> YamlNode::Items(const std::string& allowed) const {
  if (!node_.IsSequence() || node_.size() == 0) Fail(allowed);
  CheckTag();
  std::vector<YamlNode> items;
  for (const YAML::Node& item : node_) items.emplace_back(item, *file_);
  return items;
}

std::vector<YamlEntry> YamlNode::Entries(const std::string& allowed) const {
  if (!node_.IsMap()) Fail(allowed);
  CheckTag();
  std::vector<YamlEntry> entries;
  std::unordered_set<std::string> seen;
  for (const auto& pair : node_) {
    const YamlNode key(pair.first, *file_);
    const std::string& name = key.Text("a key, which is a word");
    if (!seen.insert(name).second) {
      key.place().Fail("key " + Quoted(name) + " a second time", "each key once");
    }
    entries.push_back({name, key.place(), YamlNode(pair.second, *file_, key.place())});
  }
  return entries;
}

std::int64_t YamlNode::Integer(std::int64_t low, std::int64_t high) const {
  const std::string allowed = fmt::format("integer {} to {}", low, high);
  std::int64_t value = 0;
  RefuseQuotes(allowed);
  if (!ParseWhole(Text(allowed), &value) || value < low || value > high) Fail(allowed);
  return value;
}

double YamlNode::Number(double low, double high) const {
  const std::string allowed = fmt::format("number {} to {}", low, high);
  double value = 0;
  RefuseQuotes(allowed);
  // Negated, so that NaN is refused too.
  if (!ParseWhole(Text(allowed), &value) || !(value >= low && value <= high)) Fail(allowed);
  return value;
}

bool YamlNode::Boolean() const {
  const std::string allowed = "true, false";
  RefuseQuotes(allowed);
  const std::string& text = Text(allowed);
  if (text != "true" && text != "false") Fail(allowed);
  return text == "true";
}

void CheckKeys(std::span<const YamlEntry> entries, std::span<const std::string> allowed) {
  for (const YamlEntry& entry : entries) {
    if (std::find(allowed.begin(), allowed.end(), entry.key) == allowed.end()) {
      entry.key_place.Fail("unknown key " + Quoted(entry.key), AllowedNames(entry.key, allowed));
    }
  }
}

const YamlEntry* FindEntry(std::span<const YamlEntry> entries, std::string_view key) {
  for (const YamlEntry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

}  // namespace assay
