#include "harness/verify/tensor_io.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace assay {
namespace {

// Elements that one thread converts at a time; 16 KiB of floats stay in the first cache.
constexpr std::int64_t kTileElements = 4096;
constexpr std::int64_t kTileChannels = 64;

using Tile = std::array<float, kTileElements>;

// A tensor of `images` planes that is channels x pixels in logical order and pixels x channels in device
// memory.
struct ChannelsLast {
  std::int64_t images, channels, pixels;
};

ChannelsLast AsChannelsLast(const TensorSpec& spec, assay_layout layout) {
  const std::vector<std::int64_t> strides = spec.Strides(layout);
  const bool known = spec.dims.size() == 4 && strides[1] == 1 && strides[3] == spec.dims[1] &&
                     strides[2] == spec.dims[3] * strides[3] && strides[0] == spec.dims[2] * strides[2];
  if (!known)
    throw std::logic_error("tensor " + spec.name + " has a memory order that tensor_io does not know");
  return {spec.dims[0], spec.dims[1], spec.dims[2] * spec.dims[3]};
}

// Calls body(image, first_channel, channels, first_pixel, pixels) for tiles of at most kTileElements, in
// parallel.
template <class Body>
void ForEachTile(const ChannelsLast& shape, const Body& body) {
  const std::int64_t tile_channels = std::min(shape.channels, kTileChannels);
  const std::int64_t tile_pixels = kTileElements / tile_channels;
  const std::int64_t channel_tiles = (shape.channels + tile_channels - 1) / tile_channels;
  const std::int64_t pixel_tiles = (shape.pixels + tile_pixels - 1) / tile_pixels;
  const std::int64_t tiles = shape.images * channel_tiles * pixel_tiles;
#pragma omp parallel for collapse(3) schedule(static) if (tiles > 8)
  for (std::int64_t n = 0; n < shape.images; ++n) {
    for (std::int64_t tp = 0; tp < pixel_tiles; ++tp) {
      for (std::int64_t tc = 0; tc < channel_tiles; ++tc) {
        const std::int64_t c = tc * tile_channels, p = tp * tile_pixels;
        body(n, c, std::min(tile_channels, shape.channels - c), p, std::min(tile_pixels, shape.pixels - p));
      }
    }
  }
}

// Calls body(first, count) for pieces of the range, in parallel.
template <class Body>
void ForEachPiece(std::int64_t count, const Body& body) {
  constexpr std::int64_t kPiece = 16 * kTileElements;
  const std::int64_t pieces = (count + kPiece - 1) / kPiece;
#pragma omp parallel for schedule(static) if (pieces > 1)
  for (std::int64_t i = 0; i < pieces; ++i) body(i * kPiece, std::min(kPiece, count - i * kPiece));
}

// Calls body(tile_offset, device_index, count) for each stretch of a tile that is contiguous in device
// memory.
template <class Body>
void ForEachStretch(const ChannelsLast& shape, std::int64_t n, std::int64_t c, std::int64_t channels,
                    std::int64_t p, std::int64_t pixels, const Body& body) {
  const std::int64_t first = (n * shape.pixels + p) * shape.channels + c;
  if (channels == shape.channels) {
    body(0, first, pixels * channels);
    return;
  }
  for (std::int64_t j = 0; j < pixels; ++j) body(j * channels, first + j * shape.channels, channels);
}

void CheckSize(const TensorSpec& spec, std::size_t found, std::size_t expected, const char* unit) {
  if (found == expected) return;
  throw std::invalid_argument("tensor " + spec.name + " was given " + std::to_string(found) + " " + unit +
                              " where it has " + std::to_string(expected));
}

}  // namespace

bool IsLogicalOrder(const TensorSpec& spec, assay_layout layout) {
  return spec.Strides(layout) == spec.Strides(ASSAY_NCHW);
}

std::int64_t DeviceIndex(const TensorSpec& spec, assay_layout layout, std::int64_t index) {
  const std::vector<std::int64_t> strides = spec.Strides(layout);
  std::int64_t device_index = 0;
  for (std::size_t d = spec.dims.size(); d-- > 0;) {
    device_index += index % spec.dims[d] * strides[d];
    index /= spec.dims[d];
  }
  return device_index;
}

DeviceOrder::DeviceOrder(const TensorSpec& spec, assay_layout layout) {
  const std::vector<std::int64_t> strides = spec.Strides(layout), logical = spec.Strides(ASSAY_NCHW);
  for (std::size_t d = 0; d < spec.dims.size(); ++d) axes_.push_back({strides[d], logical[d], spec.dims[d]});
  // The widest stride first. A dimension of one element may share another's stride, and counts for nothing.
  std::ranges::sort(axes_, [](const Axis& a, const Axis& b) {
    return std::pair(a.device_stride, a.size) > std::pair(b.device_stride, b.size);
  });
}

