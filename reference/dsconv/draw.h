// Where the fills take their numbers from.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "reference/dsconv/problem.h"

namespace assay::dsconv {

// The finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA
// 2014).
inline std::uint64_t Mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// 2^exponent, in place of std::ldexp for each of many numbers.
inline double PowerOfTwo(int exponent) { return std::ldexp(1.0, exponent); }

// Calls body(image, channel, first pixel, pixels) for pieces of the planes of x, in parallel.
template <class Body>
void ForEachPiece(const Shape& d, const Body& body) {
  constexpr std::int64_t kPixels = 1 << 14;
  const std::int64_t plane = d.h * d.w, pieces = (plane + kPixels - 1) / kPixels;
#pragma omp parallel for collapse(3) schedule(static)
  for (std::int64_t n = 0; n < d.n; ++n) {
    for (std::int64_t c = 0; c < d.c; ++c) {
      for (std::int64_t i = 0; i < pieces; ++i)
        body(n, c, i * kPixels, std::min(kPixels, plane - i * kPixels));
    }
  }
}

// A stream of 64-bit hashes, reached by index.
class Stream {
 public:
  Stream(std::uint64_t seed, std::uint64_t tensor) : key_(Mix(Mix(seed + kGamma) + (tensor + 1) * kGamma)) {}

  std::uint64_t At(std::int64_t i) const { return Mix(key_ + static_cast<std::uint64_t>(i) * kGamma); }

  // A uniform integer from -largest to largest.
  std::int64_t Integer(std::int64_t i, std::int64_t largest) const {
    const auto choices = static_cast<std::uint64_t>(2 * largest + 1);
    return static_cast<std::int64_t>(((At(i) >> 32) * choices) >> 32) - largest;
  }

  // Likewise without zero.
  std::int64_t NonZeroInteger(std::int64_t i, std::int64_t largest) const {
    const auto choices = static_cast<std::uint64_t>(2 * largest);
    const auto choice = static_cast<std::int64_t>(((At(i) >> 32) * choices) >> 32) - largest;
    return choice >= 0 ? choice + 1 : choice;
  }

  // Mean 0, variance 1, within +-3.47: the sum of four uniform numbers, which is close to a normal one.
  double Bell(std::int64_t i) const {
    const std::uint64_t bits = At(i);
    const auto sum = static_cast<std::int64_t>((bits & 0xffff) + ((bits >> 16) & 0xffff) +
                                               ((bits >> 32) & 0xffff) + (bits >> 48));
    return static_cast<double>(sum - 2 * 0xffff) * (std::sqrt(3.0) / 65536);
  }

 private:
  static constexpr std::uint64_t kGamma = 0x9e3779b97f4a7c15;
  std::uint64_t key_;
};

// Which `chosen` of `size` places are in the subset of group g: a window over the places in a shuffled order,
// moved on by its own length from one group to the next. So every place is in some group once groups * chosen
// >= size.
class Subset {
 public:
  Subset(std::uint64_t seed, std::int64_t size, std::int64_t chosen) : size_(size), chosen_(chosen) {
    const Stream stream(seed, 100);
    offset_ = static_cast<std::int64_t>(stream.At(0) % static_cast<std::uint64_t>(size));
    // place -> factor * place + offset (mod size) is a permutation if factor has no common divisor with size.
    std::int64_t draw = 1;
    do {
      factor_ = static_cast<std::int64_t>(stream.At(draw++) % static_cast<std::uint64_t>(size)) + 1;
    } while (std::gcd(factor_, size) != 1);
  }

  bool Contains(std::int64_t group, std::int64_t place) const {
    if (chosen_ == size_) return true;
    // All factors are below 2^31 (kMaxParam), so the products stay within int64.
    const std::int64_t position = (factor_ * place + offset_) % size_;
    const std::int64_t start = (group % size_) * chosen_ % size_;
    return (position - start + size_) % size_ < chosen_;
  }

 private:
  std::int64_t size_;
  std::int64_t chosen_;
  std::int64_t factor_ = 1;
  std::int64_t offset_ = 0;
};

}  // namespace assay::dsconv
