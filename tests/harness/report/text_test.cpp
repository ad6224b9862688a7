#include "harness/report/text.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";

TEST(ValidUtf8, KeepsWhatIsValid) {
  const std::string text = "a\x01h\xC3\xA9\xE6\xB7\xB1\xF0\x9F\x94\xA5";
  EXPECT_EQ(ValidUtf8(text), text);
}

TEST(ValidUtf8, ReplacesWhatIsNot) {
  const std::string r = kReplacement;
  EXPECT_EQ(ValidUtf8("\xff"), r);
  EXPECT_EQ(ValidUtf8("a\xC3"), "a" + r) << "cut short";
  EXPECT_EQ(ValidUtf8("\xC3("), r + "(") << "no continuation";
  EXPECT_EQ(ValidUtf8("\xC0\x80"), r + r) << "overlong";
  EXPECT_EQ(ValidUtf8("\xE0\x80\x80"), r + r + r) << "overlong";
  EXPECT_EQ(ValidUtf8("\xED\xA0\x80"), r + r + r) << "surrogate";
  EXPECT_EQ(ValidUtf8("\xF4\x90\x80\x80"), r + r + r + r) << "beyond Unicode";
}

TEST(OneLine, LeavesNothingThatMovesACursor) {
  EXPECT_EQ(OneLine("a\nb\tc\x1b[31md\x7f\xC2\x9B\xE2\x80\xA8."), "a b c [31md   .");
}

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(DisplayWidth(""), 0);
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("h\xC3\xA9"), 2);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1) << "combining accent";
  EXPECT_EQ(DisplayWidth("\xE6\xB7\xB1\xE5\xBA\xA6"), 4) << "two wide characters";
  EXPECT_EQ(DisplayWidth("\xF0\x9F\x94\xA5"), 2) << "emoji";
}

TEST(Cut, KeepsToTheWidthAndToWholeCharacters) {
  EXPECT_EQ(CutEnd("abcdef", 6), "abcdef");
  EXPECT_EQ(CutEnd("abcdefg", 6), "abc...");
  EXPECT_EQ(CutStart("abcdefg", 6), "...efg");
  EXPECT_EQ(CutEnd("abcdefg", 3), "abc");
  EXPECT_EQ(CutStart("abcdefg", 0), "");
  const std::string wide = "\xE6\xB7\xB1\xE5\xBA\xA6\xE6\xB7\xB1\xE5\xBA\xA6";
  for (int columns = 0; columns <= 9; ++columns) {
    EXPECT_LE(DisplayWidth(CutEnd(wide, columns)), columns);
    EXPECT_LE(DisplayWidth(CutStart(wide, columns)), columns);
    EXPECT_EQ(ValidUtf8(CutEnd(wide, columns)), CutEnd(wide, columns));
  }
}

TEST(Wrap, BreaksAtSpacesAndInWordsOnlyIfItMust) {
  EXPECT_EQ(Wrap("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(Wrap("one two three", 8), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(Wrap("abcdefgh ij", 4), (std::vector<std::string>{"abcd", "efgh", "ij"}));
  EXPECT_EQ(Wrap("", 4), std::vector<std::string>{});
  EXPECT_EQ(Wrap("\xE6\xB7\xB1", 1), std::vector<std::string>{"\xE6\xB7\xB1"}) << "makes headway even so";
}

}  // namespace
}  // namespace assay
