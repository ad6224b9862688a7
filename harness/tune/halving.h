// Successive halving: a few samples of everything, more for the better half, until few are left.
// K. Jamieson, A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
// AISTATS 2016, section 3; here with two shortcuts for what is far behind.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace assay {

struct Standing {
  std::size_t variant = 0;
  bool pinned = false;           // goes on however it stands: a variant's own choice, and last time's winner
  std::optional<double> median;  // seconds; nothing: it failed, and is out
};

// So many of a variant's configurations are compared to the end, those that are pinned aside.
inline constexpr std::size_t kFinalists = 3;

// The places of those that go on, in order. Of each variant the better half, at least kFinalists, as far as
// they are not more than 1.3 times as slow as its best, and those that are pinned; of a variant whose best
// takes more than twice as long as the best of all, only that one.
std::vector<std::size_t> BetterHalf(std::span<const Standing> standings);

// No variant has more than kFinalists beside those that are pinned.
bool OnlyFinalists(std::span<const Standing> standings);

}  // namespace assay
