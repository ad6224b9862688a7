#include "harness/measure/stop_rule.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "harness/record/statistics.h"

namespace assay {

bool IsNarrow(std::span<const double> samples, const MeasureSettings& settings) {
  if (samples.empty()) return false;
  const Estimate estimate = MedianWithInterval(samples, settings.confidence);
  if (estimate.coverage < settings.confidence) return false;
  const double allowed = settings.relative_width * estimate.median;
  return estimate.high - estimate.median <= allowed && estimate.median - estimate.low <= allowed;
}

std::optional<std::string> StopReason(const Progress& progress, const MeasureSettings& settings) {
  const bool full = progress.taken >= settings.max_samples;
  const bool late = progress.wall_seconds >= settings.max_seconds;
  const bool enough = static_cast<int>(progress.kept.size()) >= settings.min_samples;
  const double sum = std::accumulate(progress.kept.begin(), progress.kept.end(), 0.0);
  if (enough && (sum >= settings.min_seconds || full || late) && IsNarrow(progress.kept, settings))
    return "interval";
  if (full) return "samples";
  if (late) return "time";
  return std::nullopt;
}

int NextBatch(const Progress& progress, const MeasureSettings& settings) {
  constexpr int kFirst = 5;
  constexpr int kMost = 20;
  constexpr double kWallSeconds = 0.03;
  int size = kFirst;
  if (progress.taken > 0 && progress.wall_seconds > 0) {
    const double fit = kWallSeconds * progress.taken / progress.wall_seconds;
    size = static_cast<int>(std::clamp(fit, 1.0, static_cast<double>(kMost)));
  }
  return std::max(1, std::min(size, settings.max_samples - progress.taken));
}

void CheckSettings(const MeasureSettings& settings) {
  const auto need = [](bool ok, const char* rule) {
    if (!ok) throw std::invalid_argument(std::string("measure settings: ") + rule);
  };
  need(settings.min_samples >= 1, "min_samples must be at least 1");
  need(settings.max_samples >= settings.min_samples, "max_samples must be at least min_samples");
  need(settings.min_seconds >= 0, "min_seconds must not be negative");
  need(settings.max_seconds > 0, "max_seconds must be positive");
  need(settings.confidence > 0 && settings.confidence < 1, "confidence must lie between 0 and 1");
  need(settings.relative_width > 0, "relative_width must be positive");
  need(settings.input_sets >= 1, "input_sets must be at least 1");
}

}  // namespace assay
