// reparameterize: the CUDA kernels against the CPU kernels.
#include "../../../csrc/kernels/cuda/reparameterize.cuh"

#include "host.h"

namespace pyvae::on_host {
namespace {

// `offset` elements before the tensors take them off their 16-byte addresses.
template <typename T>
void check_streams(int64_t streams, int64_t length, int64_t offset) {
  const int64_t count = streams * length;
  const std::string name = "reparameterize " + type_name<T>() + " S=" + std::to_string(streams) +
                           " n=" + std::to_string(length) + " offset=" + std::to_string(offset);
  std::vector<T> a = random<T>(offset + count, 0, 2), logvar = random<T>(offset + count, -1, 2);
  if (count > 2)
    a[offset + 1] = T(0), logvar[offset + 1] = T(3000);  // what a loss leaves out, at an infinite derivative
  std::vector<int64_t> seed(streams);
  for (int64_t& s : seed) s = static_cast<int64_t>(generator());
  const auto forward = [&](auto compute) {
    std::vector<T> z = unwritten<T>(offset + count);
    compute(Reparameterize<T>{streams, length, &a[offset], &logvar[offset], seed.data(), &z[offset]});
    return Named<T>{"z", z};
  };
  const auto backward = [&](auto compute) {
    std::vector<T> grad = unwritten<T>(offset + count);
    compute(ReparameterizeBackward<T>{streams, length, &a[offset], &logvar[offset], seed.data(), &grad[offset]});
    return Named<T>{"grad_logvar", grad};
  };
  const Named<T> z =
      forward([](const auto& args) { cpu::reparameterize<kComparedWith>(args, 0, reparameterize_pieces(args)); });
  const Named<T> grad = backward(
      [](const auto& args) { cpu::reparameterize_backward<kComparedWith>(args, 0, reparameterize_pieces(args)); });
  check<T>(name, {z, grad}, [&](Grid grid) -> std::vector<Named<T>> {
    Steps launch{grid};
    return {forward([&](const auto& args) { cuda::for_each_sample_step(args, launch); }),
            backward([&](const auto& args) { cuda::for_each_sample_backward_step(args, launch); })};
  });
}

template <typename T>
void check_type() {
  for (const int64_t streams : {1, 3}) {
    for (const int64_t length : {1, 2, 3, 4, 132, 255, 256, 257, 1024, 1025, 4099}) {
      for (const int64_t offset : {0, 1}) check_streams<T>(streams, length, offset);
    }
  }
}

void check_types() {
  check_type<float>();
  check_type<double>();
}

const Registered registered("reparameterize", check_types);

}  // namespace
}  // namespace pyvae::on_host
