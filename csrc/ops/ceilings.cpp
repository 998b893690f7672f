// Ops for benchmarks: what the machine does at best. On the CPU multiply-adds on as many threads as there are pieces;
// on a GPU multiply-adds, exponentials, Philox blocks and a copy.
#include "../kernels/ceilings.h"

#include <tuple>

#include "launch.h"

namespace pyvae::ops {
namespace {

#if !defined(USE_CUDA)

// Every piece does `iterations` rounds; returns the multiply-adds of all, lanes counted.
int64_t multiply_add(int64_t iterations, int64_t pieces) {
  STD_TORCH_CHECK(iterations > 0 && pieces > 0, "expected iterations and pieces greater than 0");
  struct alignas(64) Piece {  // a cache line each: threads write side by side
    int64_t count;
    float result;
  };
  std::vector<Piece> done(static_cast<size_t>(pieces));
  with_isa([&](auto isa) {
    torch::stable::parallel_for(0, pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        Piece& piece = done[static_cast<size_t>(k)];
        // A factor below 1 keeps the sums finite and normal.
        piece.count = cpu::multiply_add<isa()>(iterations, 0.5F, 1.0F, &piece.result);
      }
    });
  });
  int64_t total = 0;
  for (const Piece& piece : done) total += piece.count;
  return total;
}

#else

using Rate = int (*)(int64_t, int64_t, float*, void*);

// The numbers that make sure of the work, [blocks * kCeilingThreads] on `on`'s device, and how many operations it was.
template <Rate rate, int kChains>
std::tuple<Tensor, int64_t> ceiling(const Tensor& on, int64_t blocks, int64_t iterations) {
  STD_TORCH_CHECK(on.scalar_type() == ScalarType::Float, "expected a float32 tensor");
  STD_TORCH_CHECK(blocks > 0 && blocks < (int64_t{1} << 31) && iterations > 0,
                  "expected blocks and iterations greater than 0");
  const int64_t threads = blocks * cuda::kCeilingThreads;
  const Tensor result = empty_of(on, {threads});
  launch(
      on, 0, 0, [](auto, int64_t, int64_t) {},
      [&](auto stream) { return rate(iterations, blocks, out<float>(result), stream); });
  return {result, threads * kChains * iterations};
}

Tensor ceiling_copy(const Tensor& source) {
  STD_TORCH_CHECK(source.scalar_type() == ScalarType::Float && source.is_contiguous() && source.numel() % 4 == 0,
                  "expected a contiguous float32 tensor of a multiple of 4 elements");
  const Tensor to = dense_empty(source);
  launch(
      source, 0, 0, [](auto, int64_t, int64_t) {},
      [&](auto stream) { return cuda::copy(in<float>(source), out<float>(to), source.numel(), stream); });
  return to;
}

#endif

}  // namespace
}  // namespace pyvae::ops

#if !defined(USE_CUDA)
STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def("multiply_add(int iterations, int pieces) -> int");
  m.def("ceiling_multiply_add(Tensor on, int blocks, int iterations) -> (Tensor result, int operations)");
  m.def("ceiling_exp2(Tensor on, int blocks, int iterations) -> (Tensor result, int operations)");
  m.def("ceiling_philox(Tensor on, int blocks, int iterations) -> (Tensor result, int operations)");
  m.def("ceiling_copy(Tensor source) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(pyvae, CompositeExplicitAutograd, m) {
  m.impl("multiply_add", TORCH_BOX(&pyvae::ops::multiply_add));
}
#else
STABLE_TORCH_LIBRARY_IMPL(pyvae, CUDA, m) {
  using namespace pyvae;
  m.impl("ceiling_multiply_add", TORCH_BOX((&ops::ceiling<cuda::multiply_add, cuda::kCeilingChains>)));
  m.impl("ceiling_exp2", TORCH_BOX((&ops::ceiling<cuda::exp2_approx, cuda::kCeilingChains>)));
  m.impl("ceiling_philox", TORCH_BOX((&ops::ceiling<cuda::philox_blocks, cuda::kPhiloxChains>)));
  m.impl("ceiling_copy", TORCH_BOX(&ops::ceiling_copy));
}
#endif
