// Kernels whose output has little to do with the operator: nothing, zeros, NaN, a few elements, another
// image.
#include "tests/faulty/faulty_kernel.h"

namespace assay::faulty::output {
namespace {

struct EmptyLaunch : Launching {
  static constexpr const char* kName = "empty_launch";
  template <class T>
  cudaError_t Launch(const Shape&, const assay_buffers&, void*) {
    return cudaSuccess;
  }
};

struct WritesZeros : Fused {
  static constexpr const char* kName = "writes_zeros";
  template <class T>
  static __device__ void Store(const Shape&, T* y, std::int64_t i, const Place&, float) {
    y[i] = FromFloat<T>(0.0f);
  }
};

struct WritesNaN : Fused {
  static constexpr const char* kName = "writes_nan";
  template <class T>
  static __device__ void Store(const Shape&, T* y, std::int64_t i, const Place&, float value) {
    y[i] = FromFloat<T>(value + __int_as_float(0x7fc00000));
  }
};

struct FewBadlyWrong : Fused {
  static constexpr const char* kName = "few_badly_wrong";
  template <class T>
  static __device__ void Store(const Shape&, T* y, std::int64_t i, const Place&, float value) {
    y[i] = FromFloat<T>(i % 701 == 0 ? 2.0f * value + 3.0f : value);
  }
};

struct TenPercent : Fused {
  static constexpr const char* kName = "ten_percent";
  template <class T>
  static __device__ void Store(const Shape&, T* y, std::int64_t i, const Place&, float value) {
    y[i] = FromFloat<T>(1.1f * value);
  }
};

struct OnlyLastImage : Fused {
  static constexpr const char* kName = "only_last_image";
  template <class T>
  static __device__ void Store(const Shape& shape, T* y, std::int64_t i, const Place& at, float value) {
    y[i] = FromFloat<T>(at.n == shape.n - 1 ? value : 0.0f);
  }
};

struct OnlyFirstImage : Fused {
  static constexpr const char* kName = "only_first_image";
  static __device__ bool Skip(const Shape&, const Place& at) { return at.n > 0; }
};

struct FirstImageForAll : Fused {
  static constexpr const char* kName = "first_image_for_all";
  static __device__ std::int64_t Image(const Shape&, std::int32_t) { return 0; }
};

}  // namespace

Variants Rows() {
  return VariantsOf<EmptyLaunch, WritesZeros, WritesNaN, FewBadlyWrong, TenPercent, OnlyLastImage,
                    OnlyFirstImage, FirstImageForAll>();
}

}  // namespace assay::faulty::output
