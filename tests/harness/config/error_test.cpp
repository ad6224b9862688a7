// Mistakes in the YAML, each with the whole message: the place is the first character of what is at fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/config/fake_operator.h"
#include "tests/harness/config/load.h"

namespace assay::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The document as a whole.
TEST(Error, Structure) {
  static const Mistake kMistakes[] = {
      {"name: x\nname: y\n", "sweep.yaml:2:1: found key \"name\" a second time; allowed: each key once"},
      {"name: X y\nproblems: []\n",
       "sweep.yaml:1:7: found \"X y\"; allowed: name: 1 to 64 of a-z 0-9 - _, beginning with a letter or "
       "digit"},
      {"problems: 3\n",
       "sweep.yaml:1:1: found no name; allowed: name: 1 to 64 of a-z 0-9 - _, beginning with a letter or "
       "digit"},
      {"name: x\n",
       "sweep.yaml:1:1: found no problems; allowed: problems: a list of grid, list and table entries"},
      {"name: x\nproblems: []\n",
       "sweep.yaml:2:11: found an empty list; allowed: a list of entries, each with one of the keys "
       "grid, list, table"},
      {"name: x\nproblems:\n",
       "sweep.yaml:2:1: found nothing; allowed: a list of entries, each with one of the keys grid, list, "
       "table"},
      {"name: x\nproblems: !shape [1]\n", "sweep.yaml:2:11: found the tag \"!shape\"; allowed: no tags"},
      {"name: !shape x\n", "sweep.yaml:1:7: found the tag \"!shape\"; allowed: no tags"},
      {"--- {name: x}\n--- {name: y}\n",
       "sweep.yaml:2:5: found a second YAML document; allowed: one sweep a file"},
      {"", "sweep.yaml:1:1: found an empty file; allowed: a sweep; see configs/schema.json"},
      {"- name\n",
       "sweep.yaml:1:1: found a list; allowed: a mapping of name, operator, problems, dtypes, layouts, "
       "variants, baselines, where, verify, measure, limits"},
      {"name: größe\n",
       "sweep.yaml:1:7: found \"größe\"; allowed: name: 1 to 64 of a-z 0-9 - _, beginning with a letter "
       "or digit"},
  };
  ExpectMistakes(kMistakes);
}

// Names of dtypes, layouts, variants, baselines, operators.
TEST(Error, Names) {
  static const Mistake kMistakes[] = {
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\ndtypes: [fp32, fp61]\n",
       "sweep.yaml:3:16: found unknown dtype \"fp61\"; allowed: fp32, fp16, bf16; did you mean \"fp16\"?"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\ndtypes: fp32\n",
       "sweep.yaml:3:9: found \"fp32\"; allowed: all, or a list of these: fp32, fp16, bf16"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nlayouts: [nhcw]\n",
       "sweep.yaml:3:11: found unknown layout \"nhcw\"; allowed: nchw, nhwc; did you mean \"nchw\"?"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nlayouts: []\n",
       "sweep.yaml:3:10: found an empty list; allowed: all, or a list of these: nchw, nhwc"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nvariants: [tiled, tilde, tiled]\n",
       "sweep.yaml:3:19: found unknown variant \"tilde\"; allowed: naive, tiled; did you mean \"tiled\"?"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nvariants: [tiled, lib]\n",
       "sweep.yaml:3:19: found \"lib\", which belongs under baselines; allowed: naive, tiled"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nvariants: [tiled, tiled]\n",
       "sweep.yaml:3:19: found variant \"tiled\" a second time; allowed: each once"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nvariants: [tilde+graph]\n",
       "sweep.yaml:3:12: found unknown variant \"tilde+graph\"; allowed: naive, tiled"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nvariants: [lib+graph]\n",
       "sweep.yaml:3:12: found \"lib+graph\", which belongs under baselines; allowed: naive, tiled"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\ndtypes: [fp32+graph]\n",
       "sweep.yaml:3:10: found unknown dtype \"fp32+graph\"; allowed: fp32, fp16, bf16"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nbaselines: [libb]\n",
       "sweep.yaml:3:13: found unknown baseline \"libb\"; allowed: lib, otherlib; did you mean \"lib\"?"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nvariants: none\nbaselines: none\n",
       "sweep.yaml:3:11: found neither a variant nor a baseline to run; allowed: at least one; see "
       "`assay list`"},
      {"name: x\noperator: polo\n",
       "sweep.yaml:2:11: found unknown operator \"polo\"; allowed: pool; did you mean \"pool\"?"},
  };
  ExpectMistakes(kMistakes);
}

