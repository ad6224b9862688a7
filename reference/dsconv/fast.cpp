// A block is up to kBlockPixels consecutive output pixels, counted over all images. One thread computes it
// whole: the depthwise half of several image rows at once, so that an input row is read once or twice and not
// for each tap, then the pointwise half in parts of up to kPartPixels, whose products stay in the
// second-level cache.
//
//   panel       [c][block]  fp64: depthwise sums, then act_mid in place; beside it their magnitudes in fp32
//   product     [k][part]   w_pw * panel by dgemm; |w_pw| * magnitudes by sgemm, at half the cost
//   one run     bias and act_out, and a call of the sink, for each output channel and image of the part
//
// All scratch is per thread, so memory does not grow with the problem.
#include "reference/dsconv/fast.h"

#include <cblas.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

#include <algorithm>
#include <cmath>
#include <exception>
#include <mutex>
#include <optional>
#include <vector>

#include "reference/dsconv/depthwise_panel.h"
#include "reference/dsconv/plain.h"

namespace assay::dsconv {
namespace {

constexpr std::int64_t kBlockPixels = 2048;
constexpr std::int64_t kPartPixels = 512;
// Of each of the two panels, per thread; fewer pixels where channels are very many.
constexpr std::int64_t kPanelBytes = std::int64_t{4} << 20;
constexpr std::int64_t kElementBytes = sizeof(double) + sizeof(float);

// OpenBLAS built on pthreads would start its own threads from each of ours. Its OpenMP build does not; there
// the call is left out, because it would also change this thread's OpenMP settings.
class OneBlasThread {
 public:
  OneBlasThread() {
    if (openblas_get_parallel() != OPENBLAS_THREAD) return;
    before_ = openblas_get_num_threads();
    openblas_set_num_threads(1);
  }
  ~OneBlasThread() {
    if (before_ != 0) openblas_set_num_threads(before_);
  }
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;

 private:
  int before_ = 0;
};

// What all blocks share.
struct Evaluation {
  const Shape& shape;
  std::span<const std::span<const float>> inputs;
  const OutputSink& sink;
  bool magnitude;
  std::int64_t block_pixels;
  std::int64_t part_pixels;
  std::vector<double> weights;           // w_pw
  std::vector<float> weight_magnitudes;  // |w_pw|
  double round_up;                       // makes an fp32 magnitude an upper bound
};

struct Scratch {
  explicit Scratch(const Evaluation& e)
      : depthwise(e.shape, e.inputs, std::min(e.block_pixels, e.shape.q), e.magnitude),
        panel(static_cast<std::size_t>(e.shape.c * e.block_pixels + kPanelSlack)),
        product(static_cast<std::size_t>(e.shape.k * e.part_pixels)) {
    if (!e.magnitude) return;
    panel_magnitudes.resize(panel.size());
    product_magnitudes.resize(product.size());
    magnitudes.resize(static_cast<std::size_t>(e.part_pixels));
  }

  DepthwisePanel depthwise;
  std::vector<double> panel;
  std::vector<float> panel_magnitudes;
  std::vector<double> product;
  std::vector<float> product_magnitudes;
  std::vector<double> magnitudes;  // of one run
  std::vector<RowSegment> segments;
};

template <Activation kActivation>
void AddAndActivate(double bias, std::span<double> values) {
  double* at = values.data();
  const std::size_t count = values.size();
  for (std::size_t i = 0; i < count; ++i) at[i] = Activate(kActivation, at[i] + bias);
}

void AddAndActivate(Activation activation, double bias, std::span<double> values) {
  switch (activation) {
    case Activation::kNone:
      if (bias != 0) AddAndActivate<Activation::kNone>(bias, values);
      return;
    case Activation::kRelu:
      return AddAndActivate<Activation::kRelu>(bias, values);
    case Activation::kRelu6:
      return AddAndActivate<Activation::kRelu6>(bias, values);
    case Activation::kSilu:
      return AddAndActivate<Activation::kSilu>(bias, values);
    case Activation::kHardswish:
      return AddAndActivate<Activation::kHardswish>(bias, values);
  }
}

// Cuts the pixels [first, first + count) at the ends of rows.
void CutIntoRows(const Shape& d, std::int64_t first, std::int64_t count, std::vector<RowSegment>& segments) {
  segments.clear();
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t pixel = first + done;
    const std::int64_t row = pixel / d.q;
    RowSegment segment;
    segment.n = row / d.p;
    segment.p = row % d.p;
    segment.q = pixel % d.q;
    segment.length = std::min(d.q - segment.q, count - done);
    segment.column = done;
    segments.push_back(segment);
    done += segment.length;
  }
}

// Consecutive pixels of a block.
struct Part {
  std::int64_t column;       // in the panel
  std::int64_t first_pixel;  // of its first column
  std::int64_t count;
};

void PointwiseHalf(const Evaluation& e, const Part& part, Scratch& scratch) {
  const auto k = static_cast<blasint>(e.shape.k);
  const auto c = static_cast<blasint>(e.shape.c);
  const auto count = static_cast<blasint>(part.count);
  const auto block = static_cast<blasint>(e.block_pixels);
  const auto stride = static_cast<blasint>(e.part_pixels);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, k, count, c, 1.0, e.weights.data(), c,
              scratch.panel.data() + part.column, block, 0.0, scratch.product.data(), stride);
  if (!e.magnitude) return;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, k, count, c, 1.0F, e.weight_magnitudes.data(), c,
              scratch.panel_magnitudes.data() + part.column, block, 0.0F, scratch.product_magnitudes.data(),
              stride);
}

