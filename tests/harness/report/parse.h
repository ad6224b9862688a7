// Small strict readers of what the reports are written in, so that tests compare meanings and not bytes.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace assay::testing {

// RFC 4180 with either line ending. Throws std::runtime_error for a quote in the wrong place or rows of
// unequal length.
std::vector<std::vector<std::string>> ParseCsv(std::string_view text);

struct XmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  // of this element alone
  std::vector<XmlElement> children;

  const std::string& operator[](const std::string& attribute) const { return attributes.at(attribute); }
};

// One well-formed document without comments, CDATA or a DTD: a declaration and an element. Throws
// std::runtime_error for anything that XML 1.0 forbids: unknown entities, bare '<' or '&', control
// characters, unequal tags, doubled attributes.
XmlElement ParseXml(std::string_view text);

}  // namespace assay::testing
