// reparameterize_with_kl: the CUDA kernels against the CPU kernels.
#include "../../../csrc/kernels/cuda/reparameterize_with_kl.cuh"

#include "host.h"

namespace pyvae::on_host {
namespace {

// Tensors of [streams, rows_of_stream, latents]; rows_of_stream 0: every element is a stream of its own.
template <typename T>
void check_rows(int64_t streams, int64_t rows_of_stream, int64_t latents) {
  const bool of_elements = rows_of_stream == 0;
  const int64_t rows = of_elements ? streams : streams * rows_of_stream, count = rows * latents;
  const int64_t seeds = of_elements ? count : streams;
  const std::string name = "reparameterize_with_kl " + type_name<T>() + " S=" + std::to_string(seeds) +
                           " R=" + std::to_string(rows) + " D=" + std::to_string(latents);
  std::vector<T> mu = random<T>(count, 0, 2), logvar = random<T>(count, -1, 2);
  std::vector<T> grad_z = random<T>(count, 0, 1), grad_kl = random<T>(rows, 1, 2);
  if (count > 2) mu[count / 2] = std::nan(""), logvar[count - 1] = T(60);
  // A loss without this row, or without the divergence of it, where the derivatives are infinite.
  if (rows > 2) {
    std::fill_n(&logvar[latents], latents, T(3000));
    grad_kl[1] = T(0), grad_z[latents] = T(0);
  }
  std::vector<int64_t> seed(seeds);
  for (int64_t& s : seed) s = static_cast<int64_t>(generator());

  const auto compute = [&](auto forward, auto backward) -> std::vector<Named<T>> {
    std::vector<T> z = unwritten<T>(count), kl = unwritten<T>(rows), grad_mu = z, grad_logvar = z;
    forward(ReparameterizeWithKl<T>{rows, latents, seeds, mu.data(), logvar.data(), seed.data(), z.data(), kl.data()});
    backward(ReparameterizeWithKlBackward<T>{rows, latents, seeds, grad_z.data(), grad_kl.data(), mu.data(),
                                             logvar.data(), seed.data(), grad_mu.data(), grad_logvar.data()});
    return {{"z", z}, {"kl", kl}, {"grad_mu", grad_mu}, {"grad_logvar", grad_logvar}};
  };
  const auto expected =
      compute([&](const auto& args) { cpu::reparameterize_with_kl<kComparedWith>(args, 0, rows); },
              [&](const auto& args) { cpu::reparameterize_with_kl_backward<kComparedWith>(args, 0, rows); });
  check<T>(name, expected, [&](Grid grid) {
    Steps launch{grid};
    return compute([&](const auto& args) { cuda::for_each_sample_step(args, launch); },
                   [&](const auto& args) { cuda::for_each_sample_backward_step(args, launch); });
  });
}

template <typename T>
void check_type() {
  // One lane to a row, a few, all of a warp, and several rounds of them.
  for (const int64_t latents : {1, 2, 3, 4, 5, 10, 31, 33, 64, 127, 128, 129, 257, 516}) {
    for (const int64_t streams : {1, 3}) {
      for (const int64_t rows_of_stream : {0, 1, 2, 37}) check_rows<T>(streams, rows_of_stream, latents);
    }
  }
}

void check_types() {
  check_type<float>();
  check_type<double>();
}

const Registered registered("reparameterize_with_kl", check_types);

}  // namespace
}  // namespace pyvae::on_host
