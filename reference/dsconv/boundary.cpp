#include "reference/dsconv/boundary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "reference/dsconv/probe.h"
#include "reference/dsconv/problem_id.h"

namespace assay::dsconv {
namespace {

struct Oddity {
  const char* label;
  const char* id;
};

// Odd whatever the tile. Each stands for a mistake that kernels make: a bound that is tested on one side
// only, height taken for width, a window that lies wholly in the padding, a loop over taps that assumes 3.
constexpr Oddity kOddities[] = {
    {"the least of everything", "n1c1k1h1w1r1"},
    {"1x1 image under a 3x3 kernel", "n1c8k8h1w1r3p1"},
    {"1x1 output of a larger image", "n1c5k6h5w5r5"},
    {"one row", "n1c4k5h1w67r3p1"},
    {"one column", "n1c4k5h67w1r3p1"},
    {"one channel in", "n1c1k19h9w9r3p1"},
    {"one channel out", "n1c19k1h9w9r3p1"},
    {"one channel in and out", "n2c1k1h11w7r3p1"},
    {"odd batch of small images", "n7c5k3h3w3r3p1"},
    {"batch of 3, odd images", "n3c6k10h7w5r3p1"},
    {"primes", "n3c13k17h19w23r3p1"},
    {"larger primes", "n1c37k41h11w13r3p1"},
    {"wide image", "n1c4k6h3w61r3p1"},
    {"tall image", "n1c4k6h61w3r3p1"},
    {"stride over the kernel", "n1c3k4h20w21r2st5"},
    {"stride over the image", "n2c3k4h9w7r3p1st50"},
    {"stride across only", "n1c4k6h9w14r3p1st1x2"},
    {"stride down only", "n1c4k6h14w9r3p1st2x1"},
    {"stride that leaves rows and columns over", "n1c5k4h8w10r3p1st3"},
    {"padding over half of the kernel", "n1c4k5h7w6r3p2"},
    {"padding as large as the kernel: windows in the padding alone", "n1c3k5h5w7r3p3"},
    {"padding larger than the image", "n1c3k4h4w3r3p7"},
    {"padding above only", "n1c3k4h6w7r3p2x0x0x0"},
    {"padding below only", "n1c3k4h6w7r3p0x2x0x0"},
    {"padding to the left only", "n1c3k4h6w7r3p0x0x2x0"},
    {"padding to the right only", "n1c3k4h6w7r3p0x0x0x2"},
    {"padding different on each side, with stride", "n1c3k5h9w8r3p0x1x2x3st2"},
    {"dilation over the image", "n1c3k4h5w6r3p9d9"},
    {"dilation that reads every other tile", "n1c4k4h37w35r3p16d16"},
    {"dilations differ", "n1c4k6h23w19r3p2d2x3"},
    {"dilation and stride", "n1c4k6h17w18r3p2st2d2"},
    {"kernel larger than the image", "n1c4k5h3w4r7p3"},
    {"kernel much larger than the image", "n1c3k4h2w2r11p5"},
    {"1x1 kernel", "n1c6k7h9w8r1"},
    {"1x1 kernel with stride", "n1c6k7h9w8r1st2"},
    {"2x2 kernel", "n1c5k4h9w8r2p1"},
    {"4x4 kernel", "n1c5k4h9w10r4p2"},
    {"5x5 kernel", "n1c5k4h9w11r5p2"},
    {"7x7 kernel", "n1c4k5h12w9r7p3"},
    {"11x11 kernel, the largest", "n1c2k3h13w12r11p5"},
    {"1x7 kernel", "n1c4k5h6w13r1s7p0x3"},
    {"7x1 kernel", "n1c4k5h13w6r7s1p3x0"},
    {"5x2 kernel", "n1c3k5h11w8r5s2p2x1"},
    {"1x11 kernel over columns fewer than its taps", "n1c3k5h4w9r1s11p0x5"},
    {"padding as large as the kernel, channels in eights", "n1c8k8h5w7r3p3"},
    {"padding larger than the image, channels in eights", "n2c64k16h4w3r3p7"},
    {"padding to the left only, more than the kernel, channels in eights", "n1c72k24h9w9r3p0x0x5x0"},
};

// Checks the rules and sets p and q. Throws ProblemError.
Shape Resolved(const Shape& shape) { return ParseShapeId(ShapeId(shape)); }

// A small image with padding 1 under a 3x3 kernel, so that the output is as large as the input.
Shape SameSize(std::int64_t n, std::int64_t c, std::int64_t k, std::int64_t h, std::int64_t w) {
  Shape shape;
  shape.n = n, shape.c = c, shape.k = k, shape.h = h, shape.w = w;
  shape.r = shape.s = 3;
  shape.pad_top = shape.pad_bottom = shape.pad_left = shape.pad_right = 1;
  return shape;
}

// Where a tile's parameter stands in a Shape; an output's size is set through the input's.
std::int64_t Shape::*MemberOf(std::string_view param) {
  constexpr std::pair<std::string_view, std::int64_t Shape::*> kMembers[] = {
      {"n", &Shape::n}, {"c", &Shape::c}, {"k", &Shape::k}, {"h", &Shape::h}, {"w", &Shape::w},
      {"p", &Shape::h}, {"q", &Shape::w}, {"r", &Shape::r}, {"s", &Shape::s}};
  for (const auto& [name, member] : kMembers) {
    if (name == param) return member;
  }
  return nullptr;
}

bool SetSize(Shape& shape, std::string_view param, std::int64_t size) {
  shape.*MemberOf(param) = size;
  if ((param == "r" || param == "s") && size > kMaxKernel) return false;
  // Other kernels keep the output's size with other padding.
  if (param == "r") shape.pad_top = (size - 1) / 2, shape.pad_bottom = size / 2;
  if (param == "s") shape.pad_left = (size - 1) / 2, shape.pad_right = size / 2;
  return size >= 1 && size <= kMaxParam;
}

// The number of elements that one multiple of the tile, one less and one more, and a second tile have.
constexpr std::pair<const char*, std::array<std::int64_t, 2>> kSizes[] = {
    {"tile - 1", {1, -1}}, {"tile", {1, 0}}, {"tile + 1", {1, 1}}, {"2 tile + 1", {2, 1}}};

bool Fits(const Shape& shape) { return NaiveMultiplyAdds(shape) <= kMostBoundaryMultiplyAdds; }

// The shape with the largest rest that is cheap enough, if one is.
std::optional<Shape> Affordable(const std::vector<std::pair<std::string_view, std::int64_t>>& sizes) {
  for (const Shape& rest :
       {SameSize(2, 5, 7, 5, 6), SameSize(1, 3, 4, 3, 5), SameSize(1, 1, 2, 1, 2), SameSize(1, 1, 1, 1, 1)}) {
    Shape shape = rest;
    if (!std::ranges::all_of(sizes,
                             [&](const auto& size) { return SetSize(shape, size.first, size.second); })) {
      return std::nullopt;
    }
    try {
      shape = Resolved(shape);
    } catch (const ProblemError&) {
      return std::nullopt;  // larger than any tensor may be
    }
    if (Fits(shape)) return shape;
  }
  return std::nullopt;
}

class Collector {
 public:
  explicit Collector(std::vector<LabelledShape>& shapes) : shapes_(shapes) {}

