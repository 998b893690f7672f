"""The 1 797 handwritten digits that scikit-learn brings (Alpaydin and Kaynak 1998)."""

import numpy as np
import torch

from pyvae.data.data_set import Factor
from pyvae.data.formats.pixels import Pixels
from pyvae.data.formats.published import extra
from pyvae.data.image_table import ImageTable

WHITE = 16
"""Their pixels are whole numbers from 0 to this one."""


class Digits(ImageTable):
    """8 x 8 images of handwriting, whose only known factor is the digit, 0 to 9; nothing is downloaded.

    Needs scikit-learn, of the extra `data`; raises ModuleNotFoundError without it.
    """

    def __init__(self) -> None:
        found = extra("sklearn.datasets", "data of digits").load_digits()
        labels = torch.from_numpy(found.target.astype(np.int64))[:, None]
        super().__init__(Pixels(found.images.astype(np.uint8), white=WHITE), labels, (Factor("digit", 10, True),))
