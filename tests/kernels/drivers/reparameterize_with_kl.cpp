// reparameterize_with_kl against the sum of its two halves in double.
#include "../../../csrc/kernels/reparameterize_with_kl.h"

#include "../with_isa.h"
#include "case.h"
#include "noise.h"

namespace pyvae::driver {
namespace {

// What the ops call the kernels with: streams of whole rows, or one per
// element; no size is 0.
int64_t random_streams(Case& c, int64_t rows, int64_t latents) {
  if (c.one_in(4)) return rows * latents;
  if (c.one_in(3)) return rows;
  const int64_t wanted = 1 + c.below(4);
  return rows % wanted == 0 ? wanted : 1;
}

template <typename T>
void check_case(Case& c) {
  const int64_t latents = std::max<int64_t>(c.awkward_size(c.one_in(4) ? 1025 : 40), 1);
  const int64_t rows = std::max<int64_t>(c.awkward_size((c.one_in(50) ? 20000 : 1500) / latents), 1);
  const int64_t count = rows * latents, streams = random_streams(c, rows, latents), length = count / streams;
  c.name = "reparameterize_with_kl " + type_name<T>() + " R=" + std::to_string(rows) + " D=" + std::to_string(latents) +
           " S=" + std::to_string(streams);
  const Buffer<T> mu = values<T>(c, count, 0, 2), logvar = values<T>(c, count, -1, 1.5);
  const Buffer<T> grad_z = values<T>(c, count, 0, 1), grad_kl = values<T>(c, rows, 0.5, 1);
  Buffer<int64_t> seed(c, streams, 0);
  for (int64_t k = 0; k < streams; ++k) seed[k] = static_cast<int64_t>(c.random());

  const auto compute = [&](Work work) {
    std::vector<Result<T>> r = {{"z", Buffer<T>(c, count)},
                                {"kl", Buffer<T>(c, rows)},
                                {"grad_mu", Buffer<T>(c, count)},
                                {"grad_logvar", Buffer<T>(c, count)}};
    const ReparameterizeWithKl<T> forward{
        rows, latents, streams, mu.data(), logvar.data(), seed.data(), r[0].values.data(), r[1].values.data()};
    const ReparameterizeWithKlBackward<T> backward{
        rows,      latents,       streams,     grad_z.data(),      grad_kl.data(),
        mu.data(), logvar.data(), seed.data(), r[2].values.data(), r[3].values.data()};
    with_isa(c.isa, [&](auto isa) {
      run(c, work, rows, [&](int64_t begin, int64_t end) { cpu::reparameterize_with_kl<isa()>(forward, begin, end); });
      run(c, work, rows,
          [&](int64_t begin, int64_t end) { cpu::reparameterize_with_kl_backward<isa()>(backward, begin, end); });
    });
    return r;
  };
  check<T>(c, 32, compute, [&] {
    std::vector<double> z(count), kl(rows), grad_mu(count), grad_logvar(count);
    for (int64_t k = 0; k < count; ++k) {
      const double m = mu[k], v = logvar[k], g = grad_kl[k / latents];
      const double scaled = std::exp(v / 2) * noise<T>(seed[k / length], k % length);
      z[k] = m + scaled;
      kl[k / latents] += (m * m + std::expm1(v) - v) / 2;
      grad_mu[k] = grad_z[k] + g * m;
      grad_logvar[k] = grad_z[k] * scaled / 2 + g * std::expm1(v) / 2;
    }
    return std::vector<std::vector<double>>{z, kl, grad_mu, grad_logvar};
  });
}

const Registered registered("reparameterize_with_kl", {check_case<float>, check_case<double>});

}  // namespace
}  // namespace pyvae::driver