// verify and measure.
TEST(Error, Settings) {
  static const Mistake kMistakes[] = {
      {"name: x\nverify: {seeds: 0}\n", "sweep.yaml:2:17: found \"0\"; allowed: integer 1 to 100"},
      {"name: x\nverify: {seeds: 101}\n", "sweep.yaml:2:17: found \"101\"; allowed: integer 1 to 100"},
      {"name: x\nverify: {seeds: three}\n", "sweep.yaml:2:17: found \"three\"; allowed: integer 1 to 100"},
      {"name: x\nverify: {seeds: \"3\"}\n",
       "sweep.yaml:2:17: found \"3\" in quotes, which is text; allowed: integer 1 to 100"},
      {"name: x\nverify: {seeds: 3.5}\n", "sweep.yaml:2:17: found \"3.5\"; allowed: integer 1 to 100"},
      {"name: x\nverify: 3\n", "sweep.yaml:2:9: found \"3\"; allowed: a mapping of seeds, first_seed"},
      {"name: x\nverify: {first_seed: -1}\n",
       "sweep.yaml:2:22: found \"-1\"; allowed: integer 0 to 9007199254740991"},
      {"name: x\nmeasure: {enabled: yes}\n", "sweep.yaml:2:20: found \"yes\"; allowed: true, false"},
      {"name: x\nmeasure: {confidence: 1}\n", "sweep.yaml:2:23: found \"1\"; allowed: number 0.5 to 0.9999"},
      {"name: x\nmeasure: {confidence: .nan}\n",
       "sweep.yaml:2:23: found \".nan\"; allowed: number 0.5 to 0.9999"},
      {"name: x\nmeasure: {max_seconds: 1e999}\n",
       "sweep.yaml:2:24: found \"1e999\"; allowed: number 0.001 to 3600"},
      {"name: x\nmeasure: {max_seconds: 0.01}\n",
       "sweep.yaml:2:24: found min_seconds 0.05 above max_seconds 0.01; allowed: min_seconds <= "
       "max_seconds"},
      {"name: x\nmeasure: {min_samples: 2000}\n",
       "sweep.yaml:2:24: found min_samples 2000 above max_samples 1000; allowed: min_samples <= "
       "max_samples"},
      {"name: x\nlimits: {seconds: 0}\n", "sweep.yaml:2:19: found \"0\"; allowed: number 0.001 to 86400"},
      {"name: x\nlimits: {seconds: -5}\n", "sweep.yaml:2:19: found \"-5\"; allowed: number 0.001 to 86400"},
      {"name: x\nlimits: {seconds: .inf}\n",
       "sweep.yaml:2:19: found \".inf\"; allowed: number 0.001 to 86400"},
      {"name: x\nlimits: {second: 5}\n",
       "sweep.yaml:2:10: found unknown key \"second\"; allowed: seconds; did you mean \"seconds\"?"},
      {"name: x\nlimits: 60\n", "sweep.yaml:2:9: found \"60\"; allowed: a mapping of seconds"},
      {"name: x\nmeasure: {max_second: 0.01}\n",
       "sweep.yaml:2:11: found unknown key \"max_second\"; allowed: enabled, min_seconds, max_seconds, "
       "min_samples, max_samples, confidence, relative_width, input_sets; did you mean \"max_seconds\"?"},
  };
  ExpectMistakes(kMistakes);
}

