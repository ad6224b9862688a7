#include "reference/two_kernel_best/cublaslt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "reference/cudnn/epilogue.h"
#include "reference/cudnn/error.h"
#include "reference/two_kernel_best/cublaslt_library.h"

namespace assay::cudnn {
namespace {

constexpr int kMostAlgorithms = 128;  // asked for a form; the library returns fewer
constexpr std::uint64_t kWorkspaceLimit = std::uint64_t{64} << 20;  // twice what NVIDIA advises for an H100
constexpr std::uint32_t kAlignment = 16;                            // of tensors, as the pack promises

void CheckLt(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(fmt::format("{}: {}", what, OpenLt().call.status_string(status)));
}

cublasLtHandle_t HandleOf(int ordinal) {
  static auto* handles = new std::map<int, cublasLtHandle_t>;  // to the end of the process, as the library
  const auto found = handles->find(ordinal);
  if (found != handles->end()) return found->second;
  cublasLtHandle_t handle = nullptr;
  CheckLt(OpenLt().call.create(&handle), "creating a cuBLASLt handle");
  handles->emplace(ordinal, handle);
  return handle;
}

cudaDataType DataType(assay_dtype dtype) {
  return dtype == ASSAY_F32 ? CUDA_R_32F : dtype == ASSAY_F16 ? CUDA_R_16F : CUDA_R_16BF;
}

cublasLtEpilogue_t FusedEpilogue(const Convolution& conv) {
  if (conv.activation == Activation::kNone)
    return conv.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
  return conv.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
}

bool HasFusedEpilogue(const Convolution& conv) {
  return conv.HasEpilogue() && (conv.activation == Activation::kNone || conv.activation == Activation::kRelu);
}

// One matrix as the library is told of it.
struct Matrix {
  std::uint64_t rows = 0, columns = 0;
  std::int64_t leading = 0, batch_stride = 0;
};

// D[m, n] = op(A) B, which are the filter and x (or the other way round), with `fused` bias and activation.
struct Form {
  bool fused = false;
  bool row_major = false;    // else column-major, as BLAS has it
  bool filter_first = true;  // A is the filter
  bool transpose_first = false;
  int batch = 1;
  Matrix a, b, d;
};

// A column-major matrix is the transpose of a row-major one. NHWC: y^T[k, npq] = w[k, c] x^T[c, npq]. NCHW:
// y^T[pq, k] = x^T[pq, c] w^T[c, k] for each image, where bias lies along the columns, for which the library
// has no epilogue; with row-major matrices, y[k, pq] = w[k, c] x[c, pq], it lies along the rows.
Form FormOf(const Convolution& conv, bool fused) {
  const auto c = conv.in_channels, k = conv.out_channels, pixels = conv.out[0] * conv.out[1];
  const auto size = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  Form form;
  form.fused = fused;
  if (conv.layout == ASSAY_NHWC) {
    form.transpose_first = true;
    form.a = {size(c), size(k), c, 0};
    form.b = {size(c), size(conv.n * pixels), c, 0};
    form.d = {size(k), size(conv.n * pixels), k, 0};
    return form;
  }
  form.batch = static_cast<int>(conv.n);
  form.row_major = fused;
  form.filter_first = fused;
  const Matrix filter = fused ? Matrix{size(k), size(c), c, 0} : Matrix{size(c), size(k), c, 0};
  const Matrix x = fused ? Matrix{size(c), size(pixels), pixels, c * pixels}
                         : Matrix{size(pixels), size(c), pixels, c * pixels};
  form.a = fused ? filter : x;
  form.b = fused ? x : filter;
  form.d = fused ? Matrix{size(k), size(pixels), pixels, k * pixels}
                 : Matrix{size(pixels), size(k), pixels, k * pixels};
  return form;
}

// The descriptors of one form, shared by its algorithms.
class Matmul {
 public:
  Matmul(const Convolution& conv, const Form& form, int ordinal)
      : conv_(conv), form_(form), handle_(HandleOf(ordinal)) {
    const bool tf32 = conv.dtype == ASSAY_F32 && conv.tf32;
    CheckLt(
        Lt().desc_create(&operation_, tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F),
        "describing a matrix product");
    const cublasOperation_t transpose = form.transpose_first ? CUBLAS_OP_T : CUBLAS_OP_N;
    Set(CUBLASLT_MATMUL_DESC_TRANSA, transpose);
    Set(CUBLASLT_MATMUL_DESC_EPILOGUE, form.fused ? FusedEpilogue(conv) : CUBLASLT_EPILOGUE_DEFAULT);
    // The heuristics look at its alignment alone.
    if (HasBiasPointer()) SetBias(reinterpret_cast<const void*>(std::uintptr_t{kAlignment}));
    a_ = MakeLayout(form.a);
    b_ = MakeLayout(form.b);
    d_ = MakeLayout(form.d);
  }
  ~Matmul() {
    for (cublasLtMatrixLayout_t layout : {a_, b_, d_}) {
      if (layout != nullptr) (void)Lt().layout_destroy(layout);
    }
    if (operation_ != nullptr) (void)Lt().desc_destroy(operation_);
  }
  Matmul(const Matmul&) = delete;
  Matmul& operator=(const Matmul&) = delete;

