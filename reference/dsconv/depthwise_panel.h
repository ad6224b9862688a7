// The depthwise half of the fast evaluation: a block of pixels, all channels, before the activation.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "reference/dsconv/problem.h"

namespace assay::dsconv {

// Consecutive output pixels of one image's row, and their place in a panel.
struct RowSegment {
  std::int64_t n = 0;
  std::int64_t p = 0;
  std::int64_t q = 0;
  std::int64_t length = 0;
  std::int64_t column = 0;  // in the panel
};

// Rows of a panel may be written this many elements beyond the last pixel.
inline constexpr std::int64_t kPanelSlack = 8;

// Scratch of one thread.
class DepthwisePanel {
 public:
  DepthwisePanel(const Shape& shape, std::span<const std::span<const float>> inputs,
                 std::int64_t longest_segment, bool magnitude);

  // Writes channel c of the segments, which are in order of their columns: sums[column...] in fp64, and,
  // unless magnitudes are switched off, magnitudes[column...] in fp32: |b_dw| + sum |w_dw x| +
  // kUnderflowFloor, each operation rounded to nearest. Both rows need kPanelSlack elements of room behind
  // the last column.
  void Compute(std::int64_t c, std::span<const RowSegment> segments, double* sums, float* magnitudes);

 private:
  // A stretch of one input row: as doubles and as fp32 magnitudes, with zeros beyond the image. Columns are
  // dealt to stride_w phases, so that the taps of consecutive outputs are consecutive.
  static constexpr std::int64_t kNoRow = std::numeric_limits<std::int64_t>::min() / 2;
  struct Row {
    std::int64_t number = kNoRow;  // in the image
    std::vector<double> values;
    std::vector<float> magnitudes;
  };

  const Row& FindRow(std::int64_t number, std::int64_t top, const float* image, const RowSegment& segment);
  void Load(Row& row, const float* source, const RowSegment& segment);
  void GatherTaps(std::int64_t c, const float* image, const RowSegment& segment);

  Shape shape_;
  std::span<const float> x_;
  std::span<const float> weights_;
  std::span<const float> bias_;
  bool magnitude_;
  std::int64_t phase_length_;
  std::vector<Row> rows_;  // one for each kernel row
  RowSegment loaded_;      // whose image and columns rows_ hold
  std::int64_t loaded_channel_ = -1;

  struct TapLists {
    std::vector<const double*> values;
    std::vector<const float*> magnitudes;
    std::vector<double> weights;
    std::vector<float> weight_magnitudes;
  } taps_;
};

}  // namespace assay::dsconv
