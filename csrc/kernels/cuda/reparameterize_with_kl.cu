// Launchers of reparameterize_with_kl.cuh: z and its posterior's KL with mu and logvar read once, eps never stored;
// lanes of a warp share a row.
// Not yet measured on a GPU.
#include "reparameterize_with_kl.cuh"

namespace pyvae::cuda {
namespace {

template <typename T>
__global__ void __launch_bounds__(kThreads) reparameterize_with_kl_kernel(ReparameterizeWithKl<T> args) {
  reparameterize_with_kl_body(args, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    reparameterize_with_kl_backward_kernel(ReparameterizeWithKlBackward<T> args) {
  reparameterize_with_kl_backward_body(args, Team::here());
}

}  // namespace

template <typename T>
int reparameterize_with_kl(const ReparameterizeWithKl<T>& args, void* stream) {
  return launch(reparameterize_with_kl_kernel<T>, args, reparameterize_with_kl_blocks(args), stream);
}

template <typename T>
int reparameterize_with_kl_backward(const ReparameterizeWithKlBackward<T>& args, void* stream) {
  return launch(reparameterize_with_kl_backward_kernel<T>, args, reparameterize_with_kl_backward_blocks(args), stream);
}

template int reparameterize_with_kl(const ReparameterizeWithKl<float>&, void*);
template int reparameterize_with_kl(const ReparameterizeWithKl<double>&, void*);
template int reparameterize_with_kl_backward(const ReparameterizeWithKlBackward<float>&, void*);
template int reparameterize_with_kl_backward(const ReparameterizeWithKlBackward<double>&, void*);

}  // namespace pyvae::cuda
