// A training step of stacked VAEs against the same step in double, layer by layer.
#include "../../../csrc/kernels/stacked_vae.h"

#include "../with_isa.h"
#include "case.h"
#include "noise.h"

namespace pyvae::driver {
namespace {

using Row = std::vector<double>;

// One model in double: activations of every layer, then gradients and Adam.
struct Exact {
  const VaeShape& shape;
  Row parameter, first, second;
  std::vector<Row> outputs;

  Row through(const VaeLayer& layer, const Row& x, bool relu) const {
    Row y(shape.batch * layer.outputs);
    for (int64_t i = 0; i < shape.batch; ++i) {
      for (int64_t j = 0; j < layer.outputs; ++j) {
        double sum = parameter[layer.bias + j];
        for (int64_t k = 0; k < layer.inputs; ++k)
          sum += x[i * layer.inputs + k] * parameter[layer.weight + k * layer.outputs + j];
        y[i * layer.outputs + j] = relu && sum < 0 ? 0 : sum;
      }
    }
    return y;
  }
  Row forward(int64_t begin, int64_t end, Row x) {
    for (int64_t k = begin; k < end; ++k) outputs[k] = x = through(shape.layer[k], x, k + 1 < end);
    return x;
  }
  void learn(int64_t at, double gradient, const AdamStep<double>& step) {
    first[at] += (1 - step.first_decay) * (gradient - first[at]);
    second[at] = step.second_decay * second[at] + (1 - step.second_decay) * gradient * gradient;
    parameter[at] -= step.step_size * first[at] / (step.second_correction * std::sqrt(second[at]) + step.epsilon);
  }
  Row backward(int64_t begin, int64_t end, const Row& x, Row grad, const AdamStep<double>& step) {
    for (int64_t k = end - 1; k >= begin; --k) {
      const VaeLayer& layer = shape.layer[k];
      const Row& input = k == begin ? x : outputs[k - 1];
      Row below(shape.batch * layer.inputs), weight(layer.inputs * layer.outputs), bias(layer.outputs);
      for (int64_t i = 0; i < shape.batch; ++i) {
        for (int64_t j = 0; j < layer.outputs; ++j) {
          const double g = grad[i * layer.outputs + j];
          bias[j] += g;
          for (int64_t c = 0; c < layer.inputs; ++c) {
            const bool passes = k == begin || input[i * layer.inputs + c] > 0;
            if (passes) below[i * layer.inputs + c] += g * parameter[layer.weight + c * layer.outputs + j];
            weight[c * layer.outputs + j] += input[i * layer.inputs + c] * g;
          }
        }
      }
      for (size_t e = 0; e < weight.size(); ++e) learn(layer.weight + e, weight[e], step);
      for (size_t e = 0; e < bias.size(); ++e) learn(layer.bias + e, bias[e], step);
      grad = below;
    }
    return grad;
  }
};

int64_t append(std::vector<VaeLayer>& layers, const std::vector<int64_t>& widths, int64_t batch, int64_t& activations,
               int64_t parameters) {
  for (size_t k = 0; k + 1 < widths.size(); ++k) {
    const int64_t weight = parameters, bias = weight + widths[k] * widths[k + 1] + 1;
    layers.push_back({widths[k], widths[k + 1], weight, bias, activations});
    parameters = bias + widths[k + 1] + 2;
    activations += batch * widths[k + 1];
  }
  return parameters;
}

template <typename T>
void check_case(Case& c) {
  const int64_t models = 1 + c.below(3), batch = std::max<int64_t>(c.awkward_size(c.one_in(10) ? 70 : 12), 1);
  const int64_t latents = 1 + c.below(c.one_in(4) ? 40 : 5);
  std::vector<int64_t> hidden(c.below(3));
  for (int64_t& width : hidden) width = std::max<int64_t>(c.awkward_size(c.one_in(10) ? 150 : 30), 1);
  const int64_t inputs = std::max<int64_t>(c.awkward_size(c.one_in(10) ? 150 : 30), 1);
  std::vector<int64_t> encoder{inputs}, decoder{latents};
  encoder.insert(encoder.end(), hidden.begin(), hidden.end());
  decoder.insert(decoder.end(), hidden.rbegin(), hidden.rend());
  encoder.push_back(2 * latents);
  decoder.push_back(inputs);
  std::vector<VaeLayer> layers;
  int64_t activations = 0;
  int64_t parameters = append(layers, encoder, batch, activations, 0);
  parameters = append(layers, decoder, batch, activations, parameters);
  const auto likelihood = c.one_in(2) ? Likelihood::gaussian : Likelihood::bernoulli;
  const VaeShape shape{models,
                       batch,
                       latents,
                       static_cast<int64_t>(encoder.size()) - 1,
                       static_cast<int64_t>(layers.size()),
                       layers.data(),
                       parameters,
                       activations,
                       likelihood,
                       0.7};
  c.name = "stacked_vae " + type_name<T>() + " K=" + std::to_string(models) + " B=" + std::to_string(batch) +
           " I=" + std::to_string(inputs) + " H=" + std::to_string(hidden.size()) + " L=" + std::to_string(latents);
  const int64_t images = models * batch * inputs, codes = models * batch * latents;
  const Buffer<T> x = values<T>(c, images, 0.5, 0.3), start = values<T>(c, models * parameters, 0, 0.2);
  const Buffer<T> grad_rec = values<T>(c, models * batch, 0.3, 0.2), grad_z = values<T>(c, codes, 0, 0.2);
  const Buffer<T> grad_mu = values<T>(c, codes, 0, 0.2), grad_logvar = values<T>(c, codes, 0, 0.2);
  const Buffer<T> moment = values<T>(c, models * parameters, 0, 0.1);
  Buffer<int64_t> seed(c, models, 0);
  for (int64_t k = 0; k < models; ++k) seed[k] = static_cast<int64_t>(c.random());
  // Second moments far from 0: what Adam makes of a gradient is then as exact as the gradient.
  const AdamStep<double> adam{0.9, 0.999, 1e-8, 0.01, 1.5};
  const auto second_moment = [&](int64_t k) { return T(1 + 0.1 * (k % 7)); };

  const auto compute = [&](Work work) {
    std::vector<Result<T>> r = {{"reconstruction", Buffer<T>(c, models * batch)},
                                {"z", Buffer<T>(c, codes)},
                                {"mu", Buffer<T>(c, codes)},
                                {"logvar", Buffer<T>(c, codes)},
                                {"parameters", Buffer<T>(c, models * parameters, 0)},
                                {"first", Buffer<T>(c, models * parameters, 0)},
                                {"second", Buffer<T>(c, models * parameters, 0)}};
    for (int64_t k = 0; k < models * parameters; ++k) {
      r[4].values[k] = start[k];
      r[5].values[k] = moment[k];
      r[6].values[k] = second_moment(k);
    }
    Buffer<T> kept(c, models * activations), room(c, models * stacked_vae_room(shape));
    const StackedVaeForward<T> forward{shape,
                                       x.data(),
                                       seed.data(),
                                       r[4].values.data(),
                                       kept.data(),
                                       r[0].values.data(),
                                       r[1].values.data(),
                                       r[2].values.data(),
                                       r[3].values.data()};
    const AdamStep<T> step{T(adam.first_decay), T(adam.second_decay), T(adam.epsilon), T(adam.step_size),
                           T(adam.second_correction)};
    const StackedVaeUpdate<T> update{shape,
                                     step,
                                     grad_rec.data(),
                                     grad_z.data(),
                                     grad_mu.data(),
                                     grad_logvar.data(),
                                     x.data(),
                                     r[1].values.data(),
                                     r[3].values.data(),
                                     seed.data(),
                                     kept.data(),
                                     r[4].values.data(),
                                     r[5].values.data(),
                                     r[6].values.data(),
                                     room.data(),
                                     models};
    with_isa(c.isa, [&](auto isa) {
      run(c, work, models, [&](int64_t begin, int64_t end) { cpu::stacked_vae_forward<isa()>(forward, begin, end); });
      run(c, work, models, [&](int64_t begin, int64_t end) { cpu::stacked_vae_update<isa()>(update, begin, end); });
    });
    return r;
  };
  check<T>(c, 4000, compute, [&] {
    Row reconstruction, z, mu, logvar, parameter, first, second;
    for (int64_t k = 0; k < models; ++k) {
      Exact model{shape, Row(parameters), Row(parameters), Row(parameters), std::vector<Row>(layers.size())};
      for (int64_t e = 0; e < parameters; ++e) {
        const int64_t at = k * parameters + e;
        model.parameter[e] = start[at], model.first[e] = moment[at], model.second[e] = second_moment(at);
      }
      Row image(batch * inputs), code(batch * latents), scaled(code);
      for (size_t e = 0; e < image.size(); ++e) image[e] = x[k * batch * inputs + e];
      Row head = model.forward(0, shape.encoder_layers, image);
      for (int64_t e = 0; e < batch * latents; ++e) {
        const int64_t at = e / latents * 2 * latents + e % latents;
        scaled[e] = std::exp(head[at + latents] / 2) * noise<T>(seed[k], e);
        code[e] = head[at] + scaled[e];
        z.push_back(code[e]), mu.push_back(head[at]), logvar.push_back(head[at + latents]);
      }
      Row grad = model.forward(shape.encoder_layers, shape.layers, code);
      for (int64_t i = 0; i < batch; ++i) {
        double sum = 0;
        const double cotangent = grad_rec[k * batch + i];
        for (int64_t d = 0; d < inputs; ++d) {
          const double v = image[i * inputs + d], y = grad[i * inputs + d];
          const bool gaussian = likelihood == Likelihood::gaussian;
          sum += gaussian ? 0.7 * (y - v) * (y - v) : std::max(y, 0.0) - v * y + std::log1p(std::exp(-std::abs(y)));
          grad[i * inputs + d] = cotangent * (gaussian ? 1.4 * (y - v) : 1 / (1 + std::exp(-y)) - v);
        }
        reconstruction.push_back(sum);
      }
      const Row dz = model.backward(shape.encoder_layers, shape.layers, code, grad, adam);
      for (int64_t e = 0; e < batch * latents; ++e) {
        const int64_t at = e / latents * 2 * latents + e % latents, all = k * batch * latents + e;
        head[at] = grad_mu[all] + grad_z[all] + dz[e];
        head[at + latents] = grad_logvar[all] + (grad_z[all] + dz[e]) * scaled[e] / 2;
      }
      model.backward(0, shape.encoder_layers, image, head, adam);
      parameter.insert(parameter.end(), model.parameter.begin(), model.parameter.end());
      first.insert(first.end(), model.first.begin(), model.first.end());
      second.insert(second.end(), model.second.begin(), model.second.end());
    }
    return std::vector<Row>{reconstruction, z, mu, logvar, parameter, first, second};
  });
}

const Registered registered("stacked_vae", {check_case<float>, check_case<double>});

}  // namespace
}  // namespace pyvae::driver
