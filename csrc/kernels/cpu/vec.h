// Vectors for the kernels that lay out registers by hand, by the vector extensions of GCC and Clang: one source serves
// AVX-512, AVX2, SSE and NEON. A Vec is N registers that go through every operation side by side: N independent
// operations in a row keep the pipes full where one chain of dependent ones would wait for its own results.
//
// a * b + c becomes an FMA where there is one. The formulas of csrc/math that are templates on F take a Vec.
// Everything is local to the file that includes it, since it means something else in every instruction set.
#pragma once
#include "../../math/exp2.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define PYVAE_VEC [[maybe_unused, gnu::always_inline]] static inline
#define PYVAE_INLINE __attribute__((always_inline))  // for members, friends, and lambdas that run once per pair
#define PYVAE_EACH_REGISTER _Pragma("GCC unroll 8") for (int k = 0; k < N; ++k)

namespace pyvae::cpu {
namespace {

// The versions for scalars; those for a Vec, below, would hide them.
using pyvae::exp2_weight, pyvae::larger, pyvae::reciprocal, pyvae::root, pyvae::select, pyvae::shift_bits_left,
    pyvae::smaller;

#if defined(__AVX512F__)
constexpr int64_t kRegisterBytes = 64;
#elif defined(__AVX__)
constexpr int64_t kRegisterBytes = 32;
#else
constexpr int64_t kRegisterBytes = 16;
#endif

template <typename T>
struct RegisterOf;
template <>
struct RegisterOf<float> {
  typedef float type __attribute__((vector_size(kRegisterBytes)));
  typedef int32_t mask __attribute__((vector_size(kRegisterBytes)));
};
template <>
struct RegisterOf<double> {
  typedef double type __attribute__((vector_size(kRegisterBytes)));
  typedef int64_t mask __attribute__((vector_size(kRegisterBytes)));
};
template <typename T>
using Register = typename RegisterOf<T>::type;

template <typename T>
constexpr int64_t kRegisterLanes = kRegisterBytes / static_cast<int64_t>(sizeof(T));

template <typename T, int N>
struct Mask {
  typename RegisterOf<T>::mask part[N];
};

template <typename T, int N>
struct Vec {
  static constexpr int64_t kLanes = N * kRegisterLanes<T>;
  Register<T> part[N];

  Vec() = default;
  PYVAE_INLINE Vec(T x) { PYVAE_EACH_REGISTER part[k] = x - Register<T>{}; }  // in every lane; x + 0 would lose -0

  friend PYVAE_INLINE Vec operator+(Vec a, Vec b) {
    PYVAE_EACH_REGISTER a.part[k] += b.part[k];
    return a;
  }
  friend PYVAE_INLINE Vec operator-(Vec a, Vec b) {
    PYVAE_EACH_REGISTER a.part[k] -= b.part[k];
    return a;
  }
  friend PYVAE_INLINE Vec operator*(Vec a, Vec b) {
    PYVAE_EACH_REGISTER a.part[k] *= b.part[k];
    return a;
  }
  friend PYVAE_INLINE Vec operator/(Vec a, Vec b) {
    PYVAE_EACH_REGISTER a.part[k] /= b.part[k];
    return a;
  }
  friend PYVAE_INLINE Mask<T, N> operator==(Vec a, Vec b) {
    Mask<T, N> mask;
    PYVAE_EACH_REGISTER mask.part[k] = a.part[k] == b.part[k];
    return mask;
  }
  friend PYVAE_INLINE Mask<T, N> operator>(Vec a, Vec b) {
    Mask<T, N> mask;
    PYVAE_EACH_REGISTER mask.part[k] = a.part[k] > b.part[k];
    return mask;
  }
};

template <typename T, int N>
PYVAE_VEC Vec<T, N> load(const T* from) {
  Vec<T, N> v;
  PYVAE_EACH_REGISTER __builtin_memcpy(&v.part[k], from + k * kRegisterLanes<T>, kRegisterBytes);
  return v;
}

template <typename T, int N>
PYVAE_VEC void store(T* to, Vec<T, N> v) {
  PYVAE_EACH_REGISTER __builtin_memcpy(to + k * kRegisterLanes<T>, &v.part[k], kRegisterBytes);
}

// The first `count` lanes, from 1 to all: those behind are 0, and stay as they are in memory.
template <typename T>
PYVAE_VEC Vec<T, 1> load_part(const T* from, int64_t count) {
  if (count == kRegisterLanes<T>) return load<T, 1>(from);
#if defined(__AVX512F__)
  Vec<T, 1> part;
  if constexpr (sizeof(T) == 4) {
    part.part[0] = _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);
  } else {
    part.part[0] = _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1), from);
  }
  return part;
