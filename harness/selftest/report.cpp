// What a person reads of a selftest.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/selftest/selftest.h"

namespace assay {
namespace {

using State = RowResult::State;

constexpr std::pair<std::uint32_t, const char*> kCatchers[] = {
    {faulty::kExact, "exact"},
    {faulty::kBounded, "bounded"},
    {faulty::kPrecision, "precision"},
    {faulty::kSpecialValues, "special values"},
    {faulty::kMemory, "memory"},
    {faulty::kOrder, "order"},
    {faulty::kAfterTiming, "after timing"},
    {faulty::kLaunch, "launch error"},
    {faulty::kClock, "no time believed"},
    {faulty::kWorker, "worker lost"},
    {faulty::kSanitizer, "sanitizer"},
};

std::string NamesOf(std::uint32_t catchers) {
  std::vector<std::string> names;
  for (const auto& [bit, name] : kCatchers) {
    if ((catchers & bit) != 0) names.emplace_back(name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

const char* StateName(State state) {
  switch (state) {
    case State::kCaught:
      return "caught";
    case State::kEscaped:
      return "ESCAPED";
    case State::kWaiting:
      return "waiting";
    case State::kRight:
      return "right";
    case State::kAccused:
      return "ACCUSED";
    case State::kNotShown:
      return "not shown";
  }
  return "?";
}

std::string Finding(const RowResult& result) {
  const std::string share = fmt::format("{} of {} cases", result.not_right, result.cases);
  switch (result.state) {
    case State::kCaught: {
      const bool expected = (result.caught_by & result.row->caught_by) != 0;
      return fmt::format("{} in {}{}", NamesOf(result.caught_by), share,
                         expected ? "" : "; expected " + NamesOf(result.row->caught_by));
    }
    case State::kEscaped:
      return fmt::format("expected {}; {}", NamesOf(result.row->caught_by),
                         result.cases > 0 ? "0 of " + std::to_string(result.cases) + " cases" : result.note);
    case State::kWaiting:
      return fmt::format("for a step that is not in use yet: {}",
                         NamesOf(result.row->caught_by & kStepsToCome));
    case State::kRight:
      return fmt::format("in {} cases", result.cases);
    case State::kAccused:
      return fmt::format("in {}: {}", share, result.note);
    case State::kNotShown:
      return result.note;
  }
  return {};
}

}  // namespace

std::string RenderSelftest(const std::vector<RowResult>& results) {
  std::string text;
  std::map<State, int> count;
  std::map<std::uint32_t, int> by_catcher;
  for (const RowResult& result : results) {
    ++count[result.state];
    for (const auto& [bit, name] : kCatchers) {
      if (result.state == State::kCaught && (result.caught_by & bit) != 0) ++by_catcher[bit];
    }
    text += fmt::format("{:<9}  {:<28}  {}\n", StateName(result.state), result.row->name, Finding(result));
    if (result.state != State::kRight) text += fmt::format("{:11}{:<28}  {}\n", "", "", result.row->fault);
  }
  const int run = count[State::kCaught] + count[State::kEscaped] + count[State::kWaiting];
  text += fmt::format("\nFaults caught: {} of {}", count[State::kCaught], run);
  if (count[State::kEscaped] > 0) text += fmt::format(", {} escaped", count[State::kEscaped]);
  if (count[State::kWaiting] > 0) text += fmt::format(", {} wait for a step to come", count[State::kWaiting]);
  if (count[State::kNotShown] > 0) text += fmt::format("; {} not shown here", count[State::kNotShown]);
  text += '\n';
  for (const auto& [bit, name] : kCatchers) {
    if (by_catcher[bit] > 0) text += fmt::format("  {:<17} {:>3}\n", name, by_catcher[bit]);
  }
  text += fmt::format("Controls right: {} of {}\n", count[State::kRight],
                      count[State::kRight] + count[State::kAccused]);
  return text;
}

}  // namespace assay