// grid, list and table entries.
TEST(Error, Problems) {
  static const Mistake kMistakes[] = {
      {"name: x\nproblems:\n  - grid: {n: 1, c: 1}\nvarients: all\n",
       "sweep.yaml:4:1: found unknown key \"varients\"; allowed: name, operator, problems, dtypes, "
       "layouts, variants, baselines, where, verify, measure, limits; did you mean \"variants\"?"},
      {"name: x\nproblems: {grid: {n: 1}}\n",
       "sweep.yaml:2:11: found a mapping; allowed: a list of entries, each with one of the keys grid, "
       "list, table"},
      {"name: x\nproblems:\n  - {}\n",
       "sweep.yaml:3:5: found none of the keys grid, list, table; allowed: a mapping with one of the "
       "keys grid, list, table"},
      {"name: x\nproblems:\n  - grid: {n: 1, c: 1}\n    list: [{n: 1, c: 1}]\n",
       "sweep.yaml:4:5: found list beside grid; allowed: one of them; another goes in an entry of its own"},
      {"name: x\nproblems:\n  - grid: {n: 1, c: 1}\n    kernel: 3\n",
       "sweep.yaml:4:5: found kernel beside a grid; allowed: kernel inside the grid"},
      {"name: x\nproblems:\n  - grid: {n: 1, c: 1, kernal: 3}\n",
       "sweep.yaml:3:24: found unknown key \"kernal\"; allowed: n, c, kernel, mode; did you mean "
       "\"kernel\"?"},
      {"name: x\nproblems:\n  - grid: {n: 1}\n",
       "sweep.yaml:3:11: found no c in this grid; allowed: c: integer >= 1"},
      {"name: x\nproblems:\n  - grid: {n: [], c: 1}\n",
       "sweep.yaml:3:15: found an empty list; allowed: at least one value of n (integer >= 1)"},
      {"name: x\nproblems:\n  - grid: {n: , c: 1}\n",
       "sweep.yaml:3:12: found nothing; allowed: n: integer >= 1"},
      {"name: x\nproblems:\n  - grid: {n: 99999999999999999999, c: 1}\n",
       "sweep.yaml:3:15: found \"99999999999999999999\", which overflows; allowed: an integer of 64 bits"},
      {"name: x\nproblems:\n  - grid: {n: 1, c: [1, [2, [3]]]}\n",
       "sweep.yaml:3:29: found a list inside one value; allowed: c: integer >= 1"},
      {"name: x\nproblems:\n  - grid: {n: 1, c: [1, [2, b]]}\n",
       "sweep.yaml:3:29: found \"b\"; allowed: an integer; c: integer >= 1"},
      {"name: x\nproblems:\n  - grid: {n: 1, c: [4, 2], kernel: [1, 3]}\n",
       "sweep.yaml:3:41: found {n: 1, c: 2, kernel: 3}, which pool refuses: kernel is above c"},
      {"name: x\nproblems:\n  - list:\n      - n: [1, 8]\n        c: 4\n",
       "sweep.yaml:4:12: found {n: [1, 8], c: 4}, which pool refuses: n is an integer >= 1 ([1, 8] is "
       "one value here; a list is an axis in a grid, or beside a list or table, and a pair in an axis is "
       "a list in that list, as in [[3, 5]])"},
      {"name: x\n"
       "problems:\n"
       "  - list:\n"
       "      - {n: 1, c: 4, label: ok}\n"
       "      - {n: 1, lable: 4}\n",
       "sweep.yaml:5:16: found unknown key \"lable\"; allowed: n, c, kernel, mode, label; did you mean "
       "\"label\"?"},
      {"name: x\nproblems:\n  - list:\n      - {n: 1, c: 4}\n      - {n: 1}\n",
       "sweep.yaml:5:9: found no c in this item or beside the list; allowed: c: integer >= 1"},
      {"name: x\nproblems:\n  - n: 1\n    list:\n      - {n: 1, c: 4}\n",
       "sweep.yaml:5:10: found key \"n\" both in this item and beside the list; allowed: one of them"},
      {"name: x\nproblems:\n  - list: [{n: 2000, c: 4000}]\n",
       "sweep.yaml:3:12: found {n: 2000, c: 4000}, which pool refuses: n * c is above 1000000"},
      {"name: x\nproblems:\n  - table: t.csv\n    n: [1, 2]\n",
       "sweep.yaml:4:5: found key \"n\" both in the table and beside it; allowed: one of them"},
      {"name: x\nproblems:\n  - table: none.csv\n",
       "sweep.yaml:3:12: found \"none.csv\", but no file none.csv; allowed: the path of a CSV file, "
       "relative to this file's folder"},
      {"name: x\nproblems:\n  - table: [t.csv]\n",
       "sweep.yaml:3:12: found a list; allowed: the path of a CSV file, relative to this file's folder"},
      {"name: x\nproblems:\n  - {grid: {n: 1, c: 1}, label: \"a\\nb\"}\n",
       "sweep.yaml:3:33: found \"a\\nb\"; allowed: a label: one line of text, at most 120 bytes"},
      {"name: x\n"
       "problems: [{grid: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], c: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], kernel: "
       "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1], mode: [max, max, max, max, max, max, max, max, max, max]}}]\n",
       "sweep.yaml:2:12: found more than 100000 cases up to here; allowed: 100000 cases in a sweep, "
       "before where drops any"},
      {"name: x\nproblems:\n  - grid: {n: 1, ? [c, d] : 3}\n",
       "sweep.yaml:3:20: found a list; allowed: a key, which is a word"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}, label: größe, lable: 3}]\n",
       "sweep.yaml:2:47: found unknown key \"lable\"; allowed: n, c, kernel, mode, grid, list, table, "
       "label, where; did you mean \"table\"?"},
      {"name: x\nproblems: [{list: [{n: 1, lable: 4}]}]\n",
       "sweep.yaml:2:27: found unknown key \"lable\"; allowed: n, c, kernel, mode, label; did you mean "
       "\"label\"?"},
  };
  ExpectMistakes(kMistakes);
}