#else
  T lane[kRegisterLanes<T>] = {};
  for (int64_t k = 0; k < count; ++k) lane[k] = from[k];
  return load<T, 1>(lane);
#endif
}
template <typename T>
PYVAE_VEC void store_part(T* to, Vec<T, 1> v, int64_t count) {
  if (count == kRegisterLanes<T>) return store(to, v);
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), v.part[0]);
  } else {
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << count) - 1), v.part[0]);
  }
#else
  T lane[kRegisterLanes<T>];
  store(lane, v);
  for (int64_t k = 0; k < count; ++k) to[k] = lane[k];
#endif
}

template <typename T, int N>
PYVAE_VEC Vec<T, N> select(Mask<T, N> mask, Vec<T, N> a, Vec<T, N> b) {
  PYVAE_EACH_REGISTER a.part[k] = mask.part[k] ? a.part[k] : b.part[k];
  return a;
}

// a > b ? a : b, which is what the processor's maximum does with NaN; compilers do not see that when a is a constant.
PYVAE_VEC Register<float> larger_part(Register<float> a, Register<float> b) {
#if defined(__AVX512F__)
  return _mm512_maskz_max_ps(0xffff, a, b);  // GCC 12 warns of the undefined vector inside _mm512_max_ps
#elif defined(__AVX__)
  return _mm256_max_ps(a, b);
#elif defined(__SSE2__)
  return _mm_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}
PYVAE_VEC Register<double> larger_part(Register<double> a, Register<double> b) { return a > b ? a : b; }

template <typename T, int N>
PYVAE_VEC Vec<T, N> larger(Vec<T, N> a, Vec<T, N> b) {
  PYVAE_EACH_REGISTER a.part[k] = larger_part(a.part[k], b.part[k]);
  return a;
}

// b < a ? b : a: where either is NaN, this is a.
PYVAE_VEC Register<float> smaller_part(Register<float> a, Register<float> b) {
#if defined(__AVX512F__)
  return _mm512_maskz_min_ps(0xffff, b, a);
#elif defined(__AVX__)
  return _mm256_min_ps(b, a);
#elif defined(__SSE2__)
  return _mm_min_ps(b, a);
#else
  return b < a ? b : a;
#endif
}
PYVAE_VEC Register<double> smaller_part(Register<double> a, Register<double> b) { return b < a ? b : a; }

template <typename T, int N>
PYVAE_VEC Vec<T, N> smaller(Vec<T, N> a, Vec<T, N> b) {
  PYVAE_EACH_REGISTER a.part[k] = smaller_part(a.part[k], b.part[k]);
  return a;
}

// 1 / x of a finite x. A division of 64 bytes would take as long as sixteen multiply-adds: from 14 bits a step of
// Newton's leads to a unit in the last place.
PYVAE_VEC Register<float> reciprocal_part(Register<float> x) {
#if defined(__AVX512F__)
  const Register<float> near = _mm512_maskz_rcp14_ps(0xffff, x);
  return near + near * (1 - x * near);
#else
  return 1 / x;
#endif
}
PYVAE_VEC Register<double> reciprocal_part(Register<double> x) { return 1 / x; }

template <typename T, int N>
PYVAE_VEC Vec<T, N> reciprocal(Vec<T, N> x) {
  PYVAE_EACH_REGISTER x.part[k] = reciprocal_part(x.part[k]);
  return x;
}

// Compilers do not see a register's square root in a loop over its lanes.
PYVAE_VEC Register<float> root_part(Register<float> x) {
#if defined(__AVX512F__)
  return _mm512_maskz_sqrt_ps(0xffff, x);
#elif defined(__AVX__)
  return _mm256_sqrt_ps(x);
#elif defined(__SSE2__)
  return _mm_sqrt_ps(x);
#else
  for (int64_t k = 0; k < kRegisterLanes<float>; ++k) x[k] = __builtin_sqrtf(x[k]);
  return x;
#endif
}
PYVAE_VEC Register<double> root_part(Register<double> x) {
  for (int64_t k = 0; k < kRegisterLanes<double>; ++k) x[k] = __builtin_sqrt(x[k]);
  return x;
}
template <typename T, int N>
PYVAE_VEC Vec<T, N> root(Vec<T, N> x) {
  PYVAE_EACH_REGISTER x.part[k] = root_part(x.part[k]);
  return x;
}

