// Holds one output of a launch against its reference, element by element.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "harness/verify/host_array.h"
#include "reference/dtype.h"
#include "reference/operator.h"

namespace assay {

struct Comparison {
  std::int64_t total = 0;  // elements compared
  std::int64_t wrong = 0;
  std::int64_t never_written =
      0;                  // of the wrong ones: still bearing the poison that stood there before the launch
  std::int64_t idle = 0;  // of the right values, those that say little; see CountIdle
  double max_error_share = 0;  // largest |error| / bound; infinity for a value that no bound can excuse

  struct Mismatch {
    std::int64_t index = 0;  // in logical order
    double expected = 0;
    double got = 0;
    double bound = 0;
    bool never_written = false;
  };
  std::optional<Mismatch> first;  // the wrong element that stands first in logical order
};

// How many of the values are one of `wanted`; by several threads where there are many.
template <class Value>
std::int64_t CountAmong(std::span<const Value> values, std::span<const double> wanted);

// Compare calls may come from several threads at once, with runs of elements in logical order, each element
// once.
class OutputComparer {
 public:
  // `bits` is the output as device memory held it; `room` is memory that may be kept from one output to the
  // next.
  OutputComparer(const TensorSpec& spec, assay_dtype dtype, assay_layout layout,
                 std::span<const std::byte> bits, HostArray<float>& room);
  // For CompareExactBits alone.
  OutputComparer(const TensorSpec& spec, assay_dtype dtype, assay_layout layout,
                 std::span<const std::byte> bits);

  // From here on the reference's values that are one of these are counted.
  void CountIdle(std::vector<double> values) { idle_values_ = std::move(values); }

  // NaN and infinities among the inputs: from here on NaN is right where the reference is NaN, and an
  // infinity where it is that infinity. Where the reference is finite in spite of an infinite magnitude (an
  // activation clipped an infinity), anything finite is. `nan_for_infinity`: NaN too, wherever the magnitude
  // is infinite. Without this call NaN is never right.
  // `number_for_nan`: any number is right where the reference is NaN.
  void ExpectSpecialValues(bool nan_for_infinity, bool number_for_nan) {
    special_values_ = true;
    number_for_nan_ = number_for_nan;
    nan_for_infinity_ = nan_for_infinity;
  }

  // Right is what equals the reference as a number: -0 equals +0, NaN equals nothing.
  void CompareExact(std::int64_t first, std::span<const float> expected);
  // Likewise for a run in the order of device memory, from element `first` of that order on, where `expected`
  // are the right values' bits. `has_nan`: there may be NaN among them. Counts nothing as idle.
  void CompareExactBits(std::int64_t first, std::span<const std::byte> expected, bool has_nan);
  // Right is what lies within the bound, or an infinity where reference and bound reach past the dtype's
  // largest number.
  template <class Magnitude>
  void CompareBounded(std::int64_t first, std::span<const double> reference,
                      std::span<const Magnitude> magnitude, const ErrorBound& bound);

  // Throws std::logic_error unless every element was compared.
  Comparison Result() const;

 private:
  // The elements first .. first + count - 1 as numbers; `room` has space for them.
  const float* Got(std::int64_t first, std::size_t count, float* room) const;
  bool EqualsExpected(float got, float right) const {
    return got == right || (special_values_ && right != right && (got != got || number_for_nan_));
  }
  std::int64_t CountUnequal(const float* got, const float* right, std::size_t count) const;
  // By its place in device memory.
  bool NeverWritten(std::int64_t place, float got) const;
  // Counts a wrong element, of that logical index and place in device memory, in `found`.
  void Note(Comparison& found, std::int64_t index, std::int64_t place, double expected, float got,
            double bound) const;
  // In device memory; only what is NaN may still be the poison, so for others it is not looked for.
  std::int64_t PlaceOf(std::int64_t index, float got) const;
  void Merge(const Comparison& found);
  void RaiseShare(double share);
  template <class Value>
  void AddIdle(std::span<const Value> right);

  const TensorSpec* spec_;
  assay_dtype dtype_;
  assay_layout layout_;
  std::span<const std::byte> bits_;
  std::span<const float> logical_;  // empty: bits_ are decoded as they are needed
  double overflow_;                 // numbers of this magnitude and up round to infinity

  std::vector<double> idle_values_;
  bool special_values_ = false;
  bool nan_for_infinity_ = false;
  bool number_for_nan_ = false;

  std::atomic<std::int64_t> total_ = 0;
  std::atomic<std::int64_t> idle_ = 0;
  std::atomic<double> max_error_share_ = 0;
  mutable std::mutex mutex_;
  Comparison found_;  // guarded by mutex_
};

}  // namespace assay
