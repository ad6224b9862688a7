#include "harness/tune/console.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "harness/report/text.h"
#include "harness/tune/held_out.h"
#include "harness/tune/search.h"

namespace assay {
namespace {

struct Counts {
  int tried = 0, pruned = 0, failed = 0, wrong = 0;

  void Add(const Trial& trial) {
    tried += trial.timed() ? 1 : 0;
    pruned += trial.state == TrialState::kPruned ? 1 : 0;
    failed += trial.state == TrialState::kFailed ? 1 : 0;
    wrong += trial.state == TrialState::kWrong ? 1 : 0;
  }
  std::string Text() const {
    return fmt::format("{} tried, {} pruned, {} failed{}", tried, pruned, failed,
                       wrong > 0 ? fmt::format(", {} WRONG", wrong) : "");
  }
};

Counts CountsOf(const std::vector<Trial>& trials) {
  Counts counts;
  for (const Trial& trial : trials) counts.Add(trial);
  return counts;
}

const Trial* OwnChoice(const std::vector<Trial>& trials, const std::string& variant) {
  for (const Trial& trial : trials) {
    if (trial.variant == variant && trial.own_choice && trial.timed()) return &trial;
  }
  return nullptr;
}

const Trial* WinnerOf(const std::vector<Trial>& trials, const std::string& variant) {
  return FastestRight(trials, [&](const std::string& name) { return name == variant; });
}

// Of the mean of logarithms.
struct Mean {
  double sum = 0;
  int count = 0;
  void Add(double ratio) { sum += std::log(ratio), ++count; }
  std::string Text() const { return count > 0 ? fmt::format("{:.3f}", std::exp(sum / count)) : "-"; }
};

struct VariantSummary {
  std::string name;
  Counts counts;
  int problems = 0, fastest = 0;
  Mean gain;  // of the winner over the variant's own choice
  double most = 0;
};

std::vector<VariantSummary> ByVariant(const TuneJournal& journal) {
  std::vector<VariantSummary> list;
  const auto of = [&](const std::string& name) -> VariantSummary& {
    const auto found = std::ranges::find(list, name, &VariantSummary::name);
    if (found != list.end()) return *found;
    list.emplace_back().name = name;
    return list.back();
  };
  for (const TuneRecord& record : journal.records) {
    for (const Trial& trial : record.trials) of(trial.variant).counts.Add(trial);
    const Trial* const best = FastestRight(record.trials, [](const std::string&) { return true; });
    if (best != nullptr) ++of(best->variant).fastest;
    for (VariantSummary& variant : list) {
      const Trial* const winner = WinnerOf(record.trials, variant.name);
      const Trial* const own = OwnChoice(record.trials, variant.name);
      if (winner == nullptr) continue;
      ++variant.problems;
      if (own == nullptr) continue;
      variant.gain.Add(own->median / winner->median);
      variant.most = std::max(variant.most, own->median / winner->median);
    }
  }
  return list;
}

std::string LossText(const TuneJournal& journal) {
  const std::string& picker = journal.header.picker;
  const std::vector<Loss> losses = LossesOf(journal);
  std::string text = fmt::format("\n{:>8} {:>10} {:>10}  problem, and what is fastest\n", picker + "/best",
                                 picker + " us", "best us");
  std::vector<Loss> known;
  for (const Loss& loss : losses) {
    if (loss.known()) known.push_back(loss);
  }
  std::ranges::stable_sort(known, [](const Loss& a, const Loss& b) { return a.ratio() > b.ratio(); });
  for (const Loss& loss : known) {
    text += fmt::format("{:>8.3f} {:>10.4g} {:>10.4g}  {}: {} {}\n", loss.ratio(), 1e6 * loss.pick->median,
                        1e6 * loss.best->median, loss.record->key.Text(), loss.best->variant,
                        loss.best->configuration);
  }
  text += fmt::format("geometric mean of {}/best: {:.4f} over {} of {} problems", picker,
                      GeometricMean(losses), known.size(), losses.size());
  if (!known.empty()) text += fmt::format("; at most {:.3f}", known.front().ratio());
  return text + "\n";
}

}  // namespace

std::string TuneLine(const TuneRecord& record, const std::string& picker, int done, int planned) {
  const std::string total = std::to_string(planned);
  std::string line = fmt::format("[{:>{}}/{}] {}: {}", done, total.size(), total, record.key.Text(),
                                 CountsOf(record.trials).Text());
  const auto other = [&](const std::string& variant) { return picker.empty() || variant != picker; };
  if (!record.not_tuned.empty()) {
    line += "; not tuned: " + record.not_tuned;
  } else if (const Trial* const best = FastestRight(record.trials, other); best != nullptr) {
    line += fmt::format("; best {} {} {:.4g} us", best->variant, best->configuration, 1e6 * best->median);
    const Trial* const own = OwnChoice(record.trials, picker.empty() ? best->variant : picker);
    if (own != nullptr) {
      line += picker.empty() ? fmt::format(", its own choice {:.3f} times that", own->median / best->median)
                             : fmt::format(", {} {:.3f} times that", picker, own->median / best->median);
    }
  } else {
    line += "; nothing is right";
  }
  line = OneLine(fmt::format("{}; {:.1f} s", line, record.seconds)) + "\n";
  for (const Trial& trial : record.trials) {
    if (trial.state != TrialState::kWrong && trial.state != TrialState::kFailed) continue;
    line += OneLine(fmt::format("  {}: {} {}: {}", trial.state == TrialState::kWrong ? "WRONG" : "failed",
                                trial.variant, trial.configuration, trial.why)) +
            "\n";
    if (trial.state == TrialState::kWrong) {
      line += fmt::format("    assay run --problem {} --dtype {} --layout {} --variant {}{}\n",
                          record.key.problem, record.key.dtype, record.key.layout, trial.variant,
                          trial.configuration.empty() ? "" : " --configuration " + trial.configuration);
    }
  }
  return line;
}

std::string TuneSummary(const TuneJournal& journal) {
  Counts all;
  double seconds = 0;
  int tuned = 0;
  for (const TuneRecord& record : journal.records) {
    for (const Trial& trial : record.trials) all.Add(trial);
    seconds += record.seconds;
    tuned += record.not_tuned.empty() ? 1 : 0;
  }
  std::string text = fmt::format("{} of {} problems (dtypes and layouts counted), {}, {:.0f} s\n", tuned,
                                 journal.header.planned, all.Text(), seconds);
  text += fmt::format("\n{:<16} {:>8} {:>8} {:>7} {:>7} {:>7} {:>9}  own choice / winner\n", "variant",
                      "problems", "fastest", "tried", "pruned", "failed", "wrong");
  for (const VariantSummary& variant : ByVariant(journal)) {
    text += fmt::format("{:<16} {:>8} {:>8} {:>7} {:>7} {:>7} {:>9}  {}", variant.name, variant.problems,
                        variant.fastest, variant.counts.tried, variant.counts.pruned, variant.counts.failed,
                        variant.counts.wrong, variant.gain.Text());
    if (variant.gain.count > 0) text += fmt::format(", at most {:.3f}", variant.most);
    text += "\n";
  }
  if (!journal.header.picker.empty()) text += LossText(journal);
  return text;
}

}  // namespace assay