template <int N>
PYVAE_VEC Vec<float, N> shift_bits_left(Vec<float, N> x, int count) {
  PYVAE_EACH_REGISTER x.part[k] =
      __builtin_bit_cast(Register<float>, __builtin_bit_cast(RegisterOf<float>::mask, x.part[k]) << count);
  return x;
}

// float64 is the exact path, not the fast one: the C library, lane by lane.
template <int N>
PYVAE_VEC Vec<double, N> exp2_weight(Vec<double, N> x) {
  double lane[Vec<double, N>::kLanes];
  store(lane, x);
  for (double& value : lane) value = exp2_weight(value);
  return load<double, N>(lane);
}

template <typename T>
void fill_zero(T* begin, T* end) {
  for (T* p = begin; p < end; ++p) *p = 0;
}

// Whether a comparison holds in any lane.
template <typename T, int N>
PYVAE_VEC bool any(Mask<T, N> mask) {
  auto either = mask.part[0];
  for (int k = 1; k < N; ++k) either |= mask.part[k];
#if defined(__AVX512F__)
  return _mm512_test_epi64_mask(__builtin_bit_cast(__m512i, either), __builtin_bit_cast(__m512i, either)) != 0;
#else
  uint64_t words[kRegisterBytes / sizeof(uint64_t)], set = 0;
  __builtin_memcpy(words, &either, sizeof(words));
  for (const uint64_t word : words) set |= word;
  return set != 0;
#endif
}

// sum + a, and sum + a b, register after register: one register holds the sum of many.
template <typename T, int N>
PYVAE_VEC void accumulate(Vec<T, 1>& sum, Vec<T, N> a) {
  PYVAE_EACH_REGISTER sum.part[0] += a.part[k];
}
template <typename T, int N>
PYVAE_VEC void accumulate(Vec<T, 1>& sum, Vec<T, N> a, Vec<T, N> b) {
  PYVAE_EACH_REGISTER sum.part[0] += a.part[k] * b.part[k];
}

PYVAE_VEC float sum_of_lanes(Vec<float, 1> v) {
  typedef float Four __attribute__((vector_size(16)));
  Four part[kRegisterBytes / 16];
  __builtin_memcpy(part, &v, sizeof(part));
  for (uint64_t k = 1; k < sizeof(part) / sizeof(Four); ++k) part[0] += part[k];
  return (part[0][0] + part[0][2]) + (part[0][1] + part[0][3]);
}
PYVAE_VEC double sum_of_lanes(Vec<double, 1> v) {
  double sum = 0;
  for (int64_t k = 0; k < kRegisterLanes<double>; ++k) sum += v.part[0][k];
  return sum;
}

// 0, 1, ... as template arguments.
template <int... kLane>
struct Lanes {};
template <int kCount, int... kLane>
struct LanesBelow : LanesBelow<kCount - 1, kCount - 1, kLane...> {};
template <int... kLane>
struct LanesBelow<0, kLane...> {
  using type = Lanes<kLane...>;
};

// Adds each lane of two registers to the one kApart from it; keeps a's sums where that bit of the lane is 0, b's where
// it is 1.
template <int kApart, typename R, int... kLane>
PYVAE_VEC R add_apart(R a, R b, Lanes<kLane...>) {
  constexpr int kLanes = sizeof...(kLane);
  const R own = __builtin_shufflevector(a, b, (kLane + (kLane & kApart ? kLanes : 0))...);
  const R other = __builtin_shufflevector(a, b, ((kLane ^ kApart) + (kLane & kApart ? kLanes : 0))...);
  return own + other;
}

// The sums over lanes of as many registers as one has lanes. Together they take about four operations each, where
// sum_of_lanes takes ten.
template <int kApart, typename T>
PYVAE_VEC Register<T> sums_of_lanes(const T (*from)[kRegisterLanes<T>]) {
  constexpr int kLanes = kRegisterLanes<T>;
  if constexpr (kApart == kLanes) {
    return load<T, 1>(*from).part[0];
  } else {
    using All = typename LanesBelow<kLanes>::type;
    return add_apart<kApart>(sums_of_lanes<2 * kApart>(from), sums_of_lanes<2 * kApart>(from + kApart), All{});
  }
}
template <typename T>
PYVAE_VEC Vec<T, 1> sums_of_lanes(const T (*from)[kRegisterLanes<T>]) {
  Vec<T, 1> sums;
  sums.part[0] = sums_of_lanes<1, T>(from);
  return sums;
}

}  // namespace
}  // namespace pyvae::cpu
