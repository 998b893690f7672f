// Launchers of reparameterize.cuh: z = mu + e^(logvar/2) eps and its gradient, eps never stored, a thread per Philox
// block.
// Not yet measured on a GPU.
#include "reparameterize.cuh"

namespace pyvae::cuda {
namespace {

template <typename T>
__global__ void __launch_bounds__(kThreads) reparameterize_kernel(Reparameterize<T> args) {
  reparameterize_body(args, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads) reparameterize_backward_kernel(ReparameterizeBackward<T> args) {
  reparameterize_backward_body(args, Team::here());
}

}  // namespace

template <typename T>
int reparameterize(const Reparameterize<T>& args, void* stream) {
  return launch(reparameterize_kernel<T>, args, reparameterize_blocks(args), stream);
}

template <typename T>
int reparameterize_backward(const ReparameterizeBackward<T>& args, void* stream) {
  return launch(reparameterize_backward_kernel<T>, args, reparameterize_blocks(args), stream);
}

template int reparameterize(const Reparameterize<float>&, void*);
template int reparameterize(const Reparameterize<double>&, void*);
template int reparameterize_backward(const ReparameterizeBackward<float>&, void*);
template int reparameterize_backward(const ReparameterizeBackward<double>&, void*);

}  // namespace pyvae::cuda
