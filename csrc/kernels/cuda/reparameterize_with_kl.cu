// Launchers of reparameterize_with_kl.cuh: z and its posterior's KL with mu and logvar read once, eps never stored;
// lanes of a warp share a row.
// Not yet measured on a GPU.
#include "reparameterize_with_kl.cuh"

namespace pyvae::cuda {

template <typename T>
int reparameterize_with_kl(const ReparameterizeWithKl<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_sample_step(args, launcher);
  return launcher.status;
}

template <typename T>
int reparameterize_with_kl_backward(const ReparameterizeWithKlBackward<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_sample_backward_step(args, launcher);
  return launcher.status;
}

template int reparameterize_with_kl(const ReparameterizeWithKl<float>&, void*);
template int reparameterize_with_kl(const ReparameterizeWithKl<double>&, void*);
template int reparameterize_with_kl_backward(const ReparameterizeWithKlBackward<float>&, void*);
template int reparameterize_with_kl_backward(const ReparameterizeWithKlBackward<double>&, void*);

}  // namespace pyvae::cuda
