// z = mu + e^(logvar/2) eps and the KL divergence of each row to the standard normal, mu and logvar read once for both;
// in the backward likewise. The noise is that of reparameterize.h.
#pragma once
#include "isa.h"

namespace pyvae {

// A stream is a number of whole rows, or, with as many streams as elements, one element. No size is 0.
template <typename T>
struct ReparameterizeWithKl {
  int64_t rows, latents, streams;
  const T* mu;          // [R, D]
  const T* logvar;      // [R, D]
  const int64_t* seed;  // [S]
  T* z;                 // [R, D]
  T* kl;                // [R]
};

template <typename T>
struct ReparameterizeWithKlBackward {
  int64_t rows, latents, streams;
  const T* grad_z;      // [R, D]
  const T* grad_kl;     // [R]
  const T* mu;          // [R, D]
  const T* logvar;      // [R, D]
  const int64_t* seed;  // [S]
  T* grad_mu;           // [R, D]
  T* grad_logvar;       // [R, D]
};

namespace cpu {
// Rows [begin, end).
template <Isa isa, typename T>
void reparameterize_with_kl(const ReparameterizeWithKl<T>& args, int64_t begin, int64_t end);
template <Isa isa, typename T>
void reparameterize_with_kl_backward(const ReparameterizeWithKlBackward<T>& args, int64_t begin, int64_t end);
}  // namespace cpu

namespace cuda {
// Both return a cudaError_t; stream is a cudaStream_t.
template <typename T>
int reparameterize_with_kl(const ReparameterizeWithKl<T>& args, void* stream);
template <typename T>
int reparameterize_with_kl_backward(const ReparameterizeWithKlBackward<T>& args, void* stream);
}  // namespace cuda

}  // namespace pyvae
