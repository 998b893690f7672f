// gaussian_kl against its formula in double.
#include "../../../csrc/kernels/gaussian_kl.h"

#include "../with_isa.h"
#include "case.h"

namespace pyvae::driver {
namespace {

template <typename T>
void check_case(Case& c) {
  // The prior: none, one number for all elements, or a tensor, whose gradients
  // may not be asked for.
  const bool prior = c.one_in(2), one_prior = prior && c.one_in(3), prior_grads = prior && !one_prior && !c.one_in(4);
  const bool sum_latents = c.one_in(2);
  const int64_t latents = c.awkward_size(c.one_in(4) ? 1025 : 40);
  const int64_t rows = c.awkward_size((c.one_in(50) ? 20000 : 1500) / (latents + 1));
  const int64_t count = rows * latents, outputs = sum_latents ? rows : count, priors = one_prior ? 1 : prior * count;
  c.name = "gaussian_kl " + type_name<T>() + " R=" + std::to_string(rows) + " D=" + std::to_string(latents) +
           (one_prior ? " number prior" : (prior ? " prior" : "")) + (sum_latents ? " summed" : "");
  const Buffer<T> mu = values<T>(c, count, 0, 2), logvar = values<T>(c, count, -1, 1.5);
  const Buffer<T> prior_mu = values<T>(c, priors, 0, 1), prior_logvar = values<T>(c, priors, 0, 1);
  const Buffer<T> grad_kl = values<T>(c, outputs, 0.5, 1);
  const T *p_mu = prior ? prior_mu.data() : nullptr, *p_logvar = prior ? prior_logvar.data() : nullptr;

  const auto compute = [&](Work work) {
    std::vector<Result<T>> results;
    results.push_back({"kl", Buffer<T>(c, outputs)});
    for (const char* name : {"grad_mu", "grad_logvar"}) results.push_back({name, Buffer<T>(c, count)});
    for (const char* name : {"grad_prior_mu", "grad_prior_logvar"}) {
      if (prior_grads) results.push_back({name, Buffer<T>(c, count)});
    }
    const GaussianKl<T> forward{
        rows, latents, mu.data(), logvar.data(), p_mu, p_logvar, sum_latents, results[0].values.data(), one_prior};
    const GaussianKlBackward<T> backward{
        rows,
        latents,
        mu.data(),
        logvar.data(),
        p_mu,
        p_logvar,
        sum_latents,
        grad_kl.data(),
        results[1].values.data(),
        results[2].values.data(),
        prior_grads ? results[3].values.data() : nullptr,
        prior_grads ? results[4].values.data() : nullptr,
        one_prior,
    };
    with_isa(c.isa, [&](auto isa) {
      run(c, work, rows, [&](int64_t begin, int64_t end) { cpu::gaussian_kl<isa()>(forward, begin, end); });
      run(c, work, rows, [&](int64_t begin, int64_t end) { cpu::gaussian_kl_backward<isa()>(backward, begin, end); });
    });
    return results;
  };
  check<T>(c, 32, compute, [&] {
    std::vector<double> kl(outputs), grad[4];
    for (std::vector<double>& g : grad) g.resize(count);
    for (int64_t k = 0; k < count; ++k) {
      const int64_t p = one_prior ? 0 : k;
      const double center = prior ? double{prior_mu[p]} : 0.0, level = prior ? double{prior_logvar[p]} : 0.0;
      const double distance = mu[k] - center, precision = std::exp(-level), delta = logvar[k] - level;
      const int64_t output = sum_latents ? k / latents : k;
      const double g = grad_kl[output];
      kl[output] += (distance * distance * precision + std::expm1(delta) - delta) / 2;
      grad[0][k] = g * distance * precision;
      grad[1][k] = g * std::expm1(delta) / 2;
      grad[2][k] = -grad[0][k];
      grad[3][k] = -g * (distance * distance * precision + std::expm1(delta)) / 2;
    }
    std::vector<std::vector<double>> results = {kl, grad[0], grad[1]};
    if (prior_grads) results.insert(results.end(), {grad[2], grad[3]});
    return results;
  });
}

const Registered registered("gaussian_kl", {check_case<float>, check_case<double>});

}  // namespace
}  // namespace pyvae::driver
