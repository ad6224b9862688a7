#include "reference/dsconv/random_shape.h"

#include <algorithm>
#include <bit>

#include "reference/dsconv/boundary.h"
#include "reference/dsconv/probe.h"
#include "reference/dsconv/problem_id.h"

namespace assay::dsconv {
namespace {

// The generator splitmix64 (Steele et al., OOPSLA 2014). The distributions of <random> differ between
// libraries.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(seed) {}

  // An integer in [low, high]. The modulo's bias does not matter here.
  std::int64_t From(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(Next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool OneIn(std::int64_t times) { return From(1, times) == 1; }

  // A power of two's range is chosen first, then a number in it: about log-uniform in [1, high].
  std::int64_t Log(std::int64_t high) {
    const auto octaves = static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(high)));
    const std::int64_t low = std::int64_t{1} << From(0, octaves - 1);
    return From(low, std::min(2 * low - 1, high));
  }

 private:
  std::uint64_t Next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

struct Window {
  std::int64_t taps, stride, dilation, front, back;
  std::int64_t Effective() const { return (taps - 1) * dilation + 1; }
};

// What one axis has besides its size. The common is common, as in networks, and everything allowed happens.
Window DrawWindow(Draw& draw) {
  Window window{};
  const std::int64_t common[] = {1, 3, 3, 5, 7};
  window.taps = draw.OneIn(2) ? common[draw.From(0, 4)] : draw.From(1, kMaxKernel);
  window.stride = draw.OneIn(2) ? 1 : draw.Log(draw.OneIn(4) ? 40 : 4);
  window.dilation = draw.OneIn(2) ? 1 : draw.Log(draw.OneIn(4) ? 64 : 3);
  const std::int64_t half = window.Effective() / 2;
  switch (draw.From(0, 4)) {
    case 0:
      break;
    case 1:
    case 2:
      window.front = half, window.back = (window.Effective() - 1) / 2;
      break;
    case 3:
      window.front = draw.From(0, half), window.back = draw.From(0, half);
      break;
    default:
      window.front = draw.From(0, 2 * window.Effective()), window.back = draw.From(0, 2 * window.Effective());
  }
  return window;
}

// A kernel that is larger than the padded image gets a larger image or more padding, at either end.
void MakeRoom(Draw& draw, std::int64_t& size, Window& window) {
  const std::int64_t missing = window.Effective() - (size + window.front + window.back);
  if (missing <= 0) return;
  const std::int64_t more = missing + draw.From(0, 3);
  switch (draw.From(0, 3)) {
    case 0:
      window.front += more;
      break;
    case 1:
      window.back += more;
      break;
    default:
      size += more;
  }
}

Shape DrawAny(Draw& draw) {
  Shape d;
  d.n = draw.Log(draw.OneIn(8) ? 9 : 3);
  d.c = draw.Log(draw.OneIn(4) ? 300 : 40);
  d.k = draw.Log(draw.OneIn(4) ? 300 : 40);
  d.h = draw.Log(draw.OneIn(4) ? 200 : 40);
  d.w = draw.OneIn(4) ? d.h : draw.Log(draw.OneIn(4) ? 200 : 40);
  Window h = DrawWindow(draw);
  Window w = draw.OneIn(2) ? h : DrawWindow(draw);
  MakeRoom(draw, d.h, h);
  MakeRoom(draw, d.w, w);
  d.r = h.taps, d.stride_h = h.stride, d.dilation_h = h.dilation, d.pad_top = h.front, d.pad_bottom = h.back;
  d.s = w.taps, d.stride_w = w.stride, d.dilation_w = w.dilation, d.pad_left = w.front, d.pad_right = w.back;
  d.bias_dw = draw.From(0, 1);
  d.bias_pw = draw.From(0, 1);
  // Half without, where the exact step applies and nothing is clipped.
  d.act_mid = draw.OneIn(2) ? 0 : draw.From(0, kNumActivations - 1);
  d.act_out = draw.OneIn(2) ? 0 : draw.From(0, kNumActivations - 1);
  return d;
}

std::int64_t LargestTensor(const Shape& d) {
  std::int64_t largest = 0;
  for (const auto& specs : {Inputs(d), Outputs(d)}) {
    for (const TensorSpec& spec : specs) largest = std::max(largest, spec.Count());
  }
  return largest;
}

}  // namespace

Shape RandomShape(std::uint64_t seed) {
  Draw draw(seed);
  const double most = draw.OneIn(16) ? 5e6 : 2e6;
  while (true) {
    Shape shape = ParseShapeId(ShapeId(DrawAny(draw)));  // sets p and q
    if (NaiveMultiplyAdds(shape) > most || LargestTensor(shape) > (std::int64_t{1} << 20)) continue;
    AddBiasIfMostlyPadding(shape);
    return shape;
  }
}

}  // namespace assay::dsconv
