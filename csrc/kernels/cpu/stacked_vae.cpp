// The two halves of a training step, model after model, layer after layer (affine.h has the products).
//
// A step of the study's VAE is 125 million operations and reads and writes 4.4 MB of weights and moments: where they
// come from memory and not from a cache, that decides. So a share of models takes as few as it can at a time, and a
// gradient's rows go to Adam while they are in the first-level cache.
#include "../stacked_vae.h"

#include "../../math/gaussian.h"
#include "../reparameterize.h"
#include "affine.h"
#include "blocks.h"

namespace pyvae::cpu {
namespace {

// --- Forward ---

template <typename T>
void affine(AffineSizes of, const T* x, const T* parameters, const VaeLayer& layer, bool relu, T* y) {
  for (int64_t first = 0; first < of.outputs; first += kPanel<T>)
    affine_forward(of, first, x, parameters + layer.weight, parameters + layer.bias, relu, y);
}

// Layers [begin, end) of one model.
template <typename T>
void through(const VaeShape& shape, int64_t begin, int64_t end, const T* x, const T* parameters, T* activations) {
  for (int64_t k = begin; k < end; ++k) {
    const VaeLayer& layer = shape.layer[k];
    T* const y = activations + layer.output;
    affine({shape.batch, layer.inputs, layer.outputs}, x, parameters, layer, k + 1 < end, y);
    x = y;
  }
}

// The reconstruction term of every image of one model.
template <typename T, typename Term>
PYVAE_VEC void reconstruct_by(const VaeShape& shape, const T* x, const T* decoded, T* reconstruction, Term term) {
  constexpr int64_t kPiece = 8 * kBlock, kLanes = kRegisterLanes<T>;
  alignas(64) T terms[kPiece];
  for (int64_t i = 0; i < shape.batch; ++i) {
    Vec<T, 1> sum(T(0));
    for (int64_t first = 0; first < shape.inputs(); first += kPiece) {
      const int64_t count = smaller(shape.inputs() - first, kPiece), at = i * shape.inputs() + first;
      for_each_block<T>({x + at, decoded + at}, {terms}, count, [&](const T* const* in, T* const* out) PYVAE_INLINE {
#pragma omp simd
        for (int64_t k = 0; k < kBlock; ++k) out[0][k] = term(in[0][k], in[1][k]);
      });
      for (int64_t k = 0; k < count; k += kLanes) sum = sum + load_part<T>(terms + k, smaller(count - k, kLanes));
    }
    reconstruction[i] = sum_of_lanes(sum);
  }
}
template <typename T>
void reconstruct(const VaeShape& shape, const T* x, const T* decoded, T* reconstruction) {
  const T scale = static_cast<T>(shape.scale);
  if (shape.likelihood == Likelihood::gaussian) {
    reconstruct_by(shape, x, decoded, reconstruction,
                   [=](T a, T b) PYVAE_INLINE { return gaussian_term(a, b, scale); });
  } else {
    reconstruct_by(shape, x, decoded, reconstruction, [](T a, T b) PYVAE_INLINE { return bernoulli_term(a, b); });
  }
}

template <typename T>
void forward(const StackedVaeForward<T>& args, int64_t begin, int64_t end) {
  const VaeShape& shape = args.shape;
  const int64_t image = shape.batch * shape.inputs(), code = shape.batch * shape.latents;
  for (int64_t k = begin; k < end; ++k) {
    const T* const parameters = args.parameters + k * shape.parameters;
    T* const activations = args.activations + k * shape.activations;
    const T* const x = args.x + k * image;
    through(shape, 0, shape.encoder_layers, x, parameters, activations);
    const T* const head = activations + shape.layer[shape.encoder_layers - 1].output;
    T *const mu = args.mu + k * code, *const logvar = args.logvar + k * code, *const z = args.z + k * code;
    for (int64_t i = 0; i < shape.batch; ++i) {
      for (int64_t d = 0; d < shape.latents; ++d) {
        mu[i * shape.latents + d] = head[2 * i * shape.latents + d];
        logvar[i * shape.latents + d] = head[(2 * i + 1) * shape.latents + d];
      }
    }
    const Reparameterize<T> sample{1, code, mu, logvar, args.seed + k, z};
    reparameterize<Isa::PYVAE_ISA>(sample, 0, reparameterize_pieces(sample));
    through(shape, shape.encoder_layers, shape.layers, static_cast<const T*>(z), parameters, activations);
    const T* const decoded = activations + shape.layer[shape.layers - 1].output;
    reconstruct(shape, x, decoded, args.reconstruction + k * shape.batch);
  }
}

// --- Backward and Adam ---

// The gradient of what the decoder gave, from that of the reconstruction terms.
template <typename T, typename Derivative>
PYVAE_VEC void gradient_by(const VaeShape& shape, const T* grad, const T* x, const T* decoded, T* to,
                           Derivative derivative) {
  for (int64_t i = 0; i < shape.batch; ++i) {
    const int64_t at = i * shape.inputs();
    const T factor = grad[i];
    for_each_block<T>({x + at, decoded + at}, {to + at}, shape.inputs(),
                      [&](const T* const* in, T* const* out) PYVAE_INLINE {
#pragma omp simd
                        for (int64_t k = 0; k < kBlock; ++k) out[0][k] = factor * derivative(in[0][k], in[1][k]);
                      });
  }
}
template <typename T>
void gradient_of_decoded(const VaeShape& shape, const T* grad, const T* x, const T* decoded, T* to) {
  const T scale = static_cast<T>(shape.scale);
  if (shape.likelihood == Likelihood::gaussian) {
    gradient_by(shape, grad, x, decoded, to,
                [=](T a, T b) PYVAE_INLINE { return gaussian_term_derivative(a, b, scale); });
  } else {
    gradient_by(shape, grad, x, decoded, to, [](T a, T b) PYVAE_INLINE { return bernoulli_term_derivative(a, b); });
  }
}

// What a model learns with: its parameters and their moments.
template <typename T>
struct Learned {
  T *parameter, *first, *second;
  PYVAE_INLINE Learned from(int64_t offset) const { return {parameter + offset, first + offset, second + offset}; }
};

// A step of Adam for `count` numbers with these gradients.
template <typename T>
void learn(Learned<T> at, const T* gradient, int64_t count, const AdamStep<T>& step) {
  constexpr int64_t kLanes = kRegisterLanes<T>;
  const AdamStep<T> local = step;  // which no store to a parameter can change
  for (int64_t e = 0; e < count; e += kLanes) {
    const int64_t part = smaller(count - e, kLanes);
    const AdamState<Vec<T, 1>> now{load_part<T>(at.parameter + e, part), load_part<T>(at.first + e, part),
                                   load_part<T>(at.second + e, part)};
    const AdamState<Vec<T, 1>> next = adam(now, load_part<T>(gradient + e, part), local);
    store_part(at.parameter + e, next.parameter, part);
    store_part(at.first + e, next.first, part);
    store_part(at.second + e, next.second, part);
  }
}

// Of a thread: what lies between the layers of a backward pass.
template <typename T>
struct Room {
  T *here, *below;  // gradients of a layer's output and input
  T *packed, *transposed, *rows;
};

template <typename T>
Room<T> room_of(const StackedVaeUpdate<T>& args, int64_t share) {
  const int64_t widest = widest_layer(args.shape), activation = widest * args.shape.batch;
  T* const at = args.room + share * stacked_vae_room(args.shape);
  return {at, at + activation, at + 2 * activation, at + 3 * activation, at + 3 * activation + 64 * widest};
}

// Weight and bias of a layer, by the gradient of its output.
template <typename T>
void learn_layer(AffineSizes of, const T* x, const T* grad, const VaeLayer& layer, Learned<T> model,
                 const Room<T>& room, const AdamStep<T>& step) {
  pack_gradient(of, AsIs<T>{grad}, room.packed);
  const int64_t tiles = ceil_div(of.inputs, kTileRows);
  for (int64_t t = 0; t < tiles; ++t) {
    const Range inputs = part_of(of.inputs, t, tiles);
    for (int64_t first = 0; first < of.outputs; first += kPanel<T>) {
      affine_weight_gradient(of, inputs, x, room.packed + of.rows * first, first,
                             [&](int64_t i, int64_t j, int64_t count, Vec<T, 1> sum) PYVAE_INLINE {
                               store_part(room.rows + (i - inputs.first) * of.outputs + j, sum, count);
                             });
    }
    learn(model.from(layer.weight + inputs.first * of.outputs), room.rows, inputs.count() * of.outputs, step);
  }
  affine_bias_gradient<T>(of, AsIs<T>{grad}, [&](int64_t j, int64_t count, Vec<T, 1> sum) PYVAE_INLINE {
    store_part(room.rows + j, sum, count);
  });
  learn(model.from(layer.bias), room.rows, of.outputs, step);
}

// Layers [begin, end) of one model from the last to the first. `grad` is the gradient of the last one's output, x the
// input of the first. Returns the gradient of x, or null without `wanted`.
template <typename T>
const T* back(const VaeShape& shape, int64_t begin, int64_t end, const T* x, const T* activations, const T* grad,
              bool wanted, Learned<T> model, Room<T> room, const AdamStep<T>& step) {
  for (int64_t k = end - 1; k >= begin; --k) {
    const VaeLayer& layer = shape.layer[k];
    const AffineSizes of{shape.batch, layer.inputs, layer.outputs};
    const bool opens = k == begin;
    const T* const input = opens ? x : activations + shape.layer[k - 1].output;
    if (!opens || wanted) {  // before Adam changes the weight
      for (int64_t first = 0; first < of.rows; first += kPanel<T>) {
        transpose_gradient(of, first, AsIs<T>{grad}, room.transposed);
        for (int64_t i = 0; i < of.inputs; i += kTransposedRows)
          affine_input_gradient(of, first, {i, smaller(i + kTransposedRows, of.inputs)}, room.transposed,
                                model.parameter + layer.weight, opens ? nullptr : input, room.below);
      }
    }
    learn_layer(of, input, grad, layer, model, room, step);
    grad = room.below;
    room.below = room.here;
    room.here = const_cast<T*>(grad);
  }
  return wanted ? grad : nullptr;
}

template <typename T>
void update_model(const StackedVaeUpdate<T>& args, int64_t k, const Room<T>& room) {
  const VaeShape& shape = args.shape;
  const int64_t image = shape.batch * shape.inputs(), code = shape.batch * shape.latents;
  const Learned<T> model = Learned<T>{args.parameters, args.first, args.second}.from(k * shape.parameters);
  const T* const activations = args.activations + k * shape.activations;
  const T *const x = args.x + k * image, *const decoded = activations + shape.layer[shape.layers - 1].output;
  gradient_of_decoded(shape, args.grad_reconstruction + k * shape.batch, x, decoded, room.here);
  const T* const from_decoder = back(shape, shape.encoder_layers, shape.layers, args.z + k * code, activations,
                                     static_cast<const T*>(room.here), true, model, room, args.step);
  // z = mu + e^(logvar/2) eps: what reaches z reaches both.
  T *const grad_z = room.packed, *const through_logvar = room.packed + code;
  for (int64_t e = 0; e < code; ++e) grad_z[e] = from_decoder[e] + args.grad_z[k * code + e];
  const ReparameterizeBackward<T> sample{1, code, grad_z, args.logvar + k * code, args.seed + k, through_logvar};
  reparameterize_backward<Isa::PYVAE_ISA>(sample, 0, reparameterize_pieces(sample));
  T* const head = room.here;
  for (int64_t i = 0; i < shape.batch; ++i) {
    for (int64_t d = 0; d < shape.latents; ++d) {
      const int64_t e = i * shape.latents + d;
      head[2 * i * shape.latents + d] = args.grad_mu[k * code + e] + grad_z[e];
      head[(2 * i + 1) * shape.latents + d] = args.grad_logvar[k * code + e] + through_logvar[e];
    }
  }
  back(shape, 0, shape.encoder_layers, x, activations, static_cast<const T*>(head), false, model, room, args.step);
}

template <typename T>
void update(const StackedVaeUpdate<T>& args, int64_t begin, int64_t end) {
  for (int64_t share = begin; share < end; ++share) {
    const Room<T> room = room_of(args, share);
    const Range models = part_of(args.shape.models, share, args.shares);
    for (int64_t k = models.first; k < models.last; ++k) update_model(args, k, room);
  }
}

}  // namespace

template <>
void stacked_vae_forward<Isa::PYVAE_ISA>(const StackedVaeForward<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void stacked_vae_forward<Isa::PYVAE_ISA>(const StackedVaeForward<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void stacked_vae_update<Isa::PYVAE_ISA>(const StackedVaeUpdate<float>& args, int64_t begin, int64_t end) {
  update(args, begin, end);
}
template <>
void stacked_vae_update<Isa::PYVAE_ISA>(const StackedVaeUpdate<double>& args, int64_t begin, int64_t end) {
  update(args, begin, end);
}

}  // namespace pyvae::cpu
