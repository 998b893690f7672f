// A training step of stacked VAEs in two halves: encode, sample, decode and compare with the images; then, from the
// gradients of a loss in what that gave, the backward pass and Adam. Encoder and decoder are affine maps with relu
// between them.
//
// Everything of a model lies in one run of memory: its parameters, and so its moments. A weight's gradient is never
// stored: Adam takes a few rows of it while they are in the first-level cache. Models are independent, and each is
// computed by one thread, so its bits depend neither on its neighbours nor on the number of threads.
#pragma once
#include "../math/adam.h"
#include "../math/likelihood.h"
#include "../math/range.h"
#include "isa.h"

namespace pyvae {

// An affine map of one model. Offsets count numbers from the beginning of the model's parameters or activations.
struct VaeLayer {
  int64_t inputs, outputs;
  int64_t weight, bias;  // [inputs, outputs], [outputs]
  int64_t output;        // [batch, outputs]
};

struct VaeShape {
  int64_t models, batch, latents;
  int64_t encoder_layers, layers;  // the decoder's come last
  const VaeLayer* layer;
  int64_t parameters, activations;  // numbers of one model
  Likelihood likelihood;
  double scale;  // the Gaussian's

  PYVAE_MEMBER int64_t inputs() const { return layer[0].inputs; }
};

template <typename T>
struct StackedVaeForward {
  VaeShape shape;
  const T* x;           // [K, B, inputs]
  const int64_t* seed;  // [K]
  const T* parameters;  // [K, parameters]
  T* activations;       // [K, activations]
  T* reconstruction;    // [K, B]
  T* z;                 // [K, B, L]
  T* mu;                // [K, B, L]
  T* logvar;            // [K, B, L]
};

template <typename T>
struct StackedVaeUpdate {
  VaeShape shape;
  AdamStep<T> step;
  const T* grad_reconstruction;  // [K, B]
  const T* grad_z;               // [K, B, L]
  const T* grad_mu;              // [K, B, L]
  const T* grad_logvar;          // [K, B, L]
  const T* x;                    // [K, B, inputs]
  const T* z;                    // [K, B, L]
  const T* logvar;               // [K, B, L]
  const int64_t* seed;           // [K]
  const T* activations;          // [K, activations]
  T* parameters;                 // [K, parameters]
  T* first;                      // [K, parameters]
  T* second;                     // [K, parameters]
  T* room;                       // stacked_vae_room(shape) numbers for each share
  int64_t shares;                // of the models; each is one thread's
};

PYVAE_MATH int64_t widest_layer(const VaeShape& shape) {
  int64_t widest = 0;
  for (int64_t k = 0; k < shape.layers; ++k)
    widest = larger(widest, larger(shape.layer[k].inputs, shape.layer[k].outputs));
  return ceil_div(widest, 64) * 64;
}

// Of one share: two gradients of activations, a packed one, a panel of a transposed one, rows of a weight's.
PYVAE_MATH int64_t stacked_vae_room(const VaeShape& shape) { return widest_layer(shape) * (3 * shape.batch + 64 + 8); }

namespace cpu {
// Models [begin, end).
template <Isa isa, typename T>
void stacked_vae_forward(const StackedVaeForward<T>& args, int64_t begin, int64_t end);
// Shares [begin, end) of args.shares.
template <Isa isa, typename T>
void stacked_vae_update(const StackedVaeUpdate<T>& args, int64_t begin, int64_t end);
}  // namespace cpu

}  // namespace pyvae
