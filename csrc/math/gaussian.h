// Diagonal Gaussians, one latent at a time: density, KL divergence, their gradients. logvar is log sigma^2.
#pragma once
#include "exp.h"

namespace pyvae {

// What a cotangent is multiplied with: the derivative, and nothing where the cotangent is 0. What a loss leaves out has
// no gradient, and 0 * inf would be NaN.
template <typename T>
PYVAE_MATH T derivative_for(T cotangent, T derivative) {
  return kept_if(cotangent != T(0), derivative);
}

// --- Reparameterisation: z = mu + e^(logvar/2) eps  (Kingma & Welling 2014, eq. 10) --------------------------------

template <typename T>
PYVAE_MATH T reparameterize(T mu, T logvar, T eps) {
  return mu + exp(T(0.5) * logvar) * eps;
}

// dz/dlogvar; dz/dmu is 1.
template <typename T>
PYVAE_MATH T reparameterize_grad_logvar(T logvar, T eps) {
  return half_exp(T(0.5) * logvar) * eps;
}

// --- KL divergence --------------------------------------------------------------------------------------------------

template <typename T>
struct GaussianKlGrad {
  T mu, logvar, prior_mu, prior_logvar;
};

template <typename T>
PYVAE_MATH GaussianKlGrad<T> derivative_for(T cotangent, GaussianKlGrad<T> of) {
  return {derivative_for(cotangent, of.mu), derivative_for(cotangent, of.logvar),
          derivative_for(cotangent, of.prior_mu), derivative_for(cotangent, of.prior_logvar)};
}

// KL(N(mu, e^logvar) || N(0, 1)) = (mu^2 + expm1(logvar) - logvar) / 2  (Kingma & Welling 2014, appendix B).
template <typename T>
PYVAE_MATH T gaussian_kl(T mu, T logvar) {
  return T(0.5) * mu * mu + half_expm1_remainder(logvar);
}

template <typename T>
PYVAE_MATH GaussianKlGrad<T> gaussian_kl_grad(T mu, T logvar) {
  return {mu, half_expm1(logvar), T(0), T(0)};
}

// KL(N(mu, e^logvar) || N(prior_mu, e^prior_logvar)) = (t^2 + expm1(delta) - delta) / 2 with
// t = (mu - prior_mu) / sigma_prior, delta = logvar - prior_logvar.
template <typename T>
PYVAE_MATH T gaussian_kl(T mu, T logvar, T prior_mu, T prior_logvar) {
  const T t = (mu - prior_mu) * exp(T(-0.5) * prior_logvar);
  return T(0.5) * t * t + half_expm1_remainder(logvar - prior_logvar);
}

template <typename T>
PYVAE_MATH GaussianKlGrad<T> gaussian_kl_grad(T mu, T logvar, T prior_mu, T prior_logvar) {
  const T inverse_sigma = exp(T(-0.5) * prior_logvar);
  const T t = (mu - prior_mu) * inverse_sigma;
  const T grad_mu = t * inverse_sigma;
  const T grad_logvar = half_expm1(logvar - prior_logvar);
  return {grad_mu, grad_logvar, -grad_mu, T(-0.5) * t * t - grad_logvar};
}

// --- Log-density ----------------------------------------------------------------------------------------------------
//
// log N(z; mu, e^logvar) less its constant: -(eps^2 + logvar) / 2 with eps = (z - mu) e^(-logvar/2), which stays finite
// where e^-logvar overflows.

constexpr double kLog2Pi = 1.83787706640934548356;

template <typename T>
PYVAE_MATH T log_normal_constant(int64_t latents) {
  return static_cast<T>(-0.5 * kLog2Pi * static_cast<double>(latents));
}

template <typename T>
PYVAE_MATH T log_normal(T z, T mu, T logvar) {
  const T eps = (z - mu) * exp(T(-0.5) * logvar);
  return T(-0.5) * (eps * eps + logvar);
}

// d/dz is -d/dmu.
template <typename T>
struct LogNormalGrad {
  T mu, logvar;
};

template <typename T>
PYVAE_MATH LogNormalGrad<T> derivative_for(T cotangent, LogNormalGrad<T> of) {
  return {derivative_for(cotangent, of.mu), derivative_for(cotangent, of.logvar)};
}

template <typename T>
PYVAE_MATH LogNormalGrad<T> log_normal_grad(T z, T mu, T logvar) {
  const T inverse_sigma = exp(T(-0.5) * logvar), eps = (z - mu) * inverse_sigma;
  return {eps * inverse_sigma, T(0.5) * (eps * eps - T(1))};
}

template <typename T>
PYVAE_MATH T log_standard_normal(T z) {
  return T(-0.5) * z * z;
}

template <typename T>
PYVAE_MATH T log_standard_normal_grad(T z) {
  return -z;
}

// --- Log-density in base 2 ------------------------------------------------------------------------------------------
//
// log2 N(z; mu, sigma^2) = constant - u^2, u = (z - mu) * scale. Base 2 because exp2 is cheaper than exp, and `scale`
// rather than its square because it stays finite down to logvar = -176, where 1/(2 sigma^2) overflows at -88.

constexpr double kLogDensityScale = 0.84932180028801904272;  // sqrt(log2(e) / 2)

// kLogDensityScale / sigma. Computed once per column and met by every query, so both are rounded once, from float64.
template <typename T>
PYVAE_MATH T log_density_scale(T logvar) {
  return static_cast<T>(kLogDensityScale * exp(-0.5 * static_cast<double>(logvar)));
}

template <typename T>
PYVAE_MATH T log_density_constant(T logvar) {
  return static_cast<T>(-0.5 * kLog2E * (static_cast<double>(logvar) + kLog2Pi));
}

// Gradients of the *natural* log-density, in the quantities above:
//   d/dz = -d/dmu = -2 ln 2 * scale * u,   d/dlogvar = ln 2 * u^2 - 1/2.
// The first factor serves a sum of w * u for d/dmu and of w * scale * u for d/dz, w being weights of many densities;
// the second takes the sums of w and w * u^2.
template <typename T>
PYVAE_MATH T log_density_grad_mu_factor(T scale) {
  return T(2 * kLn2) * scale;
}

template <typename T>
PYVAE_MATH T log_density_grad_logvar(T weight, T weight_u2) {
  return T(kLn2) * weight_u2 - T(0.5) * weight;
}

}  // namespace pyvae