// The words and the column are yaml-cpp's.
TEST(Error, Syntax) {
  const ConfigFolder folder;
  const auto error = [&](const char* yaml) { return folder.ErrorOf(yaml); };
  EXPECT_THAT(error("name: x\na: [b\n"), StartsWith("sweep.yaml:3:1: found what is not YAML: "));
  EXPECT_THAT(error("name: x\n  y: 3\n"), StartsWith("sweep.yaml:2:4: found what is not YAML: "));
  EXPECT_THAT(error("name: *nobody\n"), StartsWith("sweep.yaml:1:7: found what is not YAML: "));
  EXPECT_THAT(error("name: 'x\n"), StartsWith("sweep.yaml:"));
  EXPECT_THAT(error("name: x\n\ty: 3\n"), StartsWith("sweep.yaml:2:"));
}

// What is no text at all.
TEST(Error, Bytes) {
  ConfigFolder folder;
  EXPECT_EQ(folder.ErrorOf(std::string("name: x\nproblems: \0\n", 20)),
            "sweep.yaml:2:11: found control character 0x00; allowed: text in UTF-8");
  const auto byte = [&](const std::string& bytes) {
    return folder.ErrorOf("name: x\nwhere: ä" + bytes + "\n");
  };
  const auto refused = [](const char* hex) {
    return std::string("sweep.yaml:2:9: found byte ") + hex + ", which is not UTF-8; allowed: text in UTF-8";
  };
  EXPECT_EQ(byte("\xFF"), refused("0xFF"));
  EXPECT_EQ(byte("\x80"), refused("0x80"));              // a continuation of nothing
  EXPECT_EQ(byte("\xC0\xAF"), refused("0xC0"));          // '/' in two bytes
  EXPECT_EQ(byte("\xE0\x80\xAF"), refused("0xE0"));      // ... in three
  EXPECT_EQ(byte("\xED\xA0\x80"), refused("0xED"));      // half of a surrogate pair
  EXPECT_EQ(byte("\xF4\x90\x80\x80"), refused("0xF4"));  // above U+10FFFF
  EXPECT_EQ(byte("\xE2\x82"), refused("0xE2"));          // cut short
  EXPECT_EQ(folder.ErrorOf("\xFF\xFEn\0a\0"),
            "sweep.yaml:1:1: found byte 0xFF, which is not UTF-8; allowed: text in UTF-8");
  EXPECT_EQ(folder.ErrorOf("name: x\rproblems: 3"),
            "sweep.yaml:1:8: found control character 0x0D; allowed: text in UTF-8");
  folder.Write("t.csv", std::string("n,c\n1,\0\n", 9));
  EXPECT_EQ(folder.ErrorOf("name: x\nproblems: [{table: t.csv}]\n"),
            "t.csv:2:3: found control character 0x00; allowed: text in UTF-8");
}

