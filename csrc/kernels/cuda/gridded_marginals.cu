// Launches of gridded_marginals.cuh and gridded_marginals_backward.cuh, one step after the other on the stream; which
// there are depends on shapes alone.
// Not yet measured on a GPU.
#include "gridded_marginals_backward.cuh"

namespace pyvae::cuda {

int gridded_marginals(const GriddedMarginals& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_forward_step(args, launcher);
  return launcher.status;
}

int gridded_marginals_backward(const GriddedMarginalsBackward& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_backward_step(args, launcher);
  return launcher.status;
}

}  // namespace pyvae::cuda
