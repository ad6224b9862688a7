// Mistakes in CSV tables, each with the whole message: the column is that of the character in the line.
#include <gtest/gtest.h>

#include "tests/harness/config/load.h"

namespace assay::testing {
namespace {

TEST(Error, Tables) {
  static const Mistake kMistakes[] = {
      {"n,c\n1,5\n2\n",
       "q.csv:3:2: found a line that ends before column \"c\"; allowed: as many cells as the header has, "
       "2"},
      {"n,c\n1,5,6\n", "q.csv:2:5: found 3 cells in this line; allowed: as many cells as the header has, 2"},
      {"n\n1\n",
       "q.csv:1:2: found no column \"c\"; allowed: c: integer >= 1, as a column or beside the table"},
      {"# x\n n , C\n1,2\n",
       "q.csv:2:6: found unknown column \"C\"; allowed: n, c, kernel, mode, label; did you mean \"c\"?"},
      {"n,c,n\n1,2,3\n", "q.csv:1:5: found column \"n\" a second time; allowed: each column once"},
      {"n,c\n", "q.csv:2:1: found no rows below the header; allowed: at least one"},
      {"# nothing\n", "q.csv:2:1: found no header; allowed: a line of columns: n, c, kernel, mode, label"},
      {"n,c\n1,\n", "q.csv:2:3: found an empty cell; allowed: c: integer >= 1"},
      {"n,c\n1,\"2\n", "q.csv:2:3: found a quote that is not closed in its line; allowed: a closing \""},
      {"n,c\n1,2\"3\n", "q.csv:2:3: found a quote that is not closed in its line; allowed: a closing \""},
      {"n,c\n1,\"2\"3\"\n", "q.csv:2:3: found a quote that is not closed in its line; allowed: a closing \""},
      {"n,c,label,mode\n1,5,größe,minx\n",
       "q.csv:2:11: found {n: 1, c: 5, mode: minx}, which pool refuses: mode is max or mean"},
      {"n,c,kernel\n1,5,2x\n",
       "q.csv:2:5: found {n: 1, c: 5, kernel: 2x}, which pool refuses: kernel is an integer >= 1, or [r, "
       "s]"},
      {"n,c\n1, 99999999999999999999\n",
       "q.csv:2:4: found \"99999999999999999999\", which overflows; allowed: an integer of 64 bits"},
      {"n,c,kernel\n1,5,3\n1,2,3x1\n",
       "q.csv:3:5: found {n: 1, c: 2, kernel: [3, 1]}, which pool refuses: kernel is above c"},
      {"n,c\n1\n",
       "q.csv:2:2: found a line that ends before column \"c\"; allowed: as many cells as the header has, "
       "2"},
      {"n,c\n1,\"2\"3\"4\"\n",
       "q.csv:2:3: found a stray quote in this cell; allowed: quotes around a whole cell, \"\" for a "
       "quote inside"},
      {"n,c\n1,2\"3\"\n",
       "q.csv:2:3: found a stray quote in this cell; allowed: quotes around a whole cell, \"\" for a "
       "quote inside"},
      {"n,c,label\n# \"1,5,x\n1,5,\"größer \"\"als\"\" 5\",\n",
       "q.csv:3:24: found 4 cells in this line; allowed: as many cells as the header has, 3"},
  };
  for (const Mistake& mistake : kMistakes) {
    ConfigFolder folder;
    folder.Write("q.csv", mistake.text);
    EXPECT_EQ(folder.ErrorOf("name: x\nproblems: [{table: q.csv}]\n"), mistake.message) << mistake.text;
  }
}

}  // namespace
}  // namespace assay::testing
