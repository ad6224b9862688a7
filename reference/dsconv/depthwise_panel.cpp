#include "reference/dsconv/depthwise_panel.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "reference/dsconv/plain.h"

namespace assay::dsconv {
namespace {

// Four doubles or eight floats; without AVX the compiler splits them.
constexpr std::int64_t kVectorBytes = 32;
template <typename T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kVectorBytes)));
};

// out[i] = start + sum_t weights[t] * taps[t][i] for `Vectors` vectors of outputs: the sums stay in registers
// over all taps.
template <typename T, int Vectors>
inline void SumTaps(const T* const* taps, const T* weights, std::int64_t num_taps, T start,
                    std::int64_t first, T* out) {
  using Vector = typename VectorOf<T>::Type;
  constexpr std::int64_t kLanes = kVectorBytes / sizeof(T);
  Vector sums[Vectors];
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) sums[v] = Vector{} + start;
  for (std::int64_t t = 0; t < num_taps; ++t) {
    const T* source = taps[t] + first;
    const T weight = weights[t];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      Vector values;
      std::memcpy(&values, source + v * kLanes, sizeof(values));
      sums[v] += weight * values;
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) std::memcpy(out + first + v * kLanes, &sums[v], sizeof(Vector));
}

// Likewise for `length` outputs, rounded up to a multiple of 8.
template <typename T>
void SumSegment(const T* const* taps, const T* weights, std::int64_t num_taps, T start, std::int64_t length,
                T* out) {
  constexpr std::int64_t kLanes = kVectorBytes / sizeof(T);
  constexpr int kStep = 8;  // eight sums hide the latency of the multiply-add
  std::int64_t i = 0;
  for (; i + kStep * kLanes <= length; i += kStep * kLanes) {
    SumTaps<T, kStep>(taps, weights, num_taps, start, i, out);
  }
  for (; i < length; i += 8) SumTaps<T, 8 / kLanes>(taps, weights, num_taps, start, i, out);
}

// out[i] = map(row[start + i * stride]) for begin <= i < end, and zero for the rest of `length`.
template <typename T, typename Map>
void CopyBetweenZeros(const float* row, std::int64_t start, std::int64_t stride, std::int64_t begin,
                      std::int64_t end, std::int64_t length, T* out, Map map) {
  std::fill(out, out + begin, T{0});
  if (stride == 1) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = map(row[start + i]);
  } else {
    for (std::int64_t i = begin; i < end; ++i) out[i] = map(row[start + i * stride]);
  }
  std::fill(out + end, out + length, T{0});
}

}  // namespace

DepthwisePanel::DepthwisePanel(const Shape& shape, std::span<const std::span<const float>> inputs,
                               std::int64_t longest_segment, bool magnitude)
    : shape_(shape),
      x_(inputs[kX]),
      weights_(inputs[kWDw]),
      bias_(inputs[kBDw]),
      magnitude_(magnitude),
      phase_length_(longest_segment + (shape.EffectiveS() - 1) / shape.stride_w + kPanelSlack),
      rows_(static_cast<std::size_t>(shape.r)) {
  // Taps use as many phases as there are distinct remainders; only those are stored, one after the other.
  const std::int64_t phases = std::min(shape_.stride_w, shape_.EffectiveS());
  for (Row& row : rows_) {
    row.values.resize(static_cast<std::size_t>(phases * phase_length_));
    if (magnitude_) row.magnitudes.resize(static_cast<std::size_t>(phases * phase_length_));
  }
  const auto taps = static_cast<std::size_t>(shape.r * shape.s);
  taps_.values.reserve(taps);
  taps_.magnitudes.reserve(taps);
  taps_.weights.reserve(taps);
  taps_.weight_magnitudes.reserve(taps);
}

