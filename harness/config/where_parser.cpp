#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "harness/config/suggest.h"
#include "harness/config/where.h"
#include "harness/config/where_lexer.h"

namespace assay {
namespace {

constexpr std::size_t kLongest =
    4096;                     // characters of an expression; bounds the depth of chains such as a + a + ...
constexpr int kDeepest = 64;  // parentheses, nots and signs around one another

using ExprPtr = std::unique_ptr<WhereExpr>;

class Parser {
 public:
  Parser(const LocatedText& text, const WhereNames& names) : text_(text), names_(names), lexer_(text) {
    Advance();
  }

  ExprPtr Parse() {
    ExprPtr root = ParseOr();
    if (token_.kind != WhereTokenKind::kEnd) {
      Fail(token_.at, token_.Describe(), "and, or, a comparison, an operator, or the end of the expression");
    }
    Expect(*root, WhereType::kTruth);
    return root;
  }

 private:
  // Counts what nests, so that the stack holds whatever is written.
  class Depth {
   public:
    Depth(int* depth, const Parser& parser) : depth_(depth) {
      if (++*depth_ > kDeepest) {
        parser.Fail(parser.token_.at, "an expression nested too deep",
                    fmt::format("at most {} levels", kDeepest));
      }
    }
    ~Depth() { --*depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    int* depth_;
  };

  void Advance() { token_ = lexer_.Next(); }

  [[noreturn]] void Fail(std::size_t at, const std::string& found, const std::string& allowed) const {
    text_.At(at).Fail(found, allowed);
  }

  bool Take(std::string_view symbol, std::size_t* at) {
    if (!token_.Is(symbol)) return false;
    *at = token_.at;
    Advance();
    return true;
  }

  ExprPtr ParseOr() {
    ExprPtr left = ParseAnd();
    for (std::size_t at = 0; Take("or", &at);)
      left = Join(WhereOp::kOr, at, std::move(left), ParseAnd(), WhereType::kTruth);
    return left;
  }

  ExprPtr ParseAnd() {
    ExprPtr left = ParseNot();
    for (std::size_t at = 0; Take("and", &at);)
      left = Join(WhereOp::kAnd, at, std::move(left), ParseNot(), WhereType::kTruth);
    return left;
  }

  ExprPtr ParseNot() {
    const Depth depth(&depth_, *this);
    std::size_t at = 0;
    if (Take("not", &at)) return Join(WhereOp::kNot, at, ParseNot(), nullptr, WhereType::kTruth);
    return ParseComparison();
  }

  std::optional<WhereOp> Comparison() const {
    static constexpr std::array<std::pair<std::string_view, WhereOp>, 6> kComparisons = {
        {{"==", WhereOp::kEqual},
         {"!=", WhereOp::kNotEqual},
         {"<", WhereOp::kLess},
         {"<=", WhereOp::kLessEqual},
         {">", WhereOp::kGreater},
         {">=", WhereOp::kGreaterEqual}}};
    for (const auto& [symbol, op] : kComparisons) {
      if (token_.kind == WhereTokenKind::kSymbol && token_.text == symbol) return op;
    }
    return std::nullopt;
  }

  ExprPtr ParseComparison() {
    ExprPtr left = ParseSum();
    const std::optional<WhereOp> op = Comparison();
    if (!op) {
      CheckBareWord(*left);
      return left;
    }
    const std::size_t at = token_.at;
    Advance();
    ExprPtr right = ParseSum();
    if (Comparison()) {
      Fail(token_.at, "a chain of comparisons", "two joined by and, as in \"1 < c and c < 9\"");
    }
    const bool words = left->type == WhereType::kWord || right->type == WhereType::kWord;
    if (words) {
      CheckWords(*op, at, *left, *right);
    } else {
      Expect(*left, WhereType::kNumber);
      Expect(*right, WhereType::kNumber);
    }
    ExprPtr node = Node(*op, WhereType::kTruth, at);
    node->left = std::move(left);
    node->right = std::move(right);
    return node;
  }

  ExprPtr ParseSum() {
    ExprPtr left = ParseTerm();
    for (std::size_t at = 0;;) {
      if (Take("+", &at)) {
        left = Join(WhereOp::kAdd, at, std::move(left), ParseTerm(), WhereType::kNumber);
      } else if (Take("-", &at)) {
        left = Join(WhereOp::kSubtract, at, std::move(left), ParseTerm(), WhereType::kNumber);
      } else {
        return left;
      }
    }
  }

  ExprPtr ParseTerm() {
    ExprPtr left = ParseSign();
    for (std::size_t at = 0;;) {
      if (Take("*", &at)) {
        left = Join(WhereOp::kMultiply, at, std::move(left), ParseSign(), WhereType::kNumber);
      } else if (Take("/", &at)) {
        left = Join(WhereOp::kDivide, at, std::move(left), ParseSign(), WhereType::kNumber);
      } else if (Take("%", &at)) {
        left = Join(WhereOp::kModulo, at, std::move(left), ParseSign(), WhereType::kNumber);
      } else {
        return left;
      }
    }
  }

  ExprPtr ParseSign() {
    const Depth depth(&depth_, *this);
    std::size_t at = 0;
    if (Take("-", &at)) return Join(WhereOp::kNegate, at, ParseSign(), nullptr, WhereType::kNumber);
    return ParseLeaf();
  }

