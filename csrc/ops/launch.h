// What every op does between its checks and its kernel: dtype dispatch, contiguous copies, threads or stream.
//
// Each file of this folder is compiled twice: into the CPU library, which also defines the schemas, and with USE_CUDA
// into the CUDA library.
#pragma once
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <vector>

#include "../kernels/isa.h"
#include "../kernels/subnormals.h"

#if defined(USE_CUDA)
#include <cuda_runtime.h>
#include <torch/csrc/stable/macros.h>
#define PYVAE_DEVICE CUDA
#else
#define PYVAE_DEVICE CPU
#endif

namespace pyvae::ops {

#if defined(USE_CUDA)
constexpr bool kCudaLibrary = true;
#else
constexpr bool kCudaLibrary = false;
#endif

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// Elements one thread takes at least: below this, waking another thread costs more than it does.
constexpr int64_t kElementGrain = 16384;

inline int64_t grain_for(int64_t elements_per_item) {
  return elements_per_item >= kElementGrain ? 1 : kElementGrain / (elements_per_item > 0 ? elements_per_item : 1);
}

inline bool same_shape(const Tensor& a, const Tensor& b) {
  if (a.dim() != b.dim()) return false;
  for (int64_t k = 0; k < a.dim(); ++k) {
    if (a.size(k) != b.size(k)) return false;
  }
  return true;
}

inline void check_device(const Tensor& first, const Tensor& other) {
  STD_TORCH_CHECK(other.get_device_index() == first.get_device_index() && other.is_cuda() == first.is_cuda(),
                  "expected tensors on one device");
}

// The net below the Python door: same floating dtype, same device. Shapes are each op's own business.
inline void check_alike(const Tensor& first, std::initializer_list<Tensor> others) {
  STD_TORCH_CHECK(first.scalar_type() == ScalarType::Float || first.scalar_type() == ScalarType::Double,
                  "expected float32 or float64 tensors");
  for (const Tensor& other : others) {
    STD_TORCH_CHECK(other.scalar_type() == first.scalar_type(), "expected tensors of one dtype");
    check_device(first, other);
  }
}

inline int64_t product_of_sizes(const Tensor& t, int64_t begin, int64_t end) {
  int64_t product = 1;
  for (int64_t k = begin; k < end; ++k) product *= t.size(k);
  return product;
}

inline std::vector<int64_t> sizes_of(const Tensor& t, int64_t begin, int64_t end) {
  std::vector<int64_t> sizes;
  for (int64_t k = begin; k < end; ++k) sizes.push_back(t.size(k));
  return sizes;
}

// Asked first, because a call through torch's dispatcher takes a microsecond.
inline Tensor dense(const Tensor& t) { return t.is_contiguous() ? t : torch::stable::contiguous(t); }
inline Tensor empty_of(const Tensor& like, const std::vector<int64_t>& sizes) {
  return torch::stable::new_empty(like, sizes);
}
inline Tensor empty_bytes(const Tensor& like, const std::vector<int64_t>& sizes) {
  return torch::stable::new_empty(like, sizes, ScalarType::Byte);
}
inline Tensor dense_empty(const Tensor& like) { return empty_of(like, sizes_of(like, 0, like.dim())); }

template <typename T>
const T* in(const Tensor& t) {
  return static_cast<const T*>(t.const_data_ptr());
}
template <typename T>
T* out(const Tensor& t) {
  return static_cast<T*>(t.mutable_data_ptr());
}

// Calls body<float>() or body<double>(), the type of the arithmetic: double for what is stored so.
template <typename Body>
void dispatch(const Tensor& like, Body body) {
  if (like.scalar_type() == ScalarType::Double) {
    body.template operator()<double>();
  } else {
    body.template operator()<float>();
  }
}

#if !defined(USE_CUDA)
template <typename Body>
void with_isa(Body body) {
#if defined(PYVAE_X86_ISAS)
  switch (current_isa()) {
    case Isa::avx512:
      return body(std::integral_constant<Isa, Isa::avx512>{});
    case Isa::avx2:
      return body(std::integral_constant<Isa, Isa::avx2>{});
    default:
      break;
  }
#endif
  body(std::integral_constant<Isa, Isa::baseline>{});
}
#endif

#if !defined(USE_CUDA)
// kernel(isa, begin, end) over items [0, count), on torch's threads.
template <typename Kernel>
void for_ranges(int64_t count, int64_t grain, Kernel kernel) {
  with_isa([&](auto isa) {
    torch::stable::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
      const SubnormalsAsZero while_it_runs;
      kernel(isa, begin, end);
    });
  });
}
#endif

// Runs a kernel: cpu(isa, begin, end) over torch's threads here, cuda(stream) on the current stream in the CUDA
// library. The other of the two is never instantiated.
template <typename Cpu, typename Cuda>
void launch([[maybe_unused]] const Tensor& on, [[maybe_unused]] int64_t items, [[maybe_unused]] int64_t grain,
            [[maybe_unused]] Cpu cpu, [[maybe_unused]] Cuda cuda) {
#if defined(USE_CUDA)
  const torch::stable::accelerator::DeviceGuard guard(on.get_device_index());
  void* stream = nullptr;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(on.get_device_index(), &stream));
  STD_CUDA_CHECK(static_cast<cudaError_t>(cuda(stream)));
#else
  for_ranges(items, grain, cpu);
#endif
}

}  // namespace pyvae::ops
