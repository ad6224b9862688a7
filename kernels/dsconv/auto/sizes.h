// A problem's parameters, from what a pack is asked, or from the id by which the table knows it.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kernels/pack.h"

namespace assay::dsconv::automatic {

// In the order of reference/dsconv/problem.h.
inline constexpr std::array<const char*, 21> kParams = {
    "n",          "c",        "k",       "h",          "w",        "r",         "s",
    "stride_h",   "stride_w", "pad_top", "pad_bottom", "pad_left", "pad_right", "dilation_h",
    "dilation_w", "bias_dw",  "bias_pw", "act_mid",    "act_out",  "p",         "q"};

struct Sizes {
  std::int64_t n, c, k, h, w, r, s, stride_h, stride_w, pad_top, pad_bottom, pad_left, pad_right, dilation_h,
      dilation_w, bias_dw, bias_pw, act_mid, act_out, p, q;

  bool operator==(const Sizes&) const = default;
};
static_assert(sizeof(Sizes) == kParams.size() * sizeof(std::int64_t), "Values() sees it as an array");

inline std::array<std::int64_t, kParams.size()> Values(const Sizes& d) {
  return {d.n,          d.c,        d.k,       d.h,          d.w,        d.r,         d.s,
          d.stride_h,   d.stride_w, d.pad_top, d.pad_bottom, d.pad_left, d.pad_right, d.dilation_h,
          d.dilation_w, d.bias_dw,  d.bias_pw, d.act_mid,    d.act_out,  d.p,         d.q};
}

inline Sizes SizesOf(const assay_problem& problem) {
  const auto get = [&](const char* name) { return assay_param_or(&problem, name, 0); };
  return {get("n"),          get("c"),        get("k"),         get("h"),          get("w"),
          get("r"),          get("s"),        get("stride_h"),  get("stride_w"),   get("pad_top"),
          get("pad_bottom"), get("pad_left"), get("pad_right"), get("dilation_h"), get("dilation_w"),
          get("bias_dw"),    get("bias_pw"),  get("act_mid"),   get("act_out"),    get("p"),
          get("q")};
}

// A problem as kernels are asked for one; View() is valid as long as this.
class SizesView {
 public:
  SizesView(const Sizes& sizes, assay_dtype dtype, assay_layout layout) {
    const auto values = Values(sizes);
    for (std::size_t i = 0; i < kParams.size(); ++i) params_[i] = {kParams[i], values[i]};
    view_ = {"dsconv", params_.data(), static_cast<std::int32_t>(params_.size()), dtype, layout};
  }
  SizesView(const SizesView&) = delete;
  SizesView& operator=(const SizesView&) = delete;
  const assay_problem& View() const { return view_; }

 private:
  std::array<assay_param, kParams.size()> params_ = {};
  assay_problem view_ = {};
};

// Reads an id from left to right.
class IdReader {
 public:
  explicit IdReader(std::string_view rest) : rest_(rest) {}

  bool done() const { return rest_.empty() && good_; }
  bool good() const { return good_; }

  // Takes `word` if it stands here.
  bool Take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  // Takes `token` if a number follows it, so that "s5" and "st2" are told apart.
  bool TakeToken(std::string_view token) {
    if (!rest_.starts_with(token) || rest_.size() == token.size()) return false;
    const char next = rest_[token.size()];
    return next >= '0' && next <= '9' && Take(token);
  }
  std::int64_t Number() {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    good_ = good_ && error == std::errc();
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return number;
  }
  std::int64_t Needed(std::string_view token) {
    good_ = good_ && TakeToken(token);
    return good_ ? Number() : 0;
  }
  // Up to four numbers joined by 'x'; returns how many.
  int Numbers(std::int64_t (&numbers)[4]) {
    int count = 0;
    do {
      numbers[count++] = Number();
    } while (count < 4 && rest_.size() > 1 && rest_[0] == 'x' && Take("x"));
    return count;
  }
  std::int64_t Activation() {
    constexpr std::array<std::string_view, 5> kNames = {"none", "relu", "relu6", "silu", "hardswish"};
    const std::string_view name = rest_.substr(0, rest_.find('-'));
    rest_.remove_prefix(name.size());
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (name == kNames[i]) return static_cast<std::int64_t>(i);
    }
    good_ = false;
    return 0;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

// One number stands for both axes, two are of height and width.
inline bool SetBoth(int count, const std::int64_t (&numbers)[4], std::int64_t& h, std::int64_t& w) {
  h = numbers[0], w = numbers[count == 2 ? 1 : 0];
  return count <= 2;
}

// Of an id as reports write it ("n1c64k128h56w56r3p1-b-mid.relu6", reference/dsconv/problem_id.cpp); nothing
// for text that is none.
inline std::optional<Sizes> ParseSizes(std::string_view id) {
  IdReader reader(id);
  Sizes d{};
  d.n = reader.Needed("n"), d.c = reader.Needed("c"), d.k = reader.Needed("k");
  d.h = reader.Needed("h"), d.w = reader.Needed("w");
  d.r = d.s = reader.Needed("r");
  d.stride_h = d.stride_w = d.dilation_h = d.dilation_w = 1;
  if (reader.TakeToken("s")) d.s = reader.Number();
  bool good = true;
  std::int64_t numbers[4] = {};
  if (reader.TakeToken("p")) {
    const int count = reader.Numbers(numbers);
    if (count == 4) {
      d.pad_top = numbers[0], d.pad_bottom = numbers[1], d.pad_left = numbers[2], d.pad_right = numbers[3];
    } else {
      good = SetBoth(count, numbers, d.pad_top, d.pad_left);
      d.pad_bottom = d.pad_top, d.pad_right = d.pad_left;
    }
  }
  if (reader.TakeToken("st"))
    good = SetBoth(reader.Numbers(numbers), numbers, d.stride_h, d.stride_w) && good;
  if (reader.TakeToken("d"))
    good = SetBoth(reader.Numbers(numbers), numbers, d.dilation_h, d.dilation_w) && good;
  if (reader.Take("-bdw")) {
    d.bias_dw = 1;
  } else if (reader.Take("-bpw")) {
    d.bias_pw = 1;
  } else if (reader.Take("-b")) {
    d.bias_dw = d.bias_pw = 1;
  }
  if (reader.Take("-mid.")) d.act_mid = reader.Activation();
  if (reader.Take("-out.")) d.act_out = reader.Activation();
  if (!good || !reader.done() || d.stride_h < 1 || d.stride_w < 1) return std::nullopt;
  d.p = (d.h + d.pad_top + d.pad_bottom - (d.r - 1) * d.dilation_h - 1) / d.stride_h + 1;
  d.q = (d.w + d.pad_left + d.pad_right - (d.s - 1) * d.dilation_w - 1) / d.stride_w + 1;
  return d;
}

}  // namespace assay::dsconv::automatic
