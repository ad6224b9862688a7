#include "harness/verify/tensor_io.h"

#include <gtest/gtest.h>

#include <vector>

namespace assay {
namespace {

TensorSpec Activation(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
  return {"x", "nchw", TensorRole::kActivation, {n, c, h, w}};
}

// Values that are exact in each dtype and differ between neighbours in every direction.
std::vector<float> Values(const TensorSpec& spec) {
  std::vector<float> values(static_cast<std::size_t>(spec.Count()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 251) - 125;
  return values;
}

float At(std::span<const std::byte> bits, assay_dtype dtype, std::int64_t index) {
  float value = 0;
  Decode(bits.data() + static_cast<std::size_t>(index) * DTypeBytes(dtype), dtype, {&value, 1});
  return value;
}

struct Order {
  assay_dtype dtype;
  assay_layout layout;
};

class TensorIo : public ::testing::TestWithParam<Order> {};

TEST_P(TensorIo, PutsEveryElementWhereItsStridesSay) {
  const auto [dtype, layout] = GetParam();
  // Around the sizes of the tiles in which channels and pixels change places, and below them.
  const std::vector<TensorSpec> specs = {Activation(1, 1, 1, 1),    Activation(2, 3, 5, 7),
                                         Activation(1, 64, 8, 8),   Activation(2, 65, 9, 8),
                                         Activation(1, 130, 3, 43), Activation(3, 1, 70, 70),
                                         Activation(1, 63, 65, 1),  Activation(5, 2000, 1, 1)};
  for (const TensorSpec& spec : specs) {
    const auto values = Values(spec);
    const auto bits = ToDeviceBits(spec, values, dtype, layout);
    ASSERT_EQ(bits.size(), values.size() * DTypeBytes(dtype));
    const auto strides = spec.Strides(layout);
    std::int64_t i = 0;
    for (std::int64_t n = 0; n < spec.dims[0]; ++n) {
      for (std::int64_t c = 0; c < spec.dims[1]; ++c) {
        for (std::int64_t h = 0; h < spec.dims[2]; ++h) {
          for (std::int64_t w = 0; w < spec.dims[3]; ++w, ++i) {
            const std::int64_t at = n * strides[0] + c * strides[1] + h * strides[2] + w * strides[3];
            ASSERT_EQ(DeviceIndex(spec, layout, i), at);
            ASSERT_EQ(LogicalIndex(spec, layout, at), i);
            ASSERT_EQ(At(bits, dtype, at), values[static_cast<std::size_t>(i)])
                << "n=" << n << " c=" << c << " h=" << h << " w=" << w << " of " << spec.dims[1]
                << " channels";
          }
        }
      }
    }
    std::vector<float> back(values.size());
    FromDeviceBits(spec, bits, dtype, layout, back);
    ASSERT_EQ(back, values);
  }
}

TEST_P(TensorIo, LeavesWeightsInTheOrderOfTheirDimensions) {
  const auto [dtype, layout] = GetParam();
  const TensorSpec spec{"w_dw", "c1rs", TensorRole::kWeight, {5, 1, 3, 3}};
  EXPECT_TRUE(IsLogicalOrder(spec, layout));
  const auto values = Values(spec);
  const auto bits = ToDeviceBits(spec, values, dtype, layout);
  for (std::int64_t i = 0; i < spec.Count(); ++i) {
    ASSERT_EQ(At(bits, dtype, i), values[static_cast<std::size_t>(i)]);
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, TensorIo,
                         ::testing::Values(Order{ASSAY_F32, ASSAY_NCHW}, Order{ASSAY_F32, ASSAY_NHWC},
                                           Order{ASSAY_F16, ASSAY_NCHW}, Order{ASSAY_F16, ASSAY_NHWC},
                                           Order{ASSAY_BF16, ASSAY_NCHW}, Order{ASSAY_BF16, ASSAY_NHWC}),
                         [](const auto& tested) {
                           return std::string(DTypeName(tested.param.dtype)) + "_" +
                                  std::string(LayoutName(tested.param.layout));
                         });

TEST(TensorIoSizes, AnAbsentTensorHasNoBytes) {
  TensorSpec spec{"b_dw", "c", TensorRole::kWeight, {5}};
  spec.present = false;
  EXPECT_TRUE(ToDeviceBits(spec, {}, ASSAY_F32, ASSAY_NHWC).empty());
}

TEST(TensorIoSizes, RefusesDataOfAnotherSize) {
  const TensorSpec spec = Activation(1, 2, 2, 2);
  std::vector<float> values(7);
  EXPECT_THROW(ToDeviceBits(spec, values, ASSAY_F32, ASSAY_NCHW), std::invalid_argument);
  const std::vector<std::byte> bits(32);
  EXPECT_THROW(FromDeviceBits(spec, bits, ASSAY_F32, ASSAY_NCHW, values), std::invalid_argument);
  values.resize(8);
  EXPECT_THROW(FromDeviceBits(spec, bits, ASSAY_F16, ASSAY_NCHW, values), std::invalid_argument);
}

TEST(FillInputs, FillsWhatIsPresent) {
  const Problem problem = FindOperator("dsconv")->ParseProblemId("n1c3k2h4w4r3-bpw");
  const auto inputs = FillInputs(problem, ASSAY_F16, FillKind::kRandom, 3);
  ASSERT_EQ(inputs.size(), 5u);
  EXPECT_EQ(inputs[0].size(), 48u);
  EXPECT_TRUE(inputs[2].empty()) << "b_dw is absent";
  EXPECT_EQ(inputs[4].size(), 2u);
  EXPECT_EQ(inputs, FillInputs(problem, ASSAY_F16, FillKind::kRandom, 3));
  EXPECT_NE(inputs, FillInputs(problem, ASSAY_F16, FillKind::kRandom, 4));
}

}  // namespace
}  // namespace assay