  ExprPtr ParseLeaf() {
    const WhereToken token = token_;
    std::size_t at = 0;
    if (Take("(", &at)) {
      ExprPtr inside = ParseOr();
      if (!Take(")", &at)) Fail(token_.at, token_.Describe(), "\")\"");
      return inside;
    }
    switch (token.kind) {
      case WhereTokenKind::kInteger:
        Advance();
        return Integer(token);
      case WhereTokenKind::kQuoted:
        Advance();
        return Leaf(WhereOp::kQuotedWord, WhereType::kWord, token);
      case WhereTokenKind::kName:
        if (token.text == "and" || token.text == "or" || token.text == "not") break;
        Advance();
        return Name(token);
      default:
        break;
    }
    Fail(token.at, token.Describe(), "an integer, a name (" + AllNames() + "), or \"(\"");
  }

  ExprPtr Integer(const WhereToken& token) const {
    ExprPtr leaf = Leaf(WhereOp::kInteger, WhereType::kNumber, token);
    const char* end = token.text.data() + token.text.size();
    if (std::from_chars(token.text.data(), end, leaf->number).ec != std::errc()) {
      Fail(token.at, Quoted(token.text) + ", which overflows", "an integer of 64 bits");
    }
    return leaf;
  }

  ExprPtr Name(const WhereToken& token) const {
    if (token.text == "dtype") return Leaf(WhereOp::kDType, WhereType::kWord, token);
    if (token.text == "layout") return Leaf(WhereOp::kLayout, WhereType::kWord, token);
    if (token.text == "variant") return Leaf(WhereOp::kVariant, WhereType::kWord, token);
    if (token.text == "label") return Leaf(WhereOp::kLabel, WhereType::kWord, token);
    if (std::find(names_.params.begin(), names_.params.end(), token.text) != names_.params.end()) {
      return Leaf(WhereOp::kParam, WhereType::kNumber, token);
    }
    // Allowed only where it is compared with one of the four above.
    return Leaf(WhereOp::kBareWord, WhereType::kWord, token);
  }

  static ExprPtr Node(WhereOp op, WhereType type, std::size_t at) {
    auto node = std::make_unique<WhereExpr>();
    node->op = op;
    node->type = type;
    node->at = at;
    return node;
  }

  static ExprPtr Leaf(WhereOp op, WhereType type, const WhereToken& token) {
    ExprPtr leaf = Node(op, type, token.at);
    leaf->text = token.text;
    return leaf;
  }

  // An operation whose operands and result are all of one type; `right` is null for a prefix.
  ExprPtr Join(WhereOp op, std::size_t at, ExprPtr left, ExprPtr right, WhereType type) const {
    Expect(*left, type);
    if (right != nullptr) Expect(*right, type);
    ExprPtr node = Node(op, type, at);
    node->left = std::move(left);
    node->right = std::move(right);
    return node;
  }

  std::vector<std::string> AllowedHere() const {
    std::vector<std::string> allowed = names_.params;
    allowed.insert(allowed.end(), {"dtype", "layout", "variant", "label"});
    return allowed;
  }
  std::string AllNames() const { return JoinNames(AllowedHere()); }

  void CheckBareWord(const WhereExpr& e) const {
    if (e.op != WhereOp::kBareWord) return;
    Fail(e.at, "unknown name " + Quoted(e.text), AllowedNames(e.text, AllowedHere()));
  }

  void Expect(const WhereExpr& e, WhereType type) const {
    if (e.type == type) return;
    CheckBareWord(e);
    const char* const found = e.type == WhereType::kTruth    ? "a comparison"
                              : e.type == WhereType::kNumber ? "a number"
                                                             : "a word";
    Fail(e.at, found, type == WhereType::kTruth ? "a comparison, as in \"c <= 512\"" : "a number");
  }

  static bool IsWordName(const WhereExpr& e) {
    return e.op == WhereOp::kDType || e.op == WhereOp::kLayout || e.op == WhereOp::kVariant ||
           e.op == WhereOp::kLabel;
  }

  void CheckWords(WhereOp op, std::size_t at, const WhereExpr& left, const WhereExpr& right) const {
    // The name decides what the other side may be. A bare word beside no name is a name misspelt.
    if (!IsWordName(left) && !IsWordName(right)) {
      CheckBareWord(left);
      CheckBareWord(right);
      Fail(left.type == WhereType::kWord ? left.at : right.at, "a word compared with no name",
           "dtype, layout, variant, label on one side");
    }
    const WhereExpr& name = IsWordName(left) ? left : right;
    const WhereExpr& other = IsWordName(left) ? right : left;
    if (other.type != WhereType::kWord) {
      Fail(other.at, other.type == WhereType::kNumber ? "a number" : "a comparison",
           "a word; " + name.text + " is one");
    }
    if (op != WhereOp::kEqual && op != WhereOp::kNotEqual) Fail(at, "an order of words", "==, !=");
    CheckWordValue(name, other);
  }

  void CheckWordValue(const WhereExpr& name, const WhereExpr& other) const {
    if (IsWordName(other) || name.op == WhereOp::kLabel) return;
    const std::vector<std::string>& allowed = name.op == WhereOp::kDType    ? names_.dtypes
                                              : name.op == WhereOp::kLayout ? names_.layouts
                                                                            : names_.variants;
    if (std::find(allowed.begin(), allowed.end(), other.text) == allowed.end()) {
      Fail(other.at, "unknown " + name.text + " " + Quoted(other.text), AllowedNames(other.text, allowed));
    }
  }

  const LocatedText& text_;
  const WhereNames& names_;
  WhereLexer lexer_;
  WhereToken token_;
  int depth_ = 0;
};

}  // namespace

std::unique_ptr<WhereExpr> ParseWhere(const LocatedText& text, const WhereNames& names) {
  if (text.value.size() > kLongest) {
    text.At(0).Fail(fmt::format("an expression of {} characters", text.value.size()),
                    fmt::format("at most {}", kLongest));
  }
  return Parser(text, names).Parse();
}

}  // namespace assay