  std::vector<cublasLtMatmulHeuristicResult_t> Algorithms() const {
    cublasLtMatmulPreference_t preference = nullptr;
    CheckLt(Lt().preference_create(&preference), "making a preference");
    const std::unique_ptr<void, void (*)(void*)> owner(preference, [](void* p) {
      (void)Lt().preference_destroy(static_cast<cublasLtMatmulPreference_t>(p));
    });
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
      CheckLt(Lt().preference_set(preference, attribute, &value, sizeof value), "setting a preference");
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceLimit);
    // Other schemes round the sums of parts to the dtype.
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        std::uint32_t{CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, AlignmentOf(form_.a));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, AlignmentOf(form_.b));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, AlignmentOf(form_.d));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, AlignmentOf(form_.d));
    std::vector<cublasLtMatmulHeuristicResult_t> results(kMostAlgorithms);
    int count = 0;
    const cublasStatus_t status = Lt().heuristic(handle_, operation_, a_, b_, d_, d_, preference,
                                                 kMostAlgorithms, results.data(), &count);
    results.resize(status == CUBLAS_STATUS_SUCCESS ? static_cast<std::size_t>(count) : 0);
    std::erase_if(results, [](const auto& result) { return result.state != CUBLAS_STATUS_SUCCESS; });
    return results;
  }

  void Launch(const cublasLtMatmulHeuristicResult_t& algorithm, const ConvPointers& pointers, void* stream) {
    if (HasBiasPointer()) SetBias(pointers.bias);
    const float one = 1.0f, zero = 0.0f;
    const void* a = form_.filter_first ? pointers.filter : pointers.x;
    const void* b = form_.filter_first ? pointers.x : pointers.filter;
    CheckLt(Lt().matmul(handle_, operation_, &one, a, a_, b, b_, &zero, pointers.y, d_, pointers.y, d_,
                        &algorithm.algo, pointers.workspace, algorithm.workspaceSize,
                        static_cast<cudaStream_t>(stream)),
            "launching a matrix product");
    if (!form_.fused && conv_.HasEpilogue())
      LaunchEpilogue(conv_, pointers.y, pointers.bias, static_cast<cudaStream_t>(stream));
  }

  std::string Name(const cublasLtMatmulAlgo_t& algorithm) const {
    const auto get = [&](cublasLtMatmulAlgoConfigAttributes_t attribute, auto value) {
      std::size_t written = 0;
      if (Lt().config_get(&algorithm, attribute, &value, sizeof value, &written) != CUBLAS_STATUS_SUCCESS)
        return -1;
      return static_cast<int>(value);
    };
    std::string how;
    if (conv_.HasEpilogue()) {
      how = form_.fused ? " fused with " + conv_.EpilogueName()
                        : ", then a " + conv_.EpilogueName() + " kernel";
    }
    return fmt::format(
        "cuBLASLt{} algo {} tile {} stages {} split {} swizzle {} option {} inner {} cluster {}{}",
        form_.batch > 1 ? " strided batch" : "", get(CUBLASLT_ALGO_CONFIG_ID, std::int32_t{}),
        get(CUBLASLT_ALGO_CONFIG_TILE_ID, std::uint32_t{}),
        get(CUBLASLT_ALGO_CONFIG_STAGES_ID, std::uint32_t{}),
        get(CUBLASLT_ALGO_CONFIG_SPLITK_NUM, std::int32_t{}),
        get(CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING, std::uint32_t{}),
        get(CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION, std::uint32_t{}),
        get(CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID, std::uint16_t{}),
        get(CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID, std::uint16_t{}), how);
  }

 private:
  static const LtFunctions& Lt() { return OpenLt().call; }
  bool HasBiasPointer() const { return form_.fused && conv_.bias; }

  template <typename Value>
  void Set(cublasLtMatmulDescAttributes_t attribute, const Value& value) {
    CheckLt(Lt().desc_set(operation_, attribute, &value, sizeof value), "describing a matrix product");
  }
  void SetBias(const void* bias) { Set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias); }

  cublasLtMatrixLayout_t MakeLayout(const Matrix& matrix) const {
    cublasLtMatrixLayout_t layout = nullptr;
    CheckLt(Lt().layout_create(&layout, DataType(conv_.dtype), matrix.rows, matrix.columns, matrix.leading),
            "describing a matrix");
    const auto set = [&](cublasLtMatrixLayoutAttribute_t attribute, const auto& value) {
      CheckLt(Lt().layout_set(layout, attribute, &value, sizeof value), "describing a matrix");
    };
    set(CUBLASLT_MATRIX_LAYOUT_ORDER,
        std::int32_t{form_.row_major ? CUBLASLT_ORDER_ROW : CUBLASLT_ORDER_COL});
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, std::int32_t{form_.batch});
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, matrix.batch_stride);
    return layout;
  }

  // Of every image's matrix.
  std::uint32_t AlignmentOf(const Matrix& matrix) const {
    const std::int64_t stride = matrix.batch_stride * static_cast<std::int64_t>(ElementBytes(conv_.dtype));
    std::uint32_t alignment = kAlignment;
    while (stride % alignment != 0) alignment /= 2;
    return alignment;
  }

  Convolution conv_;
  Form form_;
  cublasLtHandle_t handle_;
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t a_ = nullptr, b_ = nullptr, d_ = nullptr;
};

}  // namespace