  // Shapes that differ in bias and activation only are the same here.
  void Add(const Shape& shape, std::string label) {
    Shape bare = shape;
    bare.bias_dw = bare.bias_pw = bare.act_mid = bare.act_out = 0;
    if (seen_.insert(ShapeId(bare)).second) shapes_.push_back({shape, std::move(label)});
  }

 private:
  std::vector<LabelledShape>& shapes_;
  std::set<std::string> seen_;
};

void SetBias(Shape& shape, std::size_t number) {
  shape.bias_dw = static_cast<std::int64_t>(number % 2);
  shape.bias_pw = static_cast<std::int64_t>(number / 2 % 2);
}

// 20 in a row have every activation with every choice of biases, on either half. Most keep integers on both
// halves, so that the exact step still applies to them.
void SetEpilogue(Shape& shape, std::size_t number) {
  constexpr Activation kOut[] = {Activation::kRelu, Activation::kRelu6, Activation::kNone,
                                 Activation::kHardswish, Activation::kSilu};
  shape.act_mid = static_cast<std::int64_t>(number % kNumActivations);
  shape.act_out = static_cast<std::int64_t>(kOut[number % kNumActivations]);
  SetBias(shape, number);
}

void AddAxis(const TileAxis& axis, Collector& collector) {
  for (const auto& [name, line] : kSizes) {
    // Beyond this no problem is cheap; it also keeps 2 * size + 1 far from overflow.
    if (axis.size > kMaxParam / 2) return;
    const std::int64_t size = line[0] * axis.size + line[1];
    if (const auto shape = Affordable({{axis.param, size}})) {
      collector.Add(*shape, fmt::format("{} = {} ({})", axis.param, name, size));
    }
  }
}

// All axes at once: ragged edges meet in the corners.
void AddCorner(std::span<const TileAxis> axes, Collector& collector) {
  for (const auto& [name, line] : kSizes) {
    std::vector<std::pair<std::string_view, std::int64_t>> sizes;
    std::string values;
    for (const TileAxis& axis : axes) {
      sizes.emplace_back(axis.param, line[0] * axis.size + line[1]);
      values += fmt::format("{}{} = {}", values.empty() ? "" : ", ", axis.param, sizes.back().second);
    }
    if (const auto shape = Affordable(sizes)) {
      collector.Add(*shape, fmt::format("every axis = {} ({})", name, values));
    }
  }
}

// By the smallest tile of each axis, and by the middle one: the smallest may be 1. `axes` are sorted.
void AddCorners(std::span<const TileAxis> axes, Collector& collector) {
  std::vector<TileAxis> smallest, middle;
  for (auto begin = axes.begin(); begin != axes.end();) {
    const auto end =
        std::find_if(begin, axes.end(), [&](const TileAxis& axis) { return axis.param != begin->param; });
    smallest.push_back(*begin);
    middle.push_back(begin[(end - begin - 1) / 2]);
    begin = end;
  }
  if (smallest.size() < 2) return;
  AddCorner(smallest, collector);
  AddCorner(middle, collector);
}

}  // namespace

double NaiveMultiplyAdds(const Shape& d) {
  return static_cast<double>(d.n * d.p) * static_cast<double>(d.q) * static_cast<double>(d.k) *
         static_cast<double>(d.c) * static_cast<double>(d.r * d.s + 1);
}

std::vector<LabelledShape> BoundaryShapes(std::span<const TileAxis> tile) {
  // Sorted, so that the same tile said twice or in another order gives the same problems.
  std::set<TileAxis> unique;
  for (const TileAxis& axis : tile) {
    if (MemberOf(axis.param) != nullptr && axis.size >= 1 && axis.size <= kMaxParam / 2) unique.insert(axis);
  }
  const std::vector<TileAxis> axes(unique.begin(), unique.end());

  std::vector<LabelledShape> shapes;
  Collector collector(shapes);
  for (const Oddity& oddity : kOddities) collector.Add(ParseShapeId(oddity.id), oddity.label);
  for (const TileAxis& axis : axes) AddAxis(axis, collector);
  AddCorners(axes, collector);
  // One round of epilogues over every other odd shape; the rest have no activation, which could hide an
  // error.
  constexpr std::size_t kEpilogues = 4 * kNumActivations;
  static_assert(std::size(kOddities) >= 2 * kEpilogues, "the round is complete whatever the tile");
  for (std::size_t i = 0; i < shapes.size(); ++i) SetBias(shapes[i].shape, i / 2);
  for (std::size_t i = 0; i < kEpilogues; ++i) SetEpilogue(shapes[2 * i].shape, i);
  for (LabelledShape& labelled : shapes) AddBiasIfMostlyPadding(labelled.shape);
  return shapes;
}

std::vector<LabelledShape> HugeShapes() {
  constexpr Oddity kHuge[] = {
      {"x has more than 2^31 elements over its images", "n3c2k1h18945w18945r1st64"},
      {"x has more than 2^31 elements in one image", "n1c2k1h32833w32833r1st64"},
      {"y has more than 2^31 elements over its images", "n3c1k64h3347w3347r1"},
      {"y has more than 2^31 elements in one image", "n1c1k64h5797w5797r1"},
  };
  std::vector<LabelledShape> shapes;
  for (const Oddity& huge : kHuge) shapes.push_back({ParseShapeId(huge.id), huge.label});
  return shapes;
}

}  // namespace assay::dsconv
