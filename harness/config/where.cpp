#include "harness/config/where.h"

#include <limits>
#include <string_view>
#include <utility>

#include "harness/record/graph_name.h"
#include "reference/dtype.h"

namespace assay {
namespace {

class Evaluator {
 public:
  Evaluator(const LocatedText& text, const Case& c) : text_(text), case_(c) {}

  bool Truth(const WhereExpr& e) const {
    switch (e.op) {
      case WhereOp::kOr:
        return Truth(*e.left) || Truth(*e.right);
      case WhereOp::kAnd:
        return Truth(*e.left) && Truth(*e.right);
      case WhereOp::kNot:
        return !Truth(*e.left);
      default:
        return e.left->type == WhereType::kWord ? CompareWords(e) : CompareNumbers(e);
    }
  }

 private:
  bool CompareWords(const WhereExpr& e) const {
    return (Word(*e.left) == Word(*e.right)) == (e.op == WhereOp::kEqual);
  }

  bool CompareNumbers(const WhereExpr& e) const {
    const std::int64_t a = Number(*e.left);
    const std::int64_t b = Number(*e.right);
    switch (e.op) {
      case WhereOp::kEqual:
        return a == b;
      case WhereOp::kNotEqual:
        return a != b;
      case WhereOp::kLess:
        return a < b;
      case WhereOp::kLessEqual:
        return a <= b;
      case WhereOp::kGreater:
        return a > b;
      default:
        return a >= b;
    }
  }

  std::string_view Word(const WhereExpr& e) const {
    switch (e.op) {
      case WhereOp::kDType:
        return DTypeName(case_.dtype);
      case WhereOp::kLayout:
        return LayoutName(case_.layout);
      case WhereOp::kVariant:
        return PlainName(case_.variant);
      case WhereOp::kLabel:
        return case_.label;
      default:
        return e.text;
    }
  }

  std::int64_t Number(const WhereExpr& e) const {
    if (e.op == WhereOp::kInteger) return e.number;
    if (e.op == WhereOp::kParam) return case_.problem.Get(e.text);
    const std::int64_t a = Number(*e.left);
    const std::int64_t b = e.op == WhereOp::kNegate ? 0 : Number(*e.right);
    std::int64_t result = 0;
    bool overflow = false;
    switch (e.op) {
      case WhereOp::kNegate:
        overflow = __builtin_sub_overflow(std::int64_t{0}, a, &result);
        break;
      case WhereOp::kAdd:
        overflow = __builtin_add_overflow(a, b, &result);
        break;
      case WhereOp::kSubtract:
        overflow = __builtin_sub_overflow(a, b, &result);
        break;
      case WhereOp::kMultiply:
        overflow = __builtin_mul_overflow(a, b, &result);
        break;
      default:
        return Divide(e, a, b);
    }
    if (overflow) Refuse(e, "an overflow");
    return result;
  }

  std::int64_t Divide(const WhereExpr& e, std::int64_t a, std::int64_t b) const {
    if (b == 0) Refuse(e, "a division by zero");
    if (a == std::numeric_limits<std::int64_t>::min() && b == -1) Refuse(e, "an overflow");
    return e.op == WhereOp::kDivide ? a / b : a % b;
  }

  [[noreturn]] void Refuse(const WhereExpr& e, const std::string& what) const {
    text_.At(e.at).Fail(what + " for " + case_.Id(),
                        "values that 64-bit integers hold, divisors other than 0");
  }

  const LocatedText& text_;
  const Case& case_;
};

}  // namespace

Where::Where(LocatedText text, const WhereNames& names)
    : text_(std::move(text)), root_(ParseWhere(text_, names)) {}

bool Where::Holds(const Case& c) const { return Evaluator(text_, c).Truth(*root_); }

}  // namespace assay
