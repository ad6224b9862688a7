// Whatever stands in the files, reading them ends with a sweep or with a ConfigError.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/harness/config/load.h"

namespace assay::testing {
namespace {

const char kConfig[] = R"(# comment
name: all-of_it
operator: pool
problems:
  - grid: {n: [1, 8], c: &c [5, 6], kernel: [2, [1, 3], 2x3]}
    label: "a \"grid\""
    where: not (n == 1 and c == 5)
  - list:
      - {n: 1, c: 9, kernel: [3, 5], label: 'it''s'}
      - n: 2
        c: 7
    mode: [max, mean]
  - table: t.csv
    n: *c
dtypes: [fp32, bf16]
layouts: all
variants: [tiled]
baselines: none
verify: {seeds: 2, first_seed: 7}
measure: {enabled: true, max_seconds: 2.5e-1, min_samples: 3}
where:
  - "c <= 512 or label == 'x y'"
  - >-
    dtype != bf16 or
    -n * 2 + c % 3 > -100
)";

const char kTable[] = "# source\nlabel,c,kernel\n\"a, b\",9,3x5\nplain,7, 2\n";

// True if it loads, false if it is refused with a place; any other exception fails the test that calls it.
bool Loads(const ConfigFolder& folder, const std::string& yaml) {
  const std::string error = folder.ErrorOf(yaml);
  if (!error.empty()) {
    EXPECT_THAT(error, ::testing::ContainsRegex("^(sweep.yaml|t.csv):[0-9]+:[0-9]+: found ")) << yaml;
  }
  return error.empty();
}

TEST(Malformed, TheWholeLoads) {
  ConfigFolder folder;
  folder.Write("t.csv", kTable);
  EXPECT_EQ(folder.ErrorOf(kConfig), "");
}

TEST(Malformed, ConfigCutShortAnywhere) {
  ConfigFolder folder;
  folder.Write("t.csv", kTable);
  const std::string whole = kConfig;
  int loaded = 0;
  for (std::size_t length = 0; length < whole.size(); ++length)
    loaded += Loads(folder, whole.substr(0, length)) ? 1 : 0;
  // A prefix is a sweep where it ends behind a whole entry; the head alone never is one.
  EXPECT_GT(loaded, 10);
  EXPECT_LT(loaded, static_cast<int>(whole.size()) / 2);
}

TEST(Malformed, TableCutShortAnywhere) {
  ConfigFolder folder;
  const std::string whole = kTable;
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    folder.Write("t.csv", whole.substr(0, length));
    Loads(folder, kConfig);
  }
}

TEST(Malformed, BytesReplaced) {
  ConfigFolder folder;
  folder.Write("t.csv", kTable);
  const std::string bytes = "\"'[]{}:,-#&*!|>%@`?x0\n\t \\\xFF";
  std::mt19937 random(1);
  for (int i = 0; i < 400; ++i) {
    std::string yaml = kConfig;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes) {
      yaml[random() % yaml.size()] = bytes[random() % bytes.size()];
    }
    Loads(folder, yaml);
  }
}

