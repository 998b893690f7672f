// Multiply-adds as fast as they go: kAccumulators independent chains of vectors, enough to hide the latency of one
// (4 cycles, 2 a cycle on current cores: 8 chains) and few enough to stay in registers on every instruction set.
#include "../ceilings.h"

namespace pyvae::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(float));
constexpr int kAccumulators = 12;

typedef float Vector __attribute__((vector_size(kVectorBytes)));

}  // namespace

template <>
int64_t multiply_add<Isa::PYVAE_ISA>(int64_t iterations, float factor, float addend, float* result) {
  Vector sums[kAccumulators];
  for (int k = 0; k < kAccumulators; ++k) sums[k] = Vector{} + static_cast<float>(k);
  const Vector factors = Vector{} + factor, addends = Vector{} + addend;
  for (int64_t i = 0; i < iterations; ++i) {
    for (int k = 0; k < kAccumulators; ++k) sums[k] = sums[k] * factors + addends;
  }
  float total = 0;
  for (int k = 0; k < kAccumulators; ++k) {
    for (int lane = 0; lane < kLanes; ++lane) total += sums[k][lane];
  }
  *result = total;
  return iterations * kAccumulators * kLanes;
}

}  // namespace pyvae::cpu
