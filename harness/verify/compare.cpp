#include "harness/verify/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "harness/verify/tensor_io.h"

namespace assay {
namespace {

constexpr std::size_t kBlock = 2048;
// Below this, starting threads costs more than it saves.
constexpr std::int64_t kManyElements = 1 << 16;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The midpoint between the largest number and what the next would be: from here on IEEE 754 rounds to
// infinity.
double OverflowThreshold(assay_dtype dtype) {
  const double largest = LargestFinite(dtype);
  return largest + std::ldexp(UnitRoundoff(dtype), std::ilogb(largest));
}

double BoundOf(double reference, double magnitude, const ErrorBound& bound) {
  return magnitude * bound.to_magnitude + std::fabs(reference) * bound.to_reference + bound.absolute;
}

struct BlockSummary {
  std::int64_t wrong = 0;
  double max_share = 0;
};

// Without branches, so that the compiler can use vector instructions. Infinities and NaN count as wrong here.
template <class Magnitude>
BlockSummary SummarizeBlock(const float* got, const double* reference, const Magnitude* magnitude,
                            std::size_t count, const ErrorBound& bound) {
  std::int64_t wrong = 0;
  double share = 0;
#pragma omp simd reduction(+ : wrong) reduction(max : share)
  for (std::size_t i = 0; i < count; ++i) {
    const double allowed = BoundOf(reference[i], static_cast<double>(magnitude[i]), bound);
    const double error = std::fabs(static_cast<double>(got[i]) - reference[i]);
    const bool right = error <= allowed && allowed < kInfinity;  // false for NaN
    wrong += right ? 0 : 1;
    const double ratio = right && error > 0 ? error / allowed : 0;
    share = ratio > share ? ratio : share;
  }
  return {wrong, share};
}

// Whether a value is right where NaN or an infinity went into the sum.
bool RightBesideNoNumber(float got, double right, bool nan_too, bool number_too) {
  if (number_too && std::isnan(right)) return true;
  if (std::isnan(got)) return nan_too || std::isnan(right);
  if (std::isfinite(right)) return std::isfinite(got);
  return got == right;
}

}  // namespace

OutputComparer::OutputComparer(const TensorSpec& spec, assay_dtype dtype, assay_layout layout,
                               std::span<const std::byte> bits)
    : spec_(&spec), dtype_(dtype), layout_(layout), bits_(bits), overflow_(OverflowThreshold(dtype)) {
  const auto count = static_cast<std::size_t>(spec.Count());
  if (bits.size() != count * DTypeBytes(dtype)) {
    throw std::invalid_argument("output " + spec.name + " has " + std::to_string(bits.size()) +
                                " bytes instead of " + std::to_string(count * DTypeBytes(dtype)));
  }
}

OutputComparer::OutputComparer(const TensorSpec& spec, assay_dtype dtype, assay_layout layout,
                               std::span<const std::byte> bits, HostArray<float>& room)
    : OutputComparer(spec, dtype, layout, bits) {
  if (IsLogicalOrder(spec, layout)) return;
  const std::span<float> logical = room.Grow(static_cast<std::size_t>(spec.Count()));
  FromDeviceBits(spec, bits, dtype, layout, logical);
  logical_ = logical;
}

const float* OutputComparer::Got(std::int64_t first, std::size_t count, float* room) const {
  const auto at = static_cast<std::size_t>(first);
  if (!logical_.empty()) return logical_.data() + at;
  Decode(bits_.data() + at * DTypeBytes(dtype_), dtype_, {room, count});
  return room;
}

bool OutputComparer::NeverWritten(std::int64_t place, float got) const {
  if (!std::isnan(got)) return false;
  const std::size_t element = DTypeBytes(dtype_);
  const std::byte* at = bits_.data() + static_cast<std::size_t>(place) * element;
  return std::all_of(at, at + element, [](std::byte b) { return b == std::byte{0xFF}; });
}

void OutputComparer::Note(Comparison& found, std::int64_t index, std::int64_t place, double expected,
                          float got, double bound) const {
  const bool never_written = NeverWritten(place, got);
  ++found.wrong;
  found.never_written += never_written ? 1 : 0;
  if (!found.first || index < found.first->index)
    found.first = Comparison::Mismatch{index, expected, got, bound, never_written};
}

std::int64_t OutputComparer::PlaceOf(std::int64_t index, float got) const {
  return std::isnan(got) ? DeviceIndex(*spec_, layout_, index) : 0;
}

void OutputComparer::Merge(const Comparison& found) {
  const std::lock_guard lock(mutex_);
  found_.wrong += found.wrong;
  found_.never_written += found.never_written;
  if (found.first && (!found_.first || found.first->index < found_.first->index)) found_.first = found.first;
}

template <class Value>
std::int64_t CountAmong(std::span<const Value> values, std::span<const double> wanted) {
  const auto size = static_cast<std::int64_t>(values.size());
  std::int64_t count = 0;
  for (const double number : wanted) {
    const auto value = static_cast<Value>(number);
#pragma omp parallel for simd schedule(static) reduction(+ : count) if (parallel : size > kManyElements)
    for (std::int64_t i = 0; i < size; ++i) count += values[static_cast<std::size_t>(i)] == value ? 1 : 0;
  }
  return count;
}
template std::int64_t CountAmong<float>(std::span<const float>, std::span<const double>);
template std::int64_t CountAmong<double>(std::span<const double>, std::span<const double>);

template <class Value>
void OutputComparer::AddIdle(std::span<const Value> right) {
  idle_.fetch_add(CountAmong(right, idle_values_), std::memory_order_relaxed);
}

void OutputComparer::RaiseShare(double share) {
  double known = max_error_share_.load(std::memory_order_relaxed);
  while (share > known && !max_error_share_.compare_exchange_weak(known, share, std::memory_order_relaxed)) {
  }
}

std::int64_t OutputComparer::CountUnequal(const float* got, const float* right, std::size_t count) const {
  std::int64_t wrong = 0;
#pragma omp simd reduction(+ : wrong)
  for (std::size_t i = 0; i < count; ++i) wrong += EqualsExpected(got[i], right[i]) ? 0 : 1;
  return wrong;
}

void OutputComparer::CompareExact(std::int64_t first, std::span<const float> expected) {
  float room[kBlock];
  for (std::size_t begin = 0; begin < expected.size(); begin += kBlock) {
    const std::size_t count = std::min(kBlock, expected.size() - begin);
    const std::int64_t at = first + static_cast<std::int64_t>(begin);
    const float* got = Got(at, count, room);
    const float* right = expected.data() + begin;
    if (CountUnequal(got, right, count) == 0) continue;
    Comparison found;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t index = at + static_cast<std::int64_t>(i);
      if (!EqualsExpected(got[i], right[i])) Note(found, index, PlaceOf(index, got[i]), right[i], got[i], 0);
    }
    Merge(found);
  }
  AddIdle(expected);
  total_.fetch_add(static_cast<std::int64_t>(expected.size()), std::memory_order_relaxed);
}