TEST(Error, Files) {
  const ConfigFolder folder;
  const auto error = [](const std::filesystem::path& path) -> std::string {
    try {
      LoadSweep(path, FakeCatalog(), FakeOperators());
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "";
  };
  const std::filesystem::path home = folder.Write("x", "").parent_path();
  EXPECT_EQ(error(home / "none.yaml"),
            (home / "none.yaml").string() + ":1:1: found no such file; allowed: a file that exists");
  EXPECT_EQ(error(home), home.string() + ":1:1: found a folder; allowed: a file");
  EXPECT_EQ(error(folder.Write("large.yaml", std::string((1 << 20) + 1, '#'))),
            (home / "large.yaml").string() +
                ":1:1: found a file of more than 1048576 bytes; allowed: at most that");
  folder.Write("d.csv/file", "");
  EXPECT_EQ(folder.ErrorOf("name: x\nproblems: [{table: d.csv}]\n"),
            "sweep.yaml:2:20: found \"d.csv\", but no file d.csv; allowed: the path of a CSV file, relative "
            "to this file's folder");
}

TEST(Error, TheOperatorMustBeNamedWhereThereAreSeveral) {
  ConfigFolder folder;
  const Operator* const two[] = {&FakeOperator(), &FakeOperator()};
  const auto path = folder.Write("sweep.yaml", "name: x\nproblems: [{grid: {n: 1, c: 1}}]\n");
  EXPECT_THROW(LoadSweep(path, FakeCatalog(), two), ConfigError);
  EXPECT_NO_THROW(LoadSweep(path, FakeCatalog(), FakeOperators()));
}

// The cap counts cases, 24 a problem here, over all entries and before `where`.
TEST(Error, TooManyCases) {
  const ConfigFolder folder;
  const auto axis = [](int count) {
    std::string text = "[1";
    for (int i = 2; i <= count; ++i) text += ", " + std::to_string(i);
    return text + "]";
  };
  const std::string where = "where: n == 1\n";
  EXPECT_EQ(folder.ErrorOf("name: x\nproblems:\n  - grid: {n: " + axis(4166) + ", c: 1}\n" + where), "");
  EXPECT_EQ(folder.ErrorOf("name: x\nproblems:\n  - grid: {n: " + axis(4166) +
                           ", c: 1}\n  - grid: {n: 1, c: 1}\n" + where),
            "sweep.yaml:4:5: found more than 100000 cases up to here; allowed: 100000 cases in a sweep, "
            "before where "
            "drops any");
  // 10^16 problems: counted, not made.
  const std::string large = axis(10'000);
  EXPECT_THAT(
      folder.ErrorOf("name: x\nproblems: [{grid: {n: &a " + large + ", c: *a, kernel: *a, mode: *a}}]\n"),
      StartsWith("sweep.yaml:2:12: found more than 100000 cases"));
}

// Lists of lists of lists, each ten times the one before: a reader that copied them would not end.
TEST(Error, AliasBombs) {
  std::string yaml = "a0: &a0 [1, 1]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    yaml += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before + ", " +
            before + "]\n";
  }
  EXPECT_THAT(ConfigFolder().ErrorOf(yaml + "name: x\n"),
              StartsWith("sweep.yaml:1:1: found unknown key \"a0\""));
  EXPECT_THAT(ConfigFolder().ErrorOf("name: x\nproblems: [{grid: {n: &a [*a], c: 1}}]\n"),
              StartsWith("sweep.yaml:2:"));
  std::string same = "name: x\nproblems:\n  - &p {grid: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], c: 1}}\n";
  for (int i = 0; i < 900; ++i) same += "  - *p\n";
  EXPECT_THAT(ConfigFolder().ErrorOf(same), HasSubstr("found more than 100000 cases"));
}

TEST(Error, DeepNesting) {
  for (const char* open : {"[", "{a: ", "- ", "? "}) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += open;
    EXPECT_NE(ConfigFolder().ErrorOf("name: x\nproblems: " + deep), "") << open;
    EXPECT_NE(ConfigFolder().ErrorOf(deep), "") << open;
  }
}

}  // namespace
}  // namespace assay::testing