std::string Repeat(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST(Malformed, NumbersAreDecimal) {
  const ConfigFolder folder;
  const auto error = [&](const std::string& value) {
    return folder.ErrorOf("name: x\nproblems: [{grid: {n: 1, c: 99, kernel: " + value + "}}]\n");
  };
  const auto is_hexadecimal = ::testing::AllOf(::testing::StartsWith("sweep.yaml:2:41: found \"0"),
                                               ::testing::HasSubstr("numbers are decimal"));
  for (const char* value : {"0x10", "0X10", "0xff", "0x1"})
    EXPECT_THAT(error(value), is_hexadecimal) << value;
  EXPECT_THAT(error("-0x10"), ::testing::HasSubstr("numbers are decimal"));
  EXPECT_EQ(error("10x3"), "");                                        // a pair
  EXPECT_THAT(error("0x10x3"), ::testing::HasSubstr("pool refuses"));  // no hexadecimal number either
  EXPECT_NE(error("[0x10, 3]"), "");
}

// yaml-cpp makes an empty document of a "," outside brackets and does not go on: reading all documents never
// ended.
TEST(Malformed, TokensThatBeginNoValueEndTheReading) {
  const ConfigFolder folder;
  const auto not_yaml = [](const std::string& place) {
    return ::testing::StartsWith("sweep.yaml:" + place + ": found what is not YAML: ");
  };
  EXPECT_THAT(folder.ErrorOf("%noere&:\n, kern\n"), not_yaml("2:1"));
  EXPECT_THAT(folder.ErrorOf(","), not_yaml("1:1"));
  EXPECT_THAT(folder.ErrorOf("---\n,"), not_yaml("2:1"));
  EXPECT_THAT(folder.ErrorOf("[name, x] , y"), not_yaml("1:11"));
  // Documents of nothing that do go on.
  const auto second = [](const std::string& place) {
    return ::testing::StartsWith("sweep.yaml:" + place + ": found a second YAML document");
  };
  EXPECT_THAT(folder.ErrorOf("---\n---\n---\n"), second("3:1"));
  EXPECT_THAT(folder.ErrorOf("name: x\n...\n&a\n"), second("3:1"));
}

TEST(Malformed, NestingAndSizeAreBounded) {
  const ConfigFolder folder;
  for (const char* part : {"[", "{a: ", "- ", "&a [", "? "}) {
    for (const int times : {100, 2'000, 200'000}) {
      EXPECT_FALSE(Loads(folder, "name: x\nproblems: " + Repeat(part, times))) << part << times;
      EXPECT_FALSE(Loads(folder, Repeat(part, times))) << part << times;
    }
  }
  EXPECT_THAT(folder.ErrorOf(Repeat("#", (1 << 20) + 1)), ::testing::HasSubstr("more than 1048576 bytes"));
}

// Aliases make a short text stand for a long one.
TEST(Malformed, AliasesDoNotMultiply) {
  const ConfigFolder folder;
  const std::string numbers = "[1" + Repeat(",1", 100'000) + "]";
  const std::string head = "name: x\n";
  EXPECT_THAT(folder.ErrorOf(head + "problems: [{list: [{n: 1, c: 1, kernel: &a " + numbers + "}" +
                             Repeat(",{n: 1, c: 1, kernel: *a}", 20'000) + "]}]\n"),
              ::testing::HasSubstr("found a list of 100001; allowed: kernel"));
  EXPECT_THAT(folder.ErrorOf(head + "problems: [&a {grid: {n: 1, c: 1}}" + Repeat(", *a", 1000) + "]\n"),
              ::testing::HasSubstr("found 1001 entries; allowed: at most 1000"));
  EXPECT_EQ(folder.ErrorOf(head + "problems: [&a {grid: {n: 1, c: 1}}" + Repeat(", *a", 999) + "]\n"), "");
  EXPECT_THAT(folder.ErrorOf(head + "problems: [{grid: {n: 1, c: 1}}]\nwhere: [c == 1" +
                             Repeat(", c == 1", 100) + "]\n"),
              ::testing::HasSubstr("found 101 expressions; allowed: at most 100"));
  EXPECT_FALSE(Loads(folder, head + "problems: &a [*a, *a]\n"));  // inside itself
}

// A long text of escapes has none of its bytes in the file: where each stands must not be searched to the
// end.
TEST(Malformed, EscapesDoNotSlowTheReader) {
  const ConfigFolder folder;
  EXPECT_THAT(folder.ErrorOf("name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"" +
                             Repeat("\\x63", 200'000) + "\"\n"),
              ::testing::HasSubstr("sweep.yaml:3:9: found an expression of 200000 characters"));
}

TEST(Malformed, TableBytesReplaced) {
  ConfigFolder folder;
  const std::string bytes = "\"',#\n\r\t x09-\xFF";
  std::mt19937 random(2);
  for (int i = 0; i < 150; ++i) {
    std::string table = kTable;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes) {
      table[random() % table.size()] = bytes[random() % bytes.size()];
    }
    folder.Write("t.csv", table);
    Loads(folder, kConfig);
  }
}

}  // namespace
}  // namespace assay::testing
