// The parsed form of a `where` expression; where_parser.cpp makes it, where.cpp evaluates it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace assay {

enum class WhereOp {
  kOr,
  kAnd,
  kNot,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kNegate,
  kInteger,
  kParam,  // leaves of type kNumber
  kDType,
  kLayout,
  kVariant,
  kLabel,  // leaves of type kWord
  kBareWord,
  kQuotedWord,
};

enum class WhereType { kTruth, kNumber, kWord };

struct WhereExpr {
  WhereOp op = WhereOp::kInteger;
  WhereType type = WhereType::kNumber;
  std::size_t at = 0;       // index in the expression's text
  std::int64_t number = 0;  // of kInteger
  std::string text;         // name of a kParam, value of a word, spelling of a leaf
  std::unique_ptr<WhereExpr> left;
  std::unique_ptr<WhereExpr> right;
};

}  // namespace assay
