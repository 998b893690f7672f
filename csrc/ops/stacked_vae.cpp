#include "../kernels/stacked_vae.h"

#include <cmath>
#include <tuple>

#include "seed.h"

namespace pyvae::ops {
namespace {

using Sizes = std::vector<int64_t>;

// The layers of one model, and its shape, which points to them.
struct Layers {
  std::vector<VaeLayer> layer;
  VaeShape shape;
};

void append(std::vector<VaeLayer>& layers, const Sizes& widths, const Sizes& offsets) {
  for (size_t k = 0; k + 1 < widths.size(); ++k) {
    const size_t at = 2 * layers.size();
    STD_TORCH_CHECK(at + 1 < offsets.size(), "expected an offset for every weight and bias");
    layers.push_back({widths[k], widths[k + 1], offsets[at], offsets[at + 1], 0});
  }
}

Layers layers_of(const Tensor& x, const Tensor& parameters, const Sizes& encoder, const Sizes& decoder,
                 const Sizes& offsets, int64_t likelihood, double scale) {
  STD_TORCH_CHECK(encoder.size() > 1 && decoder.size() > 1, "expected encoder and decoder of at least one layer");
  for (const Sizes* widths : {&encoder, &decoder})
    for (const int64_t width : *widths) STD_TORCH_CHECK(width > 0, "expected widths greater than 0");
  STD_TORCH_CHECK(encoder.back() == 2 * decoder.front(), "expected an encoder that ends in mu and logvar");
  STD_TORCH_CHECK(x.dim() == 3 && x.size(2) == encoder.front() && x.size(2) == decoder.back(),
                  "expected x of shape [K, B, inputs]");
  STD_TORCH_CHECK(parameters.dim() == 2 && parameters.size(0) == x.size(0) && parameters.is_contiguous(),
                  "expected contiguous parameters of shape [K, P]");
  STD_TORCH_CHECK(likelihood == 0 || likelihood == 1, "expected a likelihood that is known");
  Layers of;
  append(of.layer, encoder, offsets);
  append(of.layer, decoder, offsets);
  STD_TORCH_CHECK(2 * of.layer.size() == offsets.size(), "expected an offset for every weight and bias");
  int64_t activations = 0;
  for (VaeLayer& layer : of.layer) {
    layer.output = activations;
    activations += x.size(1) * layer.outputs;
    STD_TORCH_CHECK(layer.weight >= 0 && layer.bias >= 0 &&
                        layer.weight + layer.inputs * layer.outputs <= parameters.size(1) &&
                        layer.bias + layer.outputs <= parameters.size(1),
                    "expected offsets within the parameters");
  }
  const auto encoder_layers = static_cast<int64_t>(encoder.size()) - 1, layers = static_cast<int64_t>(of.layer.size());
  of.shape = {x.size(0),
              x.size(1),
              decoder.front(),
              encoder_layers,
              layers,
              of.layer.data(),
              parameters.size(1),
              activations,
              static_cast<Likelihood>(likelihood),
              scale};
  return of;
}

void check_shape(const Tensor& t, const Sizes& sizes) {
  STD_TORCH_CHECK(sizes_of(t, 0, t.dim()) == sizes,
                  "expected codes and gradients of the shapes of what they belong to");
}

void check_seeds(const Tensor& seed, const VaeShape& shape) {
  STD_TORCH_CHECK(seed.scalar_type() == ScalarType::Long && seed.dim() == 1 && seed.size(0) == shape.models,
                  "expected one int64 seed for each model");
}

using Forward = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>;

Forward stacked_vae_forward(const Tensor& x, const Tensor& seed, const Tensor& parameters, Sizes encoder, Sizes decoder,
                            Sizes offsets, int64_t likelihood, double scale) {
  check_alike(x, {parameters});
  const Layers of = layers_of(x, parameters, encoder, decoder, offsets, likelihood, scale);
  const VaeShape& shape = of.shape;
  check_seeds(seed, shape);
  const Sizes code{shape.models, shape.batch, shape.latents};
  const Tensor reconstruction = empty_of(x, {shape.models, shape.batch}), z = empty_of(x, code), mu = empty_of(x, code),
               logvar = empty_of(x, code);
  const Tensor activations = empty_of(x, {shape.models, shape.activations});
  if (x.numel() == 0) return {reconstruction, z, mu, logvar, activations};
  const Tensor x_ = dense(x), seed_ = dense(seed);
  dispatch(x, [&]<typename T>() {
    const StackedVaeForward<T> args{
        shape,     in<T>(x_),  in<int64_t>(seed_), in<T>(parameters), out<T>(activations), out<T>(reconstruction),
        out<T>(z), out<T>(mu), out<T>(logvar)};
    for_ranges(shape.models, 1,
               [&](auto isa, int64_t begin, int64_t end) { cpu::stacked_vae_forward<isa()>(args, begin, end); });
  });
  return {reconstruction, z, mu, logvar, activations};
}

template <typename T>
AdamStep<T> adam_step(double learning_rate, int64_t step) {
  constexpr double kFirst = 0.9, kSecond = 0.999, kEpsilon = 1e-8;  // torch.optim.Adam's
  const auto t = static_cast<double>(step);
  return {T(kFirst), T(kSecond), T(kEpsilon), T(learning_rate / (1 - std::pow(kFirst, t))),
          T(1 / std::sqrt(1 - std::pow(kSecond, t)))};
}

void stacked_vae_update(const Tensor& grad_reconstruction, const Tensor& grad_z, const Tensor& grad_mu,
                        const Tensor& grad_logvar, const Tensor& x, const Tensor& z, const Tensor& logvar,
                        const Tensor& seed, const Tensor& activations, Tensor parameters, Tensor first, Tensor second,
                        Sizes encoder, Sizes decoder, Sizes offsets, int64_t likelihood, double scale,
                        double learning_rate, int64_t step) {
  check_alike(x,
              {grad_reconstruction, grad_z, grad_mu, grad_logvar, z, logvar, activations, parameters, first, second});
  const Layers of = layers_of(x, parameters, encoder, decoder, offsets, likelihood, scale);
  const VaeShape& shape = of.shape;
  check_seeds(seed, shape);
  check_shape(grad_reconstruction, {shape.models, shape.batch});
  for (const Tensor* t : {&grad_z, &grad_mu, &grad_logvar, &z, &logvar})
    check_shape(*t, {shape.models, shape.batch, shape.latents});
  check_shape(activations, {shape.models, shape.activations});
  for (const Tensor* t : {&first, &second}) {
    check_shape(*t, sizes_of(parameters, 0, 2));
    STD_TORCH_CHECK(t->is_contiguous(), "expected contiguous moments");
  }
  STD_TORCH_CHECK(step > 0, "expected steps counted from 1");
  if (x.numel() == 0) return;
  const Tensor grad_reconstruction_ = dense(grad_reconstruction), grad_z_ = dense(grad_z), grad_mu_ = dense(grad_mu);
  const Tensor grad_logvar_ = dense(grad_logvar), x_ = dense(x), z_ = dense(z), logvar_ = dense(logvar);
  const Tensor seed_ = dense(seed), activations_ = dense(activations);
  // As many shares as threads may come: a share is a thread's for all of its models, with room of its own.
  const int64_t shares = smaller<int64_t>(shape.models, torch::stable::get_num_threads());
  const Tensor room = empty_of(x, {shares, stacked_vae_room(shape)});
  dispatch(x, [&]<typename T>() {
    const StackedVaeUpdate<T> args{shape,
                                   adam_step<T>(learning_rate, step),
                                   in<T>(grad_reconstruction_),
                                   in<T>(grad_z_),
                                   in<T>(grad_mu_),
                                   in<T>(grad_logvar_),
                                   in<T>(x_),
                                   in<T>(z_),
                                   in<T>(logvar_),
                                   in<int64_t>(seed_),
                                   in<T>(activations_),
                                   out<T>(parameters),
                                   out<T>(first),
                                   out<T>(second),
                                   out<T>(room),
                                   shares};
    for_ranges(shares, 1,
               [&](auto isa, int64_t begin, int64_t end) { cpu::stacked_vae_update<isa()>(args, begin, end); });
  });
}

}  // namespace
}  // namespace pyvae::ops

STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def(
      "stacked_vae_forward(Tensor x, Tensor seed, Tensor parameters, int[] encoder, int[] decoder, int[] offsets, "
      "int likelihood, float scale) -> (Tensor reconstruction, Tensor z, Tensor mu, Tensor logvar, Tensor "
      "activations)");
  m.def(
      "stacked_vae_update(Tensor grad_reconstruction, Tensor grad_z, Tensor grad_mu, Tensor grad_logvar, Tensor x, "
      "Tensor z, "
      "Tensor logvar, Tensor seed, Tensor activations, Tensor(a!) parameters, Tensor(b!) first, Tensor(c!) second, "
      "int[] encoder, int[] decoder, int[] offsets, int likelihood, float scale, float learning_rate, int step) -> ()");
}

STABLE_TORCH_LIBRARY_IMPL(pyvae, CPU, m) {
  m.impl("stacked_vae_forward", TORCH_BOX(&pyvae::ops::stacked_vae_forward));
  m.impl("stacked_vae_update", TORCH_BOX(&pyvae::ops::stacked_vae_update));
}
