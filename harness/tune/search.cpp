#include "harness/tune/search.h"

#include <algorithm>

#include "harness/tune/halving.h"

namespace assay {
namespace {

constexpr int kFirstSamples = 3;
// A variant whose own choice takes this many times as long as the best own choice is not searched.
constexpr double kHopelessOwnChoice = 3;
constexpr double kIncumbentStays = 1.01;
constexpr double kTie = 1.005;
constexpr double kCloseToBest = 1.03;
constexpr double kOwnChoiceCounts = 1.3;
constexpr int kMostClose = 3;
// Of a variant that is wrong whatever is tried.
constexpr int kMostWrong = 8;

MeasureSettings QuickLook(const MeasureSettings& finals, int samples) {
  MeasureSettings quick = finals;
  quick.min_samples = quick.max_samples = samples;
  quick.min_seconds = 0;
  quick.input_sets = 1;
  quick.second_clock = false;
  return quick;
}

// Variants by their place, so that halving need not know names.
std::vector<Standing> StandingsOf(std::span<const Trial> trials, std::span<const std::size_t> places) {
  std::vector<std::string> names;
  std::vector<Standing> standings;
  for (const std::size_t place : places) {
    const Trial& trial = trials[place];
    auto found = std::ranges::find(names, trial.variant);
    if (found == names.end()) found = names.insert(names.end(), trial.variant);
    Standing& standing = standings.emplace_back();
    standing.variant = static_cast<std::size_t>(found - names.begin());
    standing.pinned = trial.own_choice || trial.incumbent;
    if (trial.state != TrialState::kFailed) standing.median = trial.median;
  }
  return standings;
}

// `stage` counts the rounds of the search.
void TimeRound(TuneBench& bench, std::span<Trial> trials, const std::vector<std::size_t>& places,
               const MeasureSettings& settings, int stage) {
  const std::vector<BenchResult> results = bench.Measure(places, settings);
  for (std::size_t i = 0; i < places.size(); ++i) {
    Trial& trial = trials[places[i]];
    trial.plan = bench.PlanOf(places[i]);
    if (!results[i].timing) {
      trial.state = TrialState::kFailed;
      trial.why = results[i].failed;
      continue;
    }
    const Timing& timing = *results[i].timing;
    trial.median = timing.median, trial.low = timing.low, trial.high = timing.high;
    trial.samples = static_cast<int>(timing.samples.size());
    trial.rounds = stage;
    trial.state = TrialState::kPruned;
  }
}

std::vector<std::size_t> Chosen(const std::vector<std::size_t>& places,
                                const std::vector<std::size_t>& which) {
  std::vector<std::size_t> chosen;
  for (const std::size_t place : which) chosen.push_back(places[place]);
  return chosen;
}

std::vector<std::string> VariantsOf(std::span<const Trial> trials) {
  std::vector<std::string> names;
  for (const Trial& trial : trials) {
    if (std::ranges::find(names, trial.variant) == names.end()) names.push_back(trial.variant);
  }
  return names;
}

// Times what variants choose by themselves. The places of everything but the other configurations of those
// that are far behind with it.
std::vector<std::size_t> WorthSearching(TuneBench& bench, std::span<Trial> trials,
                                        const MeasureSettings& finals, int stage, bool everything) {
  std::vector<std::size_t> own;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    trials[i].state = TrialState::kPruned;
    if (trials[i].own_choice) own.push_back(i);
  }
  TimeRound(bench, trials, own, QuickLook(finals, kFirstSamples), stage);
  double best = 0;
  for (const std::size_t place : own) {
    if (trials[place].timed() && (best == 0 || trials[place].median < best)) best = trials[place].median;
  }
  std::vector<std::string> hopeless;
  for (const std::size_t place : own) {
    if (trials[place].timed() && trials[place].median > kHopelessOwnChoice * best)
      hopeless.push_back(trials[place].variant);
  }
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const bool far_behind = !everything && std::ranges::find(hopeless, trials[i].variant) != hopeless.end();
    const bool out = trials[i].state == TrialState::kFailed || (far_behind && !trials[i].own_choice);
    if (!out) places.push_back(i);
  }
  return places;
}

}  // namespace