// Output channel k of `count` of the part's pixels, from column `column` on, that belong to one image.
void EmitRun(const Evaluation& e, std::int64_t k, const Part& part, std::int64_t column, std::int64_t count,
             Scratch& scratch) {
  const Shape& d = e.shape;
  const std::int64_t plane = d.p * d.q;
  const std::int64_t pixel = part.first_pixel + column;
  const std::int64_t element = (pixel / plane * d.k + k) * plane + pixel % plane;
  const double bias = d.bias_pw != 0 ? e.inputs[kBPw][static_cast<std::size_t>(k)] : 0.0;
  const std::span<double> values(scratch.product.data() + k * e.part_pixels + column,
                                 static_cast<std::size_t>(count));
  AddAndActivate(d.ActOut(), bias, values);
  std::span<double> magnitudes;
  if (e.magnitude) {
    magnitudes = std::span(scratch.magnitudes).first(values.size());
    const float* sums = scratch.product_magnitudes.data() + k * e.part_pixels + column;
    for (std::int64_t i = 0; i < count; ++i) magnitudes[i] = sums[i] * e.round_up + std::fabs(bias);
  }
  e.sink(0, element, values, magnitudes);
}

void EvaluatePart(const Evaluation& e, const Part& part, Scratch& scratch) {
  PointwiseHalf(e, part, scratch);
  const std::int64_t plane = e.shape.p * e.shape.q;
  for (std::int64_t column = 0; column < part.count;) {
    const std::int64_t run = std::min(part.count - column, plane - (part.first_pixel + column) % plane);
    for (std::int64_t k = 0; k < e.shape.k; ++k) EmitRun(e, k, part, column, run, scratch);
    column += run;
  }
}

void EvaluateBlock(const Evaluation& e, std::int64_t first, std::int64_t count, Scratch& scratch) {
  const Shape& d = e.shape;
  CutIntoRows(d, first, count, scratch.segments);
  for (std::int64_t c = 0; c < d.c; ++c) {
    double* row = scratch.panel.data() + c * e.block_pixels;
    float* magnitudes = e.magnitude ? scratch.panel_magnitudes.data() + c * e.block_pixels : nullptr;
    scratch.depthwise.Compute(c, scratch.segments, row, magnitudes);
    AddAndActivate(d.ActMid(), 0.0, std::span(row, static_cast<std::size_t>(count)));
  }
  for (std::int64_t column = 0; column < count; column += e.part_pixels) {
    EvaluatePart(e, {column, first + column, std::min(e.part_pixels, count - column)}, scratch);
  }
}

Evaluation Prepare(const Shape& d, std::span<const std::span<const float>> inputs, const OutputSink& sink,
                   const FastOptions& options) {
  Evaluation e{d, inputs, sink, options.magnitude, 0, 0, {}, {}, 0};
  e.block_pixels = std::clamp<std::int64_t>(kPanelBytes / (d.c * kElementBytes), 1, kBlockPixels);
  e.part_pixels =
      std::clamp<std::int64_t>(kPanelBytes / (d.k * kElementBytes), 1, std::min(kPartPixels, e.block_pixels));
  e.weights.assign(inputs[kWPw].begin(), inputs[kWPw].end());
  if (options.magnitude) {
    e.weight_magnitudes.resize(inputs[kWPw].size());
    std::transform(inputs[kWPw].begin(), inputs[kWPw].end(), e.weight_magnitudes.begin(),
                   [](float weight) { return std::fabs(weight); });
  }
  // Each term passes at most r * s + 3 roundings in the depthwise half and c + 1 in sgemm, and each makes it
  // smaller by a factor of 1 - 2^-24 at most; 2^-23 instead covers the reciprocal and the fp64 steps.
  e.round_up = std::exp(static_cast<double>(d.r * d.s + d.c + 8) * 0x1p-23);
  return e;
}

// Keeps the first exception of a parallel region, out of which none may pass.
class FirstError {
 public:
  bool Set() const {
    std::lock_guard lock(mutex_);
    return error_ != nullptr;
  }
  void Keep(std::exception_ptr error) {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }
  void Rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  mutable std::mutex mutex_;
  std::exception_ptr error_;
};

int MaxThreads() {
#if defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}

}  // namespace

void EvaluateFast(const Shape& d, std::span<const std::span<const float>> inputs, const OutputSink& sink,
                  const FastOptions& options) {
  const Evaluation e = Prepare(d, inputs, sink, options);
  const std::int64_t pixels = d.n * d.p * d.q;
  const std::int64_t blocks = (pixels + e.block_pixels - 1) / e.block_pixels;
  const OneBlasThread one_blas_thread;
  FirstError error;
  [[maybe_unused]] const auto threads = static_cast<int>(std::min<std::int64_t>(MaxThreads(), blocks));
#pragma omp parallel num_threads(threads)
  {
    std::optional<Scratch> scratch;
#pragma omp for schedule(dynamic)
    for (std::int64_t block = 0; block < blocks; ++block) {
      if (error.Set()) continue;
      try {
        if (!scratch) scratch.emplace(e);
        const std::int64_t first = block * e.block_pixels;
        EvaluateBlock(e, first, std::min(e.block_pixels, pixels - first), *scratch);
      } catch (...) {
        error.Keep(std::current_exception());
      }
    }
  }
  error.Rethrow();
}

}  // namespace assay::dsconv
