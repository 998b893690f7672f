// Launchers of reparameterize_moments.cuh: z and its posterior's KL from moments as they lie in memory, in half types
// too, eps never stored; lanes of a warp share a piece of a row.
// Not yet measured on a GPU.
#include "reparameterize_moments.cuh"

namespace pyvae::cuda {

template <typename T>
int reparameterize_moments(const ReparameterizeMoments<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_moments_step(args, launcher);
  return launcher.status;
}

template <typename T>
int reparameterize_moments_backward(const ReparameterizeMomentsBackward<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_moments_backward_step(args, launcher);
  return launcher.status;
}

template int reparameterize_moments(const ReparameterizeMoments<float>&, void*);
template int reparameterize_moments(const ReparameterizeMoments<double>&, void*);
template int reparameterize_moments_backward(const ReparameterizeMomentsBackward<float>&, void*);
template int reparameterize_moments_backward(const ReparameterizeMomentsBackward<double>&, void*);

}  // namespace pyvae::cuda
