// Radial kernels k(r2) of the squared distance r2 = |x - y|^2 and their derivatives in it, and the weights with which
// the unbiased squared maximum mean discrepancy adds them up (Gretton et al. 2012, "A Kernel Two-Sample Test", eq. 3).
//
// F is a scalar T or the vector of it of kernels/cpu/vec.h.
#pragma once
#include "exp2.h"

namespace pyvae {

enum class RadialKernel : int64_t {
  rbf = 0,  // e^(-r2 / c), the Gaussian kernel
  imq = 1,  // c / (c + r2), the inverse multiquadric kernel
};

template <typename F>
struct KernelAt {
  F value, derivative;
};

namespace detail {

template <typename T>
constexpr T kLeast = sizeof(T) == 4 ? T(__FLT_MIN__) : T(__DBL_MIN__);
template <typename T>
constexpr T kMost = sizeof(T) == 4 ? T(__FLT_MAX__) : T(__DBL_MAX__);

// x > 0 in a type that may be too narrow for it: times a distance of 0 infinity would be NaN, and so would 0 times an
// infinite one.
template <typename T>
PYVAE_MATH T normal_within(double x) {
  return static_cast<T>(larger(smaller(x, static_cast<double>(kMost<T>)), static_cast<double>(kLeast<T>)));
}

}  // namespace detail

// 1 / c, of which both derivatives are made.
template <typename T>
PYVAE_MATH T inverse_scale(double scale) {
  return detail::normal_within<T>(1 / scale);
}
// What r2 is multiplied with first: log2(e) / c for an exponent in base 2, or 1 / c.
template <RadialKernel kKernel, typename T>
PYVAE_MATH T kernel_rate(double scale) {
  return kKernel == RadialKernel::rbf ? detail::normal_within<T>(kLog2E / scale) : inverse_scale<T>(scale);
}

// k = 2^(-r2 rate), dk / dr2 = -k / c. An infinite r2 gives 0 for both.
template <typename T, typename F>
PYVAE_MATH KernelAt<F> rbf_kernel(F r2, T rate, T inverse_scale) {
  const F value = exp2_weight(r2 * F(-rate));
  return {value, value * F(-inverse_scale)};
}

// k = 1 / (1 + r2 / c), dk / dr2 = -k^2 / c. What is too large for T stays finite, for which `reciprocal` asks.
template <typename T, typename F>
PYVAE_MATH KernelAt<F> imq_kernel(F r2, T inverse_scale) {
  const F value = reciprocal(smaller(r2 * F(inverse_scale) + F(T(1)), F(detail::kMost<T>)));
  return {value, value * value * F(-inverse_scale)};
}

template <RadialKernel kKernel, typename T, typename F>
PYVAE_MATH KernelAt<F> radial_kernel(F r2, T rate, T inverse_scale) {
  if constexpr (kKernel == RadialKernel::rbf) return rbf_kernel(r2, rate, inverse_scale);
  return imq_kernel(r2, inverse_scale);
}

// The weight of an unordered pair of different points of one sample of n, and of a pair of one point of each sample.
PYVAE_MATH double mmd_weight_within(int64_t n) { return 2 / (static_cast<double>(n) * static_cast<double>(n - 1)); }
PYVAE_MATH double mmd_weight_between(int64_t n, int64_t m) {
  return -2 / (static_cast<double>(n) * static_cast<double>(m));
}

// d r2 / dx = 2 (x - y), and with the other sign d r2 / dy: the factor of what is summed as dk / dr2 (x - y).
constexpr double kSquaredDistanceSlope = 2;

}  // namespace pyvae
