// reparameterize against Box and Muller in double, with the noise of each
// element written out.
#include "../../../csrc/kernels/reparameterize.h"

#include "../with_isa.h"
#include "case.h"
#include "noise.h"

namespace pyvae::driver {
namespace {

template <typename T>
void check_case(Case& c) {
  const int64_t streams = c.awkward_size(c.one_in(10) ? 33 : 4);
  const int64_t length = streams == 0 ? 0 : c.awkward_size((c.one_in(50) ? 40000 : 2000) / streams);
  const int64_t count = streams * length;
  c.name = "reparameterize " + type_name<T>() + " S=" + std::to_string(streams) + " n=" + std::to_string(length);
  const Buffer<T> mu = values<T>(c, count, 0, 2), logvar = values<T>(c, count, -1, 1.5);
  const Buffer<T> grad_z = values<T>(c, count, 0, 1);
  Buffer<int64_t> seed(c, streams, 0);
  for (int64_t k = 0; k < streams; ++k) seed[k] = static_cast<int64_t>(c.random());

  const auto compute = [&](Work work) {
    std::vector<Result<T>> results = {{"z", Buffer<T>(c, count)}, {"grad_logvar", Buffer<T>(c, count)}};
    const Reparameterize<T> forward{streams, length, mu.data(), logvar.data(), seed.data(), results[0].values.data()};
    const ReparameterizeBackward<T> backward{streams,       length,      grad_z.data(),
                                             logvar.data(), seed.data(), results[1].values.data()};
    with_isa(c.isa, [&](auto isa) {
      run(c, work, reparameterize_pieces(forward),
          [&](int64_t begin, int64_t end) { cpu::reparameterize<isa()>(forward, begin, end); });
      run(c, work, reparameterize_pieces(backward),
          [&](int64_t begin, int64_t end) { cpu::reparameterize_backward<isa()>(backward, begin, end); });
    });
    return results;
  };
  check<T>(c, 16, compute, [&] {
    std::vector<double> z(count), grad_logvar(count);
    for (int64_t k = 0; k < count; ++k) {
      const double scaled = std::exp(logvar[k] / 2.0) * noise<T>(seed[k / length], k % length);
      z[k] = mu[k] + scaled;
      grad_logvar[k] = grad_z[k] * scaled / 2;
    }
    return std::vector<std::vector<double>>{z, grad_logvar};
  });
}

const Registered registered("reparameterize", {check_case<float>, check_case<double>});

}  // namespace
}  // namespace pyvae::driver
