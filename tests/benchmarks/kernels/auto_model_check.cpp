// What the model of `auto` would lose on problems that were tuned, if the table did not hold them: for work
// on kernels/dsconv/auto/model.h without a GPU.
//
//   auto_model_check tune.jsonl [without-variant ...]
//
// The journal of `assay tune` has the time of every configuration. Each problem is left out of the table in
// turn, and so is, in a second figure, every other one of the same layer (whatever its batch); the model
// picks, and the pick's time is held against the fastest. Times of what was left behind early rest on few
// samples.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/tune/journal.h"
#include "kernels/dsconv/auto/model.h"

namespace {

using namespace assay;
using namespace assay::dsconv::automatic;

struct Known {
  const TuneRecord* record;
  Sizes sizes;
  Offers offers;                          // that have a time
  std::map<std::string, double> seconds;  // by "variant configuration"
  double best = 0;
  std::string fastest;
};

std::string NameOf(const std::string& variant, const std::string& configuration) {
  return variant + " " + configuration;
}

Known KnownOf(const TuneRecord& record, const std::set<std::string>& without) {
  Known known{&record, ParseSizes(record.key.problem).value(), {}, {}, 0, {}};
  for (const Trial& trial : record.trials) {
    if (!trial.timed() || without.contains(trial.variant)) continue;
    known.offers.push_back({trial.variant, trial.configuration, trial.cost});
    known.seconds[NameOf(trial.variant, trial.configuration)] = trial.median;
    if (trial.state == TrialState::kRight && (known.best == 0 || trial.median < known.best)) {
      known.best = trial.median;
      known.fastest = NameOf(trial.variant, trial.configuration);
    }
  }
  return known;
}

bool SameLayer(Sizes a, const Sizes& b) {
  a.n = b.n, a.bias_dw = b.bias_dw, a.bias_pw = b.bias_pw, a.act_mid = b.act_mid, a.act_out = b.act_out;
  return a == b;
}

// The rows of the table, in the text that `auto` reads.
std::vector<TableRow> RowsOf(const std::vector<Known>& all, std::deque<std::string>& lines) {
  std::vector<TableRow> rows;
  for (const Known& known : all) {
    const TuneKey& key = known.record->key;
    for (const Trial& trial : known.record->trials) {
      if (trial.state != TrialState::kRight ||
          !known.seconds.contains(NameOf(trial.variant, trial.configuration)))
        continue;
      lines.push_back(fmt::format("GPU,9.0,132,{},{},{},{},{},{},{}", key.op, key.problem, key.dtype,
                                  key.layout, trial.variant, trial.configuration, 1e6 * trial.median));
      if (const auto row = ParseRow(lines.back())) rows.push_back(*row);
    }
  }
  return rows;
}

struct Mean {
  double sum = 0, most = 0;
  int count = 0;
  void Add(double ratio) { sum += std::log(ratio), most = std::max(most, ratio), ++count; }
  std::string Text() const {
    return count > 0 ? fmt::format("{:.4f} (at most {:.3f}, {} problems)", std::exp(sum / count), most, count)
                     : "-";
  }
};

void Check(const std::vector<Known>& all, bool leave_layer, bool verbose) {
  std::deque<std::string> lines;
  const std::vector<TableRow> rows = RowsOf(all, lines);
  std::map<std::string_view, const Known*> by_problem;
  for (const Known& known : all) by_problem[known.record->key.problem] = &known;
  const OffersAt offers_at = [&](const TableRow& row) -> const Offers& {
    return by_problem.at(row.problem)->offers;
  };
  Mean model, rule, own;
  for (const Known& known : all) {
    std::vector<TableRow> others;
    for (const TableRow& row : rows) {
      if (leave_layer ? !SameLayer(row.sizes, known.sizes) : !(row.sizes == known.sizes))
        others.push_back(row);
    }
    const auto ratio = [&](const Pick& pick) {
      return known.seconds.at(NameOf(pick.variant, pick.configuration)) / known.best;
    };
    const assay_layout layout = known.record->key.layout == "nhwc" ? ASSAY_NHWC : ASSAY_NCHW;
    const std::vector<Pick> picks = RankPicks(known.sizes, layout, others, known.offers, offers_at);
    if (picks.empty() || known.best == 0) continue;
    model.Add(ratio(picks.front()));
    rule.Add(ratio(RankByRule(known.offers, layout).front()));
    // The best of all variants' own choices: what a perfect choice among them would give.
    double least = 0;
    std::string variant;
    for (const Offer& offer : known.offers) {
      if (offer.variant == variant) continue;
      variant = offer.variant;
      const double seconds = known.seconds.at(NameOf(offer.variant, offer.configuration));
      if (least == 0 || seconds < least) least = seconds;
    }
    own.Add(least / known.best);
    if (verbose) {
      fmt::print("{:7.3f} {:9.3f} us best {:9.3f}  {}: {} {}, fastest {}\n", ratio(picks.front()),
                 1e6 * known.best * ratio(picks.front()), 1e6 * known.best, known.record->key.problem,
                 picks.front().variant, picks.front().configuration, known.fastest);
    }
  }
  fmt::print("  {}: model {}; rule {}; best own choice {}\n",
             leave_layer ? "layer left out  " : "problem left out", model.Text(), rule.Text(), own.Text());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: auto_model_check tune.jsonl [without-variant ...]\n");
    return 2;
  }
  const TuneJournal journal = ReadTuneJournal(argv[1]);
  const std::set<std::string> without(argv + 2, argv + argc);
  std::map<std::string, std::vector<Known>> by_kind;
  for (const TuneRecord& record : journal.records)
    by_kind[record.key.dtype + "/" + record.key.layout].push_back(KnownOf(record, without));
  for (const auto& [kind, all] : by_kind) {
    fmt::print("{}\n", kind);
    Check(all, false, true);
    Check(all, true, false);
  }
  return 0;
}
