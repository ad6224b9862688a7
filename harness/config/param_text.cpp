#include "harness/config/param_text.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "harness/config/suggest.h"

namespace assay {
namespace {

// Reads the integer that `text` begins with and drops it from there; nullopt if there is none.
std::optional<std::int64_t> TakeInteger(std::string_view* text, const Place& place) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc::result_out_of_range) {
    place.Fail(Quoted(*text) + ", which overflows", "an integer of 64 bits");
  }
  if (error != std::errc()) return std::nullopt;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  return value;
}

}  // namespace

ParamValue ParseParamText(const std::string& text, const Place& place) {
  std::vector<std::int64_t> numbers;
  std::string_view rest = text;
  while (const auto number = TakeInteger(&rest, place)) {
    numbers.push_back(*number);
    if (rest.empty()) {
      return numbers.size() == 1 ? ParamValue(numbers.front()) : ParamValue(std::move(numbers));
    }
    if (rest.front() != 'x') break;
    rest.remove_prefix(1);
  }
  return text;
}

std::string ParamText(const ParamValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* word = std::get_if<std::string>(&value)) return *word;
  return fmt::format("[{}]", fmt::join(std::get<std::vector<std::int64_t>>(value), ", "));
}

const ParamSpec* FindSpec(const Operator& op, std::string_view key) {
  for (const ParamSpec& spec : op.params()) {
    if (spec.name == key) return &spec;
  }
  return nullptr;
}

std::vector<std::string> ParamNames(const Operator& op) {
  std::vector<std::string> names;
  for (const ParamSpec& spec : op.params()) names.push_back(spec.name);
  return names;
}

}  // namespace assay
