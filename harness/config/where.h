// `where` expressions: they keep the cases for which they hold.
//
//   or      := and { "or" and }
//   and     := not { "and" not }
//   not     := "not" not | compare
//   compare := sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
//   sum     := term { ("+" | "-") term }
//   term    := sign { ("*" | "/" | "%") sign }
//   sign    := "-" sign | leaf
//   leaf    := integer | name | word | 'quoted word' | "(" or ")"
//
// A name is a resolved parameter of the operator (a number) or dtype, layout, variant, label (words). Words
// are compared by
// == and != with a bare or a quoted word. Arithmetic is that of 64-bit integers, division truncates toward
// zero, and overflow is an error.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/config/case.h"
#include "harness/config/source_file.h"
#include "harness/config/where_expr.h"

namespace assay {

// What an expression may name, and what the words may be compared with.
struct WhereNames {
  std::vector<std::string> params;
  std::vector<std::string> dtypes;
  std::vector<std::string> layouts;
  std::vector<std::string> variants;
};

class Where {
 public:
  // Throws ConfigError at the character at fault. The text's file must outlive the expression.
  Where(LocatedText text, const WhereNames& names);

  // Throws ConfigError if the arithmetic overflows or divides by zero.
  bool Holds(const Case& c) const;

 private:
  LocatedText text_;
  std::unique_ptr<WhereExpr> root_;
};

// Throws ConfigError; see Where.
std::unique_ptr<WhereExpr> ParseWhere(const LocatedText& text, const WhereNames& names);

}  // namespace assay
