// Launchers of reparameterize.cuh: z = mu + e^(logvar/2) eps and its gradient, eps never stored, a thread per Philox
// block.
// Not yet measured on a GPU.
#include "reparameterize.cuh"

namespace pyvae::cuda {

template <typename T>
int reparameterize(const Reparameterize<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_sample_step(args, launcher);
  return launcher.status;
}

template <typename T>
int reparameterize_backward(const ReparameterizeBackward<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_sample_backward_step(args, launcher);
  return launcher.status;
}

template int reparameterize(const Reparameterize<float>&, void*);
template int reparameterize(const Reparameterize<double>&, void*);
template int reparameterize_backward(const ReparameterizeBackward<float>&, void*);
template int reparameterize_backward(const ReparameterizeBackward<double>&, void*);

}  // namespace pyvae::cuda