std::string CublasLtName() { return OpenLt().name; }
std::string CublasLtUnavailable() { return OpenLt().unavailable; }

MatmulContenders PointwiseMatmuls(const Convolution& conv, int ordinal) {
  MatmulContenders contenders;
  contenders.unavailable = OpenLt().unavailable;
  if (!contenders.unavailable.empty()) return contenders;
  contenders.library = OpenLt().name;
  std::vector<std::vector<Contender>> forms;
  for (const bool fused : {true, false}) {
    if (fused && !HasFusedEpilogue(conv)) continue;
    const auto matmul = std::make_shared<Matmul>(conv, FormOf(conv, fused), ordinal);
    std::vector<Contender>& form = forms.emplace_back();
    for (const auto& algorithm : matmul->Algorithms()) {
      form.push_back({matmul->Name(algorithm.algo), algorithm.workspaceSize,
                      [matmul, algorithm](const ConvPointers& pointers, void* stream) {
                        matmul->Launch(algorithm, pointers, stream);
                      }});
    }
  }
  for (std::size_t i = 0; i < kMostAlgorithms; ++i) {
    for (std::vector<Contender>& form : forms) {
      if (i < form.size()) contenders.all.push_back(std::move(form[i]));
    }
  }
  return contenders;
}

}  // namespace assay::cudnn
