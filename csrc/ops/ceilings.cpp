// An op without tensors for benchmarks, CPU library only: multiply-adds on as many threads as there are pieces.
#include "../kernels/ceilings.h"

#include "launch.h"

namespace pyvae::ops {
namespace {

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

}  // namespace
}  // namespace pyvae::ops

STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) { m.def("multiply_add(int iterations, int pieces) -> int"); }

STABLE_TORCH_LIBRARY_IMPL(pyvae, CompositeExplicitAutograd, m) {
  m.impl("multiply_add", TORCH_BOX(&pyvae::ops::multiply_add));
}
