// Cuts a `where` expression into tokens.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "harness/config/source_file.h"

namespace assay {

enum class WhereTokenKind { kInteger, kName, kQuoted, kSymbol, kEnd };

struct WhereToken {
  WhereTokenKind kind = WhereTokenKind::kEnd;
  std::string text;    // of kQuoted: without the quotes
  std::size_t at = 0;  // index in the expression's text

  std::string Describe() const;
  bool Is(std::string_view symbol_or_keyword) const {
    return (kind == WhereTokenKind::kSymbol || kind == WhereTokenKind::kName) && text == symbol_or_keyword;
  }
};

class WhereLexer {
 public:
  explicit WhereLexer(const LocatedText& text) : text_(text), value_(text.value) {}

  // Throws ConfigError at a character that begins no token.
  WhereToken Next();

 private:
  template <typename Predicate>
  WhereToken TakeWhile(WhereTokenKind kind, Predicate accepts);
  WhereToken TakeInteger();
  WhereToken TakeQuoted(char quote);
  WhereToken TakeSymbol();
  [[noreturn]] void RefuseSymbol(std::string_view rest) const;

  const LocatedText& text_;
  const std::string& value_;
  std::size_t at_ = 0;
};

}  // namespace assay
