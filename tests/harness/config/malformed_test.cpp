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
