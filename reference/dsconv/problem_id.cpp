#include "reference/dsconv/problem_id.h"

#include <fmt/format.h>

#include <charconv>

namespace assay::dsconv {
namespace {

std::string OneOrTwo(std::int64_t first, std::int64_t second) {
  return first == second ? std::to_string(first) : fmt::format("{}x{}", first, second);
}

std::string PaddingText(const Shape& d) {
  if (d.pad_top != d.pad_bottom || d.pad_left != d.pad_right) {
    return fmt::format("p{}x{}x{}x{}", d.pad_top, d.pad_bottom, d.pad_left, d.pad_right);
  }
  if (d.pad_top == 0 && d.pad_left == 0) return "";
  return "p" + OneOrTwo(d.pad_top, d.pad_left);
}

// Reads an id from left to right.
class IdReader {
 public:
  explicit IdReader(std::string_view id) : id_(id), rest_(id) {}

  bool Done() const { return rest_.empty(); }

  // Takes `token` if a number follows it, so that "s5" and "st2" are told apart.
  bool TakeToken(std::string_view token) {
    if (!rest_.starts_with(token) || rest_.size() == token.size()) return false;
    const char next = rest_[token.size()];
    if (next < '0' || next > '9') return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  bool TakeWord(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::int64_t Number(std::string_view token, std::string_view key) {
    std::int64_t number = 0;
    const auto [stopped, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc()) {
      throw ProblemError(std::string(key),
                         fmt::format("problem \"{}\": token \"{}\" takes an integer up to {}; found \"{}\"",
                                     id_, token, kMaxParam, rest_));
    }
    rest_.remove_prefix(static_cast<std::size_t>(stopped - rest_.data()));
    return number;
  }

  // Numbers joined by 'x'.
  std::vector<std::int64_t> Numbers(std::string_view token, std::string_view key) {
    std::vector<std::int64_t> numbers{Number(token, key)};
    while (rest_.size() > 1 && rest_[0] == 'x') {
      rest_.remove_prefix(1);
      numbers.push_back(Number(token, key));
    }
    return numbers;
  }

  // The part of a suffix up to the next '-'.
  std::string Suffix() {
    const std::size_t end = rest_.find('-');
    const std::string word(rest_.substr(0, end));
    rest_.remove_prefix(word.size());
    return word;
  }

  [[noreturn]] void Fail(std::string_view key, std::string_view allowed) const {
    const std::string found = rest_.empty() ? "the end" : fmt::format("\"{}\"", rest_);
    throw ProblemError(std::string(key),
                       fmt::format("problem \"{}\": found {} where {} is allowed", id_, found, allowed));
  }

 private:
  std::string_view id_;
  std::string_view rest_;
};

void ReadSuffixes(IdReader& reader, ParamMap& values) {
  // Longest first: "-b" begins "-bdw".
  if (reader.TakeWord("-bdw")) {
    values["bias"] = "dw";
  } else if (reader.TakeWord("-bpw")) {
    values["bias"] = "pw";
  } else if (reader.TakeWord("-b")) {
    values["bias"] = "both";
  }
  if (reader.TakeWord("-mid.")) values["act_mid"] = reader.Suffix();
  if (reader.TakeWord("-out.")) values["act_out"] = reader.Suffix();
}

}  // namespace

std::string ShapeId(const Shape& d) {
  std::string id = fmt::format("n{}c{}k{}h{}w{}r{}", d.n, d.c, d.k, d.h, d.w, d.r);
  if (d.s != d.r) id += fmt::format("s{}", d.s);
  id += PaddingText(d);
  if (d.stride_h != 1 || d.stride_w != 1) id += "st" + OneOrTwo(d.stride_h, d.stride_w);
  if (d.dilation_h != 1 || d.dilation_w != 1) id += "d" + OneOrTwo(d.dilation_h, d.dilation_w);
  if (d.bias_dw != 0 || d.bias_pw != 0) id += d.bias_pw == 0 ? "-bdw" : (d.bias_dw == 0 ? "-bpw" : "-b");
  if (d.ActMid() != Activation::kNone) id += fmt::format("-mid.{}", ActivationName(d.ActMid()));
  if (d.ActOut() != Activation::kNone) id += fmt::format("-out.{}", ActivationName(d.ActOut()));
  return id;
}

Shape ParseShapeId(std::string_view id) {
  IdReader reader(id);
  ParamMap values;
  for (const char* token : {"n", "c", "k", "h", "w"}) {
    if (!reader.TakeToken(token)) reader.Fail(token, fmt::format("\"{}\" and an integer", token));
    values[token] = reader.Number(token, token);
  }
  if (!reader.TakeToken("r")) reader.Fail("kernel", "\"r\" and the kernel's height (as r3, or r3s5)");
  const std::int64_t r = reader.Number("r", "kernel");
  values["kernel"] = std::vector<std::int64_t>{r, reader.TakeToken("s") ? reader.Number("s", "kernel") : r};
  if (reader.TakeToken("p")) values["pad"] = reader.Numbers("p", "pad");
  if (reader.TakeToken("st")) values["stride"] = reader.Numbers("st", "stride");
  if (reader.TakeToken("d")) values["dilation"] = reader.Numbers("d", "dilation");
  ReadSuffixes(reader, values);
  if (!reader.Done()) {
    reader.Fail(
        "",
        "p1 (padding), st2 (stride), d2 (dilation), -b, -bdw, -bpw, -mid.relu, -out.relu, each once and in "
        "this order,");
  }
  try {
    return MakeShape(values);
  } catch (const ProblemError& error) {
    throw ProblemError(error.param(), fmt::format("problem \"{}\": {}", id, error.what()));
  }
}

}  // namespace assay::dsconv
