// A YAML document whose every node knows its place, and readers that refuse what is not expected, by place.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/config/source_file.h"

namespace assay {

struct YamlEntry;

class YamlNode {
 public:
  // The one document of the file; `file` must outlive the node and all that is read from it.
  static YamlNode Load(const SourceFile& file);

  // `null_place`: what to point at if the node is left empty, as its key.
  YamlNode(YAML::Node node, const SourceFile& file, Place null_place = {})
      : node_(std::move(node)), file_(&file), null_place_(null_place) {}

  Place place() const;
  bool IsMap() const { return node_.IsMap(); }
  bool IsList() const { return node_.IsSequence(); }
  bool IsScalar() const { return node_.IsScalar(); }
  // Written in quotes: never a number.
  bool IsQuoted() const { return node_.IsScalar() && node_.Tag() == "!"; }

  // What stands here, for messages: "a list", "\"abc\"", "nothing".
  std::string Describe() const;
  [[noreturn]] void Fail(const std::string& allowed) const { place().Fail(Describe(), allowed); }

  // Each refuses any other kind of node with "found ...; allowed: <allowed>".
  const std::string& Text(const std::string& allowed) const;
  LocatedText Located(const std::string& allowed) const;
  std::vector<YamlNode> Items(const std::string& allowed) const;     // at least one
  std::vector<YamlEntry> Entries(const std::string& allowed) const;  // no key twice

  std::int64_t Integer(std::int64_t low, std::int64_t high) const;
  // A finite decimal number in [low, high].
  double Number(double low, double high) const;
  bool Boolean() const;

 private:
  void CheckTag() const;
  void RefuseQuotes(const std::string& allowed) const;

  YAML::Node node_;
  const SourceFile* file_;
  Place null_place_;
};

struct YamlEntry {
  std::string key;
  Place key_place;
  YamlNode value;
};

// Refuses the first key that is not among the allowed.
void CheckKeys(std::span<const YamlEntry> entries, std::span<const std::string> allowed);
// nullptr if there is none.
const YamlEntry* FindEntry(std::span<const YamlEntry> entries, std::string_view key);

}  // namespace assay
