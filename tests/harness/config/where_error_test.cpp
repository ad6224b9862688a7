// Mistakes in `where` expressions, each with the whole message: the place is that of the character in the
// YAML, whatever way YAML has of writing the text.
#include <gtest/gtest.h>

#include "tests/harness/config/load.h"

namespace assay::testing {
namespace {

TEST(Error, Where) {
  static const Mistake kMistakes[] = {
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"n < 0\"\n",
       "sweep.yaml:3:9: found a where that drops every case; allowed: one that keeps some"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}, where: [\"n == 1\", \"c > 7\"]}]\n",
       "sweep.yaml:2:42: found a where that drops every case of its problems; allowed: one that keeps "
       "some"},
      {"name: x\nwhere: [[n]]\n",
       "sweep.yaml:2:9: found a list; allowed: an expression such as \"c <= 512\", or a list of them"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: n = 3\n",
       "sweep.yaml:3:10: found \"=\"; allowed: =="},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: n\n",
       "sweep.yaml:3:8: found a number; allowed: a comparison, as in \"c <= 512\""},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: n < channels\n",
       "sweep.yaml:3:12: found unknown name \"channels\"; allowed: n, c, r, s, mean, dtype, layout, "
       "variant, label"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: n < meen\n",
       "sweep.yaml:3:12: found unknown name \"meen\"; allowed: n, c, r, s, mean, dtype, layout, variant, "
       "label; did you mean \"mean\"?"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"1 < n < 3\"\n",
       "sweep.yaml:3:15: found a chain of comparisons; allowed: two joined by and, as in \"1 < c and c < "
       "9\""},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: dtype == fp17\n",
       "sweep.yaml:3:17: found unknown dtype \"fp17\"; allowed: fp32, fp16, bf16; did you mean \"fp16\"?"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"dtype < fp16\"\n",
       "sweep.yaml:3:15: found an order of words; allowed: ==, !="},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: dtype == 16\n",
       "sweep.yaml:3:17: found a number; allowed: a word; dtype is one"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: n == fp16\n",
       "sweep.yaml:3:13: found unknown name \"fp16\"; allowed: n, c, r, s, mean, dtype, layout, variant, "
       "label"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: n == 'a'\n",
       "sweep.yaml:3:13: found a word compared with no name; allowed: dtype, layout, variant, label on "
       "one side"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"a == b\"\n",
       "sweep.yaml:3:9: found unknown name \"a\"; allowed: n, c, r, s, mean, dtype, layout, variant, "
       "label"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"'a' == 'b'\"\n",
       "sweep.yaml:3:9: found a word compared with no name; allowed: dtype, layout, variant, label on "
       "one side"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"(n == 1\"\n",
       "sweep.yaml:3:16: found the end of the expression; allowed: \")\""},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"n == 1)\"\n",
       "sweep.yaml:3:15: found \")\"; allowed: and, or, a comparison, an operator, or the end of the "
       "expression"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"n == \"\n",
       "sweep.yaml:3:14: found the end of the expression; allowed: an integer, a name (n, c, r, s, mean, "
       "dtype, layout, variant, label), or \"(\""},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"\"\n",
       "sweep.yaml:3:9: found the end of the expression; allowed: an integer, a name (n, c, r, s, mean, "
       "dtype, layout, variant, label), or \"(\""},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: n == 1 && c == 2\n",
       "sweep.yaml:3:15: found \"&&\"; allowed: and"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"n == 1 and c\"\n",
       "sweep.yaml:3:20: found a number; allowed: a comparison, as in \"c <= 512\""},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"(n == 1) + 2 == 3\"\n",
       "sweep.yaml:3:12: found a comparison; allowed: a number"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"n == 10 / (c - 1)\"\n",
       "sweep.yaml:3:17: found a division by zero for pool/n1c1r1s1/fp32/nchw/naive; allowed: values "
       "that 64-bit integers hold, divisors other than 0"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"n < 9223372036854775807 + n\"\n",
       "sweep.yaml:3:33: found an overflow for pool/n1c1r1s1/fp32/nchw/naive; allowed: values that "
       "64-bit integers hold, divisors other than 0"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"n < 92233720368547758070\"\n",
       "sweep.yaml:3:13: found \"92233720368547758070\", which overflows; allowed: an integer of 64 bits"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"n < 3e2\"\n",
       "sweep.yaml:3:13: found \"3e2\"; allowed: integers; a word that begins with a digit stands in "
       "quotes"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"n < 'a\"\n",
       "sweep.yaml:3:13: found a quote that is not closed; allowed: a closing '"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"label == größe\"\n",
       "sweep.yaml:3:20: found \"ö\"; allowed: integers, names, words, == != < <= > >= + - * / % ( ), "
       "and, or, not"},
      {"name: x\n"
       "problems: [{grid: {n: 1, c: 1}}]\n"
       "where: >-\n"
       "  n == 1 and\n"
       "    n < channels\n",
       "sweep.yaml:5:9: found unknown name \"channels\"; allowed: n, c, r, s, mean, dtype, layout, "
       "variant, label"},
      {"name: x\n"
       "problems: [{grid: {n: 1, c: 1}}]\n"
       "where: |\n"
       "  n == 1 and\n"
       "    n < channels\n",
       "sweep.yaml:5:9: found unknown name \"channels\"; allowed: n, c, r, s, mean, dtype, layout, "
       "variant, label"},
      {"name: x\n"
       "problems: [{grid: {n: 1, c: 1}}]\n"
       "where:\n"
       "  - n == 1\n"
       "    and n < channels\n",
       "sweep.yaml:5:13: found unknown name \"channels\"; allowed: n, c, r, s, mean, dtype, layout, "
       "variant, label"},
      {"name: x\n"
       "problems: [{grid: {n: 1, c: 1}}]\n"
       "where: 'label == ''ö'' and n < channels'\n",
       "sweep.yaml:3:32: found unknown name \"channels\"; allowed: n, c, r, s, mean, dtype, layout, "
       "variant, label"},
      {"name: x\n"
       "problems: [{grid: {n: 1, c: 1}}]\n"
       "where: \"label == \\\"ö\\\" and n < channels\"\n",
       "sweep.yaml:3:32: found unknown name \"channels\"; allowed: n, c, r, s, mean, dtype, layout, "
       "variant, label"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"n and or\"\n",
       "sweep.yaml:3:15: found \"or\"; allowed: an integer, a name (n, c, r, s, mean, dtype, layout, "
       "variant, label), or \"(\""},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: [n == 1, variant == nave]\n",
       "sweep.yaml:3:28: found unknown variant \"nave\"; allowed: naive, tiled, lib, otherlib; did you "
       "mean \"naive\"?"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: label\n",
       "sweep.yaml:3:8: found a word; allowed: a comparison, as in \"c <= 512\""},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: not n\n",
       "sweep.yaml:3:12: found a number; allowed: a comparison, as in \"c <= 512\""},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: -label == 3\n",
       "sweep.yaml:3:9: found a word; allowed: a number"},
      {"name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: \"dtype == (n == 1)\"\n",
       "sweep.yaml:3:21: found a comparison; allowed: a word; dtype is one"},
  };
  ExpectMistakes(kMistakes);
}

TEST(Error, WhereIsBounded) {
  const ConfigFolder folder;
  const std::string head = "name: x\nproblems: [{grid: {n: 1, c: 1}}]\nwhere: ";
  const auto nested = [](int depth) { return std::string(depth, '(') + "n == 1" + std::string(depth, ')'); };
  EXPECT_EQ(folder.ErrorOf(head + nested(30) + "\n"), "");
  EXPECT_EQ(folder.ErrorOf(head + nested(100) + "\n"),
            "sweep.yaml:3:40: found an expression nested too deep; allowed: at most 64 levels");
  std::string sum = "n";
  while (sum.size() < 4080) sum += " + n";
  EXPECT_EQ(folder.ErrorOf(head + sum + " > 0\n"), "");
  EXPECT_EQ(folder.ErrorOf(head + sum + sum + " > 0\n"),
            "sweep.yaml:3:8: found an expression of 8166 characters; allowed: at most 4096");
  std::string nots;
  for (int i = 0; i < 1000; ++i) nots += "not ";
  EXPECT_EQ(folder.ErrorOf(head + nots + "n == 1\n"),
            "sweep.yaml:3:264: found an expression nested too deep; allowed: at most 64 levels");
}

}  // namespace
}  // namespace assay::testing
