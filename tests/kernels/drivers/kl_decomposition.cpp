// kl_decomposition against its definition in double.
#include "../../../csrc/kernels/kl_decomposition.h"

#include "../with_isa.h"
#include "case.h"

namespace pyvae::driver {
namespace {

template <typename T>
void check_case(Case& c) {
  const int64_t latents = c.awkward_size(c.one_in(4) ? 1025 : 40);
  const int64_t rows = c.awkward_size((c.one_in(50) ? 20000 : 1500) / (latents + 1)), count = rows * latents;
  c.name = "kl_decomposition " + type_name<T>() + " R=" + std::to_string(rows) + " D=" + std::to_string(latents);
  const Buffer<T> z = values<T>(c, count, 0, 1.5), mu = values<T>(c, count, 0, 1), logvar = values<T>(c, count, -1, 1);
  const Buffer<T> joint = values<T>(c, rows, -3, 2), marginals = values<T>(c, count, -1, 1);
  const Buffer<T> grads[] = {values<T>(c, rows, 0.5, 1), values<T>(c, rows, 0.5, 1), values<T>(c, rows, 0.5, 1)};

  const auto compute = [&](Work work) {
    std::vector<Result<T>> r;
    for (const char* name : {"mutual information", "total correlation", "dimension-wise KL", "grad_joint"})
      r.push_back({name, Buffer<T>(c, rows)});
    for (const char* name : {"grad_z", "grad_mu", "grad_logvar", "grad_marginals"})
      r.push_back({name, Buffer<T>(c, count)});
    const auto to = [&](int k) { return r[k].values.data(); };
    const KlDecomposition<T> forward{rows,         latents,          z.data(), mu.data(), logvar.data(),
                                     joint.data(), marginals.data(), to(0),    to(1),     to(2)};
    const KlDecompositionBackward<T> backward{
        rows,          latents, grads[0].data(), grads[1].data(), grads[2].data(), z.data(), mu.data(),
        logvar.data(), to(4),   to(5),           to(6),           to(3),           to(7)};
    with_isa(c.isa, [&](auto isa) {
      run(c, work, rows, [&](int64_t begin, int64_t end) { cpu::kl_decomposition<isa()>(forward, begin, end); });
      run(c, work, rows,
          [&](int64_t begin, int64_t end) { cpu::kl_decomposition_backward<isa()>(backward, begin, end); });
    });
    return r;
  };
  check<T>(c, 64, compute, [&] {
    std::vector<std::vector<double>> e(8);
    for (int k = 0; k < 8; ++k) e[k].resize(k < 4 ? rows : count);
    for (int64_t i = 0; i < rows; ++i) {
      const double g[] = {grads[0][i], grads[1][i], grads[2][i]};
      double of_x = 0, of_prior = 0, product = 0;
      for (int64_t k = i * latents; k < (i + 1) * latents; ++k) {
        const double inverse = std::exp(-logvar[k] / 2.0), eps = (double{z[k]} - mu[k]) * inverse;
        of_x -= (eps * eps + logvar[k] + std::log(2 * M_PI)) / 2;
        of_prior -= (double{z[k]} * z[k] + std::log(2 * M_PI)) / 2;
        product += marginals[k];
        e[4][k] = g[2] * z[k] - g[0] * eps * inverse;
        e[5][k] = g[0] * eps * inverse;
        e[6][k] = g[0] * (eps * eps - 1) / 2;
        e[7][k] = g[2] - g[1];
      }
      e[0][i] = of_x - joint[i];
      e[1][i] = joint[i] - product;
      e[2][i] = product - of_prior;
      e[3][i] = g[1] - g[0];
    }
    return e;
  });
}

const Registered registered("kl_decomposition", {check_case<float>, check_case<double>});

}  // namespace
}  // namespace pyvae::driver