void DepthwisePanel::Load(Row& row, const float* source, const RowSegment& segment) {
  const std::int64_t stride = shape_.stride_w;
  const std::int64_t first = segment.q * stride - shape_.pad_left;
  const std::int64_t phases = std::min(stride, shape_.EffectiveS());
  const std::int64_t length = segment.length + (shape_.EffectiveS() - 1) / stride;
  for (std::int64_t phase = 0; phase < phases; ++phase) {
    double* values = row.values.data() + phase * phase_length_;
    // Element i holds column start + i * stride; those from `begin` to `end` lie in the image.
    const std::int64_t start = first + phase;
    const std::int64_t begin = std::min(length, start >= 0 ? 0 : (-start + stride - 1) / stride);
    const std::int64_t end =
        std::max(begin, std::min(length, start >= shape_.w ? 0 : (shape_.w - start + stride - 1) / stride));
    CopyBetweenZeros<double>(source, start, stride, begin, end, length, values, [](float x) { return x; });
    if (!magnitude_) continue;
    CopyBetweenZeros<float>(source, start, stride, begin, end, length,
                            row.magnitudes.data() + phase * phase_length_,
                            [](float x) { return std::fabs(x); });
  }
}

const DepthwisePanel::Row& DepthwisePanel::FindRow(std::int64_t number, std::int64_t top, const float* image,
                                                   const RowSegment& segment) {
  Row* free = nullptr;
  for (Row& row : rows_) {
    if (row.number == number) return row;
    // Not among the rows top, top + dilation_h, ... that this output row needs. Output rows come in rising
    // order, so no row held lies below them.
    if (row.number < top || (row.number - top) % shape_.dilation_h != 0) free = &row;
  }
  free->number = number;
  Load(*free, image + number * shape_.w, segment);
  return *free;
}

void DepthwisePanel::GatherTaps(std::int64_t c, const float* image, const RowSegment& segment) {
  taps_.values.clear();
  taps_.magnitudes.clear();
  taps_.weights.clear();
  taps_.weight_magnitudes.clear();
  const std::int64_t top = segment.p * shape_.stride_h - shape_.pad_top;
  const std::int64_t above = top < 0 ? (-top + shape_.dilation_h - 1) / shape_.dilation_h : 0;
  for (std::int64_t r = above; r < shape_.r; ++r) {
    const std::int64_t number = top + r * shape_.dilation_h;
    if (number >= shape_.h) break;
    const Row& row = FindRow(number, top, image, segment);
    for (std::int64_t s = 0; s < shape_.s; ++s) {
      const std::int64_t offset = s * shape_.dilation_w;
      const std::int64_t place = offset % shape_.stride_w * phase_length_ + offset / shape_.stride_w;
      const float weight = weights_[static_cast<std::size_t>((c * shape_.r + r) * shape_.s + s)];
      taps_.values.push_back(row.values.data() + place);
      taps_.weights.push_back(weight);
      if (!magnitude_) continue;
      taps_.magnitudes.push_back(row.magnitudes.data() + place);
      taps_.weight_magnitudes.push_back(std::fabs(weight));
    }
  }
}

void DepthwisePanel::Compute(std::int64_t c, std::span<const RowSegment> segments, double* sums,
                             float* magnitudes) {
  const float bias = shape_.bias_dw != 0 ? bias_[static_cast<std::size_t>(c)] : 0.0F;
  for (const RowSegment& segment : segments) {
    const bool same_columns = loaded_channel_ == c && loaded_.n == segment.n && loaded_.q == segment.q &&
                              loaded_.length == segment.length && loaded_.p < segment.p;
    if (!same_columns) {
      for (Row& row : rows_) row.number = kNoRow;
    }
    loaded_ = segment;
    loaded_channel_ = c;
    const float* image = x_.data() + (segment.n * shape_.c + c) * shape_.h * shape_.w;
    GatherTaps(c, image, segment);
    const auto num_taps = static_cast<std::int64_t>(taps_.values.size());
    SumSegment<double>(taps_.values.data(), taps_.weights.data(), num_taps, bias, segment.length,
                       sums + segment.column);
    if (!magnitude_) continue;
    SumSegment<float>(taps_.magnitudes.data(), taps_.weight_magnitudes.data(), num_taps,
                      std::fabs(bias) + static_cast<float>(kUnderflowFloor), segment.length,
                      magnitudes + segment.column);
  }
}

}  // namespace assay::dsconv
