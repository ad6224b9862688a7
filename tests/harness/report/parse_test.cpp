// The readers must refuse what is malformed, or the tests that use them would prove nothing.
#include "tests/harness/report/parse.h"

#include <gtest/gtest.h>

namespace assay::testing {
namespace {

TEST(ParseCsv, ReadsQuotedCells) {
  const auto rows = ParseCsv("a,b\n\"1,\"\"2\"\"\n3\",\r\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1], (std::vector<std::string>{"1,\"2\"\n3", ""}));
}

TEST(ParseCsv, RefusesTheMalformed) {
  EXPECT_THROW(ParseCsv("a,b\n1\n"), std::runtime_error);
  EXPECT_THROW(ParseCsv("a\"b\n"), std::runtime_error);
  EXPECT_THROW(ParseCsv("\"a\n"), std::runtime_error);
  EXPECT_THROW(ParseCsv("\"a\"b\n"), std::runtime_error);
  EXPECT_THROW(ParseCsv("a"), std::runtime_error);
}

std::string Document(const std::string& body) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + body;
}

TEST(ParseXml, ReadsElements) {
  const XmlElement root = ParseXml(Document("<a x=\"1&amp;&#10;\"><b/>t&lt;</a>\n"));
  EXPECT_EQ(root.name, "a");
  EXPECT_EQ(root["x"], "1&\n");
  EXPECT_EQ(root.text, "t<");
  ASSERT_EQ(root.children.size(), 1u);
}

TEST(ParseXml, RefusesTheMalformed) {
  for (const char* body :
       {"<a>", "<a></b>", "<a x=\"<\"/>", "<a>&</a>", "<a>&nbsp;</a>", "<a>&#1;</a>", "<a>\x01</a>",
        "<a>\xff</a>", "<a x=\"1\" x=\"2\"/>", "<a x=\"1\"y=\"2\"/>", "<a/><b/>", "<a>]]></a>"}) {
    EXPECT_THROW(ParseXml(Document(body)), std::runtime_error) << body;
  }
}

}  // namespace
}  // namespace assay::testing
