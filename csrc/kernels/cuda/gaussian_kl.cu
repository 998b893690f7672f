// Launchers of gaussian_kl.cuh: the KL of each latent or summed over them, and its gradients; no intermediate is
// stored. Not yet measured on a GPU.
#include "gaussian_kl.cuh"

namespace pyvae::cuda {

template <typename T>
int gaussian_kl(const GaussianKl<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_kl_step(args, launcher);
  return launcher.status;
}

template <typename T>
int gaussian_kl_backward(const GaussianKlBackward<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_kl_backward_step(args, launcher);
  return launcher.status;
}

template int gaussian_kl(const GaussianKl<float>&, void*);
template int gaussian_kl(const GaussianKl<double>&, void*);
template int gaussian_kl_backward(const GaussianKlBackward<float>&, void*);
template int gaussian_kl_backward(const GaussianKlBackward<double>&, void*);

}  // namespace pyvae::cuda
