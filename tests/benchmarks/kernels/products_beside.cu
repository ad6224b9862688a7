// Do wgmma and other instructions of a multiprocessor hinder each other? Two warpgroups multiply from shared
// memory, m64n128k16 one after the other; eight more warps execute FFMA, conversions from fp16, IMAD or
// LOP3, in 16 chains. Of
// one block: cycles of the products alone, of the others alone, and of each while both run. By hand, on
// sm_90a.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "kernels/device/ptx/wgmma.h"
#include "kernels/device/ptx/wgmma_shared.h"
#include "kernels/device/shared_memory.h"

namespace {

using namespace assay;

constexpr int kInstructionsOfRound = 128;

struct Storage {
  unsigned char bytes[64 * 1024];
};

struct Cycles {
  unsigned long long products, others;
  float result;
};

enum class Other { kFma, kConvert, kInteger, kLogic };

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
constexpr int kProductsOfRound = 8, kMatrices = 16;

// A result that is looked at, or else ptxas leaves it all out.
__device__ float Multiply(char* shared, int rounds) {
  float left[kMatrices][4] = {}, right[kMatrices][4] = {};
  const std::uint64_t a = device::SwizzledDescriptor(shared + threadIdx.x / 128 * 8192),
                      b = device::SwizzledDescriptor(shared + 16384),
                      c = device::SwizzledDescriptor(shared + 32768);
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
    device::FenceProducts();
#pragma unroll
    for (int i = 0; i < kProductsOfRound / 2; ++i) {
      const auto step = static_cast<std::uint64_t>(2 * i);
      device::MultiplyShared(left, a + step, b + step, device::ElementTag<__half>{});
      device::MultiplyShared(right, a + step, c + step, device::ElementTag<__half>{});
    }
    device::CommitProducts();
    if (round > 0) device::WaitProducts<1>();
  }
  device::WaitProducts<0>();
  device::HoldSums(left);
  device::HoldSums(right);
  float sum = 0.0f;
  for (int i = 0; i < kMatrices; ++i) sum += left[i][0] + right[i][1];
  return sum;
}

template <Other kOther>
__device__ float Execute(int rounds) {
  constexpr int kChains = 16;
  float sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = static_cast<float>(threadIdx.x + i);
  const float x = 0.5f + static_cast<float>(threadIdx.x), w = 0.25f;
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
#pragma unroll
    for (int i = 0; i < kInstructionsOfRound; ++i) {
      float& sum = sums[i % kChains];
      if constexpr (kOther == Other::kFma) {
        asm volatile("fma.rn.f32 %0, %1, %2, %0;\n" : "+f"(sum) : "f"(x), "f"(w));
      } else if constexpr (kOther == Other::kConvert) {
        asm volatile("{.reg .b16 low, high; mov.b32 {low, high}, %0; cvt.f32.f16 %0, low;}\n" : "+f"(sum));
      } else if constexpr (kOther == Other::kInteger) {
        asm volatile("mad.lo.s32 %0, %0, %1, %2;\n"
                     : "+r"(reinterpret_cast<unsigned&>(sum))
                     : "r"(__float_as_uint(x)), "r"(__float_as_uint(w)));
      } else {
        asm volatile("lop3.b32 %0, %0, %1, %2, 0x96;\n"
                     : "+r"(reinterpret_cast<unsigned&>(sum))
                     : "r"(__float_as_uint(x)), "r"(__float_as_uint(w)));
      }
    }
  }
  float sum = 0.0f;
  for (const float value : sums) sum += value;
  return sum;
}
#endif

template <Other kOther>
__global__ void __launch_bounds__(512, 1) BesideKernel(int products, int others, Cycles* cycles) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  char* shared = reinterpret_cast<char*>(&dynamic_shared<Storage>());
  shared += (1024 - device::SharedAddress(shared) % 1024) % 1024;
  for (unsigned i = threadIdx.x; i < 12288; i += blockDim.x) {
    reinterpret_cast<std::uint32_t*>(shared)[i] = 0x30003000u + (i * 2654435761u & 0x0fff0fffu);
  }
  device::FenceAsyncProxy();
  __syncthreads();
  const long long begin = clock64();
  if (threadIdx.x < 256) {
    device::TakeRegisters<168>();
    const float result = Multiply(shared, products);
    if (result == 1.25f) cycles->result = result;
    if (threadIdx.x == 0 && blockIdx.x == 0)
      cycles->products = static_cast<unsigned long long>(clock64() - begin);
  } else {
    device::GiveRegisters<80>();
    const float result = Execute<kOther>(others);
    if (result == 1.25f) cycles->result = result;
    if (threadIdx.x == 256 && blockIdx.x == 0)
      cycles->others = static_cast<unsigned long long>(clock64() - begin);
  }
#else
  (void)products, (void)others, (void)cycles;
#endif
}

void Check(cudaError_t status) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "products_beside: %s\n", cudaGetErrorString(status));
  std::exit(3);
}

// The fewest of three launches, on all multiprocessors.
template <Other kOther>
Cycles Measure(int blocks, int products, int others) {
  Cycles* cycles = nullptr;
  Check(cudaMalloc(&cycles, sizeof *cycles));
  const auto kernel = BesideKernel<kOther>;
  constexpr int kSharedBytes = static_cast<int>(sizeof(Storage)) + 1024;
  Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes));
  constexpr auto kMost = std::numeric_limits<unsigned long long>::max();
  Cycles fewest{kMost, kMost, 0.0f};
  for (int i = 0; i < 3; ++i) {
    kernel<<<static_cast<unsigned>(blocks), 512, kSharedBytes>>>(products, others, cycles);
    Check(cudaGetLastError());
    Cycles now{};
    Check(cudaMemcpy(&now, cycles, sizeof now, cudaMemcpyDeviceToHost));
    fewest = {std::min(fewest.products, now.products), std::min(fewest.others, now.others), 0.0f};
  }
  Check(cudaFree(cycles));
  return fewest;
}

template <Other kOther>
void Print(const char* name, int blocks) {
  constexpr int kProducts = 400;
  for (const int others : {400, 800, 1600}) {
    const Cycles alone = Measure<kOther>(blocks, kProducts, 0), beside = Measure<kOther>(blocks, 0, others),
                 both = Measure<kOther>(blocks, kProducts, others);
    std::printf(
        "%-5s %7d of a warp | alone: products %7llu, others %7llu | both: %7llu %7llu | over the sum %.2f\n",
        name, others * kInstructionsOfRound, alone.products, beside.others, both.products, both.others,
        static_cast<double>(std::max(both.products, both.others)) /
            static_cast<double>(alone.products + beside.others));
  }
}

}  // namespace

int main() {
  cudaDeviceProp device{};
  Check(cudaGetDeviceProperties(&device, 0));
  if (device.major != 9) {
    std::fprintf(stderr, "products_beside: needs sm_90a; this is %s\n", device.name);
    return 3;
  }
  std::printf("%s, %d multiprocessors, cycles\n", device.name, device.multiProcessorCount);
  Print<Other::kFma>("FFMA", device.multiProcessorCount);
  Print<Other::kConvert>("cvt", device.multiProcessorCount);
  Print<Other::kInteger>("IMAD", device.multiProcessorCount);
  Print<Other::kLogic>("LOP3", device.multiProcessorCount);
  return 0;
}
