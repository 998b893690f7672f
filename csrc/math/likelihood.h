// The two likelihoods of an image's numbers that training steps know: what they add to the reconstruction term, in nats
// and without constants, and its derivative by what the decoder gave.
#pragma once
#include "exp.h"
#include "log.h"

namespace pyvae {

enum class Likelihood : int64_t {
  gaussian = 0,   // decoded is the mean; `scale` is 1 / (2 variance)
  bernoulli = 1,  // decoded is the logit; x in [0, 1]
};

template <typename T>
PYVAE_MATH T gaussian_term(T x, T mean, T scale) {
  const T apart = mean - x;
  return scale * (apart * apart);
}
template <typename T>
PYVAE_MATH T gaussian_term_derivative(T x, T mean, T scale) {
  return 2 * scale * (mean - x);
}

// -x log(s) - (1 - x) log(1 - s) for s = 1 / (1 + e^-logit), in the form that no logit makes overflow.
template <typename T>
PYVAE_MATH T bernoulli_term(T x, T logit) {
  const T magnitude = logit < 0 ? -logit : logit;
  return larger(logit, T(0)) - x * logit + log(1 + exp(-magnitude));
}
template <typename T>
PYVAE_MATH T bernoulli_term_derivative(T x, T logit) {
  const T e = exp(logit < 0 ? logit : -logit), small = e / (1 + e), large = 1 / (1 + e);
  return (logit < 0 ? small : large) - x;
}

}  // namespace pyvae