void OutputComparer::CompareExactBits(std::int64_t first, std::span<const std::byte> expected, bool has_nan) {
  const std::size_t element = DTypeBytes(dtype_);
  const std::size_t size = expected.size() / element;
  const DeviceOrder order(*spec_, layout_);
  // The same bits are the same number, but for NaN, which is right only where special values are.
  const bool same_bits_are_right = special_values_ || !has_nan;
  float got[kBlock], right[kBlock];
  for (std::size_t begin = 0; begin < size; begin += kBlock) {
    const std::size_t count = std::min(kBlock, size - begin);
    const std::int64_t at = first + static_cast<std::int64_t>(begin);
    const std::byte* got_bits = bits_.data() + static_cast<std::size_t>(at) * element;
    const std::byte* right_bits = expected.data() + begin * element;
    if (same_bits_are_right && std::memcmp(got_bits, right_bits, count * element) == 0) continue;
    Decode(got_bits, dtype_, {got, count});
    Decode(right_bits, dtype_, {right, count});
    if (CountUnequal(got, right, count) == 0) continue;
    Comparison found;
    for (std::size_t i = 0; i < count; ++i) {
      if (EqualsExpected(got[i], right[i])) continue;
      const std::int64_t place = at + static_cast<std::int64_t>(i);
      Note(found, order.LogicalIndex(place), place, right[i], got[i], 0);
    }
    Merge(found);
  }
  total_.fetch_add(static_cast<std::int64_t>(size), std::memory_order_relaxed);
}

template <class Magnitude>
void OutputComparer::CompareBounded(std::int64_t first, std::span<const double> reference,
                                    std::span<const Magnitude> magnitude, const ErrorBound& bound) {
  float room[kBlock];
  double share = 0;
  for (std::size_t begin = 0; begin < reference.size(); begin += kBlock) {
    const std::size_t count = std::min(kBlock, reference.size() - begin);
    const std::int64_t at = first + static_cast<std::int64_t>(begin);
    const float* got = Got(at, count, room);
    const double* right = reference.data() + begin;
    const BlockSummary summary = SummarizeBlock(got, right, magnitude.data() + begin, count, bound);
    share = std::max(share, summary.max_share);
    if (summary.wrong == 0) continue;
    Comparison found;
    for (std::size_t i = 0; i < count; ++i) {
      const double allowed = BoundOf(right[i], static_cast<double>(magnitude[begin + i]), bound);
      const double error = std::fabs(static_cast<double>(got[i]) - right[i]);
      if (!std::isfinite(allowed)) {
        const bool infinite = std::isinf(static_cast<double>(magnitude[begin + i]));
        if (special_values_ &&
            RightBesideNoNumber(got[i], right[i], infinite && nan_for_infinity_, number_for_nan_))
          continue;
      } else if (error <= allowed) {
        continue;
      }
      const bool overflows = (got[i] == kInfinity && right[i] + allowed >= overflow_) ||
                             (got[i] == -kInfinity && right[i] - allowed <= -overflow_);
      if (overflows) continue;
      share = std::max(share, std::isnan(error) || allowed == 0 ? kInfinity : error / allowed);
      const std::int64_t index = at + static_cast<std::int64_t>(i);
      Note(found, index, PlaceOf(index, got[i]), right[i], got[i], allowed);
    }
    Merge(found);
  }
  RaiseShare(share);
  AddIdle(reference);
  total_.fetch_add(static_cast<std::int64_t>(reference.size()), std::memory_order_relaxed);
}

template void OutputComparer::CompareBounded<float>(std::int64_t, std::span<const double>,
                                                    std::span<const float>, const ErrorBound&);
template void OutputComparer::CompareBounded<double>(std::int64_t, std::span<const double>,
                                                     std::span<const double>, const ErrorBound&);

Comparison OutputComparer::Result() const {
  const std::lock_guard lock(mutex_);
  Comparison result = found_;
  result.total = total_.load();
  result.idle = idle_.load();
  result.max_error_share = max_error_share_.load();
  if (result.total != spec_->Count()) {
    throw std::logic_error("the reference gave " + std::to_string(result.total) + " elements of " +
                           spec_->name + " instead of " + std::to_string(spec_->Count()));
  }
  return result;
}

}  // namespace assay
