#include "harness/tune/held_out.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "harness/tune/search.h"

namespace assay {
namespace {

// In double quotes if it has to be.
std::string Cell(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c == '\n' ? ' ' : c);
  return quoted + "\"";
}

std::string Times(const Trial* trial) {
  if (trial == nullptr) return ",,";
  return fmt::format("{:.5g},{:.5g},{:.5g}", 1e6 * trial->median, 1e6 * trial->low, 1e6 * trial->high);
}

// "1.0488 over 2 of 3"
std::string MeanText(std::span<const Loss> losses) {
  const auto known = std::ranges::count_if(losses, [](const Loss& loss) { return loss.known(); });
  return fmt::format("{:.4f} over {} of {}", GeometricMean(losses), known, losses.size());
}

}  // namespace

std::vector<Loss> LossesOf(const TuneJournal& journal) {
  const std::string& picker = journal.header.picker;
  std::vector<Loss> losses;
  for (const TuneRecord& record : journal.records) {
    Loss& loss = losses.emplace_back();
    loss.record = &record;
    loss.pick = FastestRight(record.trials, [&](const std::string& variant) { return variant == picker; });
    loss.best = FastestRight(record.trials, [&](const std::string& variant) { return variant != picker; });
    for (const Trial& trial : record.trials) loss.tried += trial.timed() && trial.variant != picker ? 1 : 0;
  }
  return losses;
}

double GeometricMean(std::span<const Loss> losses) {
  double sum = 0;
  int count = 0;
  for (const Loss& loss : losses) {
    if (!loss.known()) continue;
    sum += std::log(loss.ratio());
    ++count;
  }
  return count > 0 ? std::exp(sum / count) : 0;
}

std::string HeldOutCsv(const TuneJournal& journal) {
  const std::vector<Loss> losses = LossesOf(journal);
  const std::string& picker = journal.header.picker;
  std::map<std::string, std::vector<Loss>> by_kind;
  for (const Loss& loss : losses)
    by_kind[loss.record->key.dtype + "/" + loss.record->key.layout].push_back(loss);
  std::string text = fmt::format(
      "# What `{}` loses against the fastest of all configurations that it could have picked, on problems "
      "that\n"
      "# the table does not hold. Medians of cold launches in microseconds, sampled side by side, with "
      "their\n"
      "# 95 % intervals; pick and best were judged right.\n"
      "# {}: {}\n# {}\n# geometric mean of {}/best: {}\n",
      picker, journal.header.gpu, journal.header.environment, journal.header.command, picker,
      MeanText(losses));
  for (const auto& [kind, list] : by_kind) text += fmt::format("#   {}: {}\n", kind, MeanText(list));
  text +=
      "op,problem,dtype,layout,label,ratio,pick_us,pick_low_us,pick_high_us,best_us,best_low_us,best_high_us,"
      "best_variant,best_configuration,tried,pick,why_not\n";
  for (const Loss& loss : losses) {
    const TuneRecord& record = *loss.record;
    std::string why = record.not_tuned;
    for (const Trial& trial : record.trials) {
      if (why.empty() && trial.variant == picker && trial.state != TrialState::kRight) why = trial.why;
    }
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{}\n", record.key.op, record.key.problem,
                        record.key.dtype, record.key.layout, Cell(record.label),
                        loss.known() ? fmt::format("{:.4f}", loss.ratio()) : "", Times(loss.pick),
                        Times(loss.best), loss.best != nullptr ? loss.best->variant : "",
                        loss.best != nullptr ? loss.best->configuration : "", loss.tried,
                        loss.pick != nullptr ? Cell(loss.pick->plan) : "", Cell(why));
  }
  return text;
}

}  // namespace assay
