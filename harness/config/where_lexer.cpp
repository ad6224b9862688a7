#include "harness/config/where_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "harness/config/suggest.h"

namespace assay {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n'; }

}  // namespace

std::string WhereToken::Describe() const {
  return kind == WhereTokenKind::kEnd ? "the end of the expression" : Quoted(text);
}

WhereToken WhereLexer::Next() {
  while (at_ < value_.size() && IsSpace(value_[at_])) ++at_;
  if (at_ == value_.size()) return {WhereTokenKind::kEnd, "", at_};
  const char c = value_[at_];
  if (IsDigit(c)) return TakeInteger();
  if (IsLetter(c)) return TakeWhile(WhereTokenKind::kName, [](char x) { return IsLetter(x) || IsDigit(x); });
  if (c == '\'' || c == '"') return TakeQuoted(c);
  return TakeSymbol();
}

template <typename Predicate>
WhereToken WhereLexer::TakeWhile(WhereTokenKind kind, Predicate accepts) {
  const std::size_t start = at_;
  while (at_ < value_.size() && accepts(value_[at_])) ++at_;
  return {kind, value_.substr(start, at_ - start), start};
}

WhereToken WhereLexer::TakeInteger() {
  WhereToken token =
      TakeWhile(WhereTokenKind::kInteger, [](char x) { return IsLetter(x) || IsDigit(x) || x == '.'; });
  if (!std::all_of(token.text.begin(), token.text.end(), IsDigit)) {
    text_.At(token.at).Fail(Quoted(token.text), "integers; a word that begins with a digit stands in quotes");
  }
  return token;
}

WhereToken WhereLexer::TakeQuoted(char quote) {
  const std::size_t start = at_;
  const std::size_t end = value_.find(quote, start + 1);
  if (end == std::string::npos) {
    text_.At(start).Fail("a quote that is not closed", fmt::format("a closing {}", quote));
  }
  at_ = end + 1;
  return {WhereTokenKind::kQuoted, value_.substr(start + 1, end - start - 1), start};
}

WhereToken WhereLexer::TakeSymbol() {
  static constexpr std::array<std::string_view, 13> kSymbols = {"==", "!=", "<=", ">=", "<", ">", "+",
                                                                "-",  "*",  "/",  "%",  "(", ")"};
  const std::string_view rest = std::string_view(value_).substr(at_);
  for (const std::string_view symbol : kSymbols) {
    if (!rest.starts_with(symbol)) continue;
    WhereToken token{WhereTokenKind::kSymbol, std::string(symbol), at_};
    at_ += symbol.size();
    return token;
  }
  RefuseSymbol(rest);
}

void WhereLexer::RefuseSymbol(std::string_view rest) const {
  // What other languages write, and what stands for it here.
  static constexpr std::array<std::pair<std::string_view, const char*>, 6> kForeign = {
      {{"&&", "and"}, {"||", "or"}, {"=", "=="}, {"!", "not, !="}, {"&", "and"}, {"|", "or"}}};
  for (const auto& [symbol, ours] : kForeign) {
    if (rest.starts_with(symbol)) text_.At(at_).Fail(Quoted(symbol), ours);
  }
  // A character of several bytes is shown whole.
  std::size_t length = 1;
  while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0) == 0x80) ++length;
  text_.At(at_).Fail(Quoted(rest.substr(0, length)),
                     "integers, names, words, == != < <= > >= + - * / % ( ), and, or, not");
}

}  // namespace assay