void Search(TuneBench& bench, std::span<Trial> trials, const MeasureSettings& finals, bool everything) {
  int stage = 1;
  std::vector<std::size_t> places = WorthSearching(bench, trials, finals, stage, everything);
  for (int samples = kFirstSamples; !places.empty(); samples *= 2) {
    TimeRound(bench, trials, places, QuickLook(finals, samples), ++stage);
    const std::vector<Standing> standings = StandingsOf(trials, places);
    const bool last = OnlyFinalists(standings);
    places = Chosen(places, BetterHalf(standings));
    if (last) break;
  }
  if (places.empty()) return;
  MeasureSettings narrow = finals;
  narrow.input_sets = 1;
  narrow.second_clock = false;
  TimeRound(bench, trials, places, narrow, ++stage);
  for (const std::size_t place : places) {
    if (trials[place].state == TrialState::kPruned) trials[place].state = TrialState::kFinalist;
  }
}

std::vector<std::size_t> InOrder(std::span<const Trial> trials, const std::string& variant) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].variant == variant && trials[i].timed() && trials[i].state != TrialState::kFailed)
      order.push_back(i);
  }
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    if (trials[a].rounds != trials[b].rounds) return trials[a].rounds > trials[b].rounds;
    return trials[a].median < trials[b].median;
  });
  if (order.empty()) return order;
  const Trial best = trials[order.front()];
  const auto close = [&](std::size_t place, double factor) {
    return trials[place].rounds == best.rounds && trials[place].median <= factor * best.median;
  };
  auto first = std::ranges::find_if(
      order, [&](std::size_t place) { return trials[place].incumbent && close(place, kIncumbentStays); });
  if (first == order.end()) {
    // Trials stand in the order in which the variant lists them.
    first = order.begin();
    for (auto each = order.begin(); each != order.end(); ++each) {
      if (*each < *first && close(*each, kTie)) first = each;
    }
  }
  std::rotate(order.begin(), first, first + 1);
  return order;
}

const Trial* FastestRight(std::span<const Trial> trials,
                          const std::function<bool(const std::string&)>& takes) {
  const Trial* fastest = nullptr;
  for (const Trial& trial : trials) {
    if (trial.state != TrialState::kRight || !takes(trial.variant)) continue;
    if (fastest == nullptr || trial.median < fastest->median) fastest = &trial;
  }
  return fastest;
}

void JudgeWinners(std::span<Trial> trials, const JudgeTrial& judge) {
  for (const std::string& variant : VariantsOf(trials)) {
    int wrong = 0;
    for (const std::size_t place : InOrder(trials, variant)) {
      judge(trials[place]);
      if (trials[place].state == TrialState::kRight || ++wrong == kMostWrong) break;
    }
  }
  const Trial* const fastest = FastestRight(trials, [](const std::string&) { return true; });
  if (fastest == nullptr) return;
  const double best = fastest->median;
  std::vector<std::size_t> finalists;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].state == TrialState::kFinalist) finalists.push_back(i);
  }
  std::ranges::stable_sort(finalists, {}, [&](std::size_t place) { return trials[place].median; });
  int close = 0;
  for (const std::size_t place : finalists) {
    Trial& trial = trials[place];
    const bool counts = trial.own_choice && trial.median <= kOwnChoiceCounts * best;
    if (!counts && (trial.median > kCloseToBest * best || close == kMostClose)) continue;
    judge(trial);
    if (!counts) ++close;
  }
}

void JudgePick(std::span<Trial> trials, const std::string& picker, const JudgeTrial& judge) {
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (!trials[i].timed() || trials[i].state == TrialState::kFailed) continue;
    if (trials[i].variant == picker) {
      judge(trials[i]);
    } else if (trials[i].state == TrialState::kFinalist) {
      others.push_back(i);
    }
  }
  std::ranges::stable_sort(others, {}, [&](std::size_t place) { return trials[place].median; });
  for (const std::size_t place : others) {
    judge(trials[place]);
    if (trials[place].state == TrialState::kRight) return;
  }
}

}  // namespace assay