std::int64_t DeviceOrder::LogicalIndex(std::int64_t device_index) const {
  std::int64_t index = 0;
  for (const Axis& axis : axes_) {
    index += device_index / axis.device_stride * axis.logical_stride;
    device_index %= axis.device_stride;
  }
  return index;
}

std::int64_t LogicalIndex(const TensorSpec& spec, assay_layout layout, std::int64_t device_index) {
  return DeviceOrder(spec, layout).LogicalIndex(device_index);
}

TensorVector<std::byte> ToDeviceBits(const TensorSpec& spec, std::span<const float> logical,
                                     assay_dtype dtype, assay_layout layout) {
  const std::int64_t count = spec.Count();
  CheckSize(spec, logical.size(), static_cast<std::size_t>(count), "elements");
  const std::size_t element = DTypeBytes(dtype);
  TensorVector<std::byte> bits(static_cast<std::size_t>(count) * element);
  const auto encode = [&](const float* from, std::int64_t size, std::int64_t at) {
    Encode({from, static_cast<std::size_t>(size)}, dtype,
           bits.data() + static_cast<std::size_t>(at) * element);
  };
  if (count == 0) return bits;
  if (IsLogicalOrder(spec, layout)) {
    ForEachPiece(count,
                 [&](std::int64_t first, std::int64_t size) { encode(logical.data() + first, size, first); });
    return bits;
  }
  const ChannelsLast shape = AsChannelsLast(spec, layout);
  ForEachTile(
      shape, [&](std::int64_t n, std::int64_t c, std::int64_t channels, std::int64_t p, std::int64_t pixels) {
        Tile tile;
        for (std::int64_t i = 0; i < channels; ++i) {
          const float* row = logical.data() + (n * shape.channels + c + i) * shape.pixels + p;
          for (std::int64_t j = 0; j < pixels; ++j) tile[static_cast<std::size_t>(j * channels + i)] = row[j];
        }
        ForEachStretch(shape, n, c, channels, p, pixels,
                       [&](std::int64_t offset, std::int64_t at, std::int64_t size) {
                         encode(tile.data() + offset, size, at);
                       });
      });
  return bits;
}

void FromDeviceBits(const TensorSpec& spec, std::span<const std::byte> bits, assay_dtype dtype,
                    assay_layout layout, std::span<float> logical) {
  const std::int64_t count = spec.Count();
  const std::size_t element = DTypeBytes(dtype);
  CheckSize(spec, logical.size(), static_cast<std::size_t>(count), "elements");
  CheckSize(spec, bits.size(), static_cast<std::size_t>(count) * element, "bytes");
  const auto decode = [&](std::int64_t at, std::int64_t size, float* to) {
    Decode(bits.data() + static_cast<std::size_t>(at) * element, dtype, {to, static_cast<std::size_t>(size)});
  };
  if (count == 0) return;
  if (IsLogicalOrder(spec, layout)) {
    ForEachPiece(count,
                 [&](std::int64_t first, std::int64_t size) { decode(first, size, logical.data() + first); });
    return;
  }
  const ChannelsLast shape = AsChannelsLast(spec, layout);
  ForEachTile(
      shape, [&](std::int64_t n, std::int64_t c, std::int64_t channels, std::int64_t p, std::int64_t pixels) {
        Tile tile;
        ForEachStretch(shape, n, c, channels, p, pixels,
                       [&](std::int64_t offset, std::int64_t at, std::int64_t size) {
                         decode(at, size, tile.data() + offset);
                       });
        for (std::int64_t i = 0; i < channels; ++i) {
          float* row = logical.data() + (n * shape.channels + c + i) * shape.pixels + p;
          for (std::int64_t j = 0; j < pixels; ++j) row[j] = tile[static_cast<std::size_t>(j * channels + i)];
        }
      });
}

std::vector<TensorVector<float>> FillInputs(const Problem& problem, assay_dtype dtype, FillKind kind,
                                            std::uint64_t seed) {
  const std::vector<TensorSpec> specs = problem.op->Inputs(problem);
  std::vector<TensorVector<float>> inputs(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!specs[i].present) continue;
    inputs[i].resize(static_cast<std::size_t>(specs[i].Count()));
    problem.op->Fill(problem, static_cast<int>(i), dtype, kind, seed, inputs[i]);
  }
  return inputs;
}

}  // namespace assay
