// Kernels whose threads do not wait for each other, take what nobody put there, or were never started.
#include "tests/faulty/block_kernels.h"

namespace assay::faulty::cooperation {
namespace {

template <class Steps>
struct Tiles : Launching {
  static std::string WhyNot(const Shape& shape, assay_dtype) { return WhyNoBlocks(shape); }
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return RunTiles<Steps, T>(shape, buffers, stream);
  }
};

struct NoWaitBeforeUse : BlockSteps {
  static constexpr bool kWaitsBeforeUse = false;
};
struct BarrierMissingBeforeUse : Tiles<NoWaitBeforeUse> {
  static constexpr const char* kName = "barrier_missing_before_use";
};

struct NoWaitBeforeReuse : BlockSteps {
  static constexpr bool kWaitsBeforeReuse = false;
};
struct BarrierMissingBeforeReuse : Tiles<NoWaitBeforeReuse> {
  static constexpr const char* kName = "barrier_missing_before_reuse";
};

struct NoClearing : BlockSteps {
  static constexpr bool kClearsRaggedEnd = false;
};
struct SharedUninitialised : Tiles<NoClearing> {
  static constexpr const char* kName = "shared_uninitialised";
};

struct FirstTileOnly : BlockSteps {
  static constexpr bool kFillsEveryTile = false;
};
struct StaleTile : Tiles<FirstTileOnly> {
  static constexpr const char* kName = "stale_tile";
};

struct EarlyExit : WarpSteps {
  static constexpr bool kStaysToTheEnd = false;
};
struct ShuffleFromExitedLane : Launching {
  static constexpr const char* kName = "shuffle_from_exited_lane";
  static std::string WhyNot(const Shape& shape, assay_dtype) {
    const bool shows = shape.k % kWarp != 0 && shape.c > shape.k % kWarp;
    return shows ? WhyNoBlocks(shape) : "c is at most k modulo 32: no lane that exits holds a channel";
  }
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return RunShuffles<EarlyExit, T>(shape, buffers, stream);
  }
};

// More shared memory than there is; the launch's error is thrown away, and forgotten.
struct LaunchErrorIgnored : Launching {
  static constexpr const char* kName = "launch_error_ignored";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    cudaLaunchConfig_t config{};
    config.gridDim = BlocksOf(Outputs(shape));
    config.blockDim = dim3(kThreads);
    config.dynamicSmemBytes = std::size_t{512} << 10;
    config.stream = static_cast<cudaStream_t>(stream);
    static_cast<void>(
        cudaLaunchKernelEx(&config, FusedKernel<Correct, T>, shape, TensorsOf<T>(buffers), Outputs(shape)));
    static_cast<void>(cudaGetLastError());
    return cudaSuccess;
  }
};

}  // namespace

Variants Rows() {
  return VariantsOf<BarrierMissingBeforeUse, BarrierMissingBeforeReuse, SharedUninitialised, StaleTile,
                    ShuffleFromExitedLane, LaunchErrorIgnored>();
}

}  // namespace assay::faulty::cooperation
