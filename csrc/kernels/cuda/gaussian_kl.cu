// Launchers of gaussian_kl.cuh: the KL per latent (a thread per element) or summed over latents (a warp per row), and
// its gradients; no intermediate is stored.
// Not yet measured on a GPU.
#include "gaussian_kl.cuh"

namespace pyvae::cuda {
namespace {

template <typename T>
__global__ void __launch_bounds__(kThreads) gaussian_kl_elements_kernel(GaussianKl<T> args) {
  gaussian_kl_elements_body(args, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads) gaussian_kl_rows_kernel(GaussianKl<T> args) {
  gaussian_kl_rows_body(args, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads) gaussian_kl_backward_kernel(GaussianKlBackward<T> args) {
  gaussian_kl_backward_body(args, Team::here());
}

}  // namespace

template <typename T>
int gaussian_kl(const GaussianKl<T>& args, void* stream) {
  if (args.sum_latents) return launch(gaussian_kl_rows_kernel<T>, args, gaussian_kl_rows_blocks(args), stream);
  return launch(gaussian_kl_elements_kernel<T>, args, gaussian_kl_elements_blocks(args), stream);
}

template <typename T>
int gaussian_kl_backward(const GaussianKlBackward<T>& args, void* stream) {
  return launch(gaussian_kl_backward_kernel<T>, args, gaussian_kl_backward_blocks(args), stream);
}

template int gaussian_kl(const GaussianKl<float>&, void*);
template int gaussian_kl(const GaussianKl<double>&, void*);
template int gaussian_kl_backward(const GaussianKlBackward<float>&, void*);
template int gaussian_kl_backward(const GaussianKlBackward<double>&, void*);

}  // namespace pyvae::cuda
