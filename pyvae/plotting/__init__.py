"""How every figure looks, and the kinds of figures that studies share: heat maps and rows of images."""
