#!/usr/bin/env bash
# h5py's guess of chunks for a large array of images cuts across all of them: one image of 3D Shapes' shape touches 768
# chunks, and reading it takes in those parts of 15 000 images.
#
# One would guess: `chunks=True`, and `compression="gzip"` or `maxshape=`, which ask for chunks too and name none, divide
# a stack of images into some images each, since the first axis is the one that is indexed; or, with chunks of at most a
# MiB, into parts of few images. An image of 12 288 bytes would lie in one chunk.
#
# What happens (h5py 3.16.0): the guess halves the axes in turn, the first with the others, until a chunk is small. Of
# (480000, 64, 64, 3) bytes, which 3D Shapes has, it is (15000, 4, 4, 1), 234 KiB: one image lies in 768 chunks of
# 176 MiB together, and the three colours of a pixel in different ones. Of (737280, 64, 64), which dSprites has, it is
# (23040, 2, 4), 512 chunks for one image. The chunk cache of a file is smaller than what one image needs, so the next
# image of the same rows reads its chunks again. The shape is fixed when a data set is made, and no reader can mend it.
#
# Why it matters to VAE work: a model is trained on images drawn at random, and 3D Shapes is published as an HDF5 file.
# Made with the guess, such a file unpacks up to 64 x 176 MiB, 11 GiB, for a batch of 64 images, 768 KiB.
#
# What it means for pyvae: the reader of 3D Shapes goes through a file once, in slices as deep as its chunks, and keeps
# the images in a file of its own. Who writes such files passes chunks=(1, 64, 64, 3), or of a few images.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q h5py==3.16.0 numpy==2.4.6
cat > "$folder/chunks.py" <<'PY'
import math
import os
import sys

import h5py

GUESSED = {(480_000, 64, 64, 3): (15_000, 4, 4, 1), (737_280, 64, 64): (23_040, 2, 4)}
ASKED = {"chunks=True": {"chunks": True}, "compression": {"compression": "gzip"}, "maxshape": {"maxshape": "same"}}

path = os.path.join(sys.argv[1], "images.h5")
for shape, expected in GUESSED.items():
    for name, asked in ASKED.items():
        options = {key: shape if value == "same" else value for key, value in asked.items()}
        with h5py.File(path, "w") as file:  # no chunk is written, so the file stays small
            images = file.create_dataset("images", shape, "u1", **options)
            assert images.chunks == expected, (name, images.chunks)
    of_one = math.prod(-(-side // part) for side, part in zip(shape[1:], expected[1:]))
    read = of_one * math.prod(expected)
    print(f"{shape}: chunks of {expected}, one image in {of_one} of them, {read / 2**20:.0f} MiB")
    assert of_one >= 512

# The same on disk, by the chunks that one image makes when it is written.
with h5py.File(path, "w") as file:
    images = file.create_dataset("images", (480_000, 64, 64, 3), "u1", compression="gzip")
    images[240_000] = 1
    made = images.id.get_num_chunks()
    print(f"one image written makes {made} chunks on disk")
    assert made == 768
    cache = file.id.get_access_plist().get_cache()[2]
    print(f"the file's cache holds {cache / 2**20:.0f} MiB")
assert h5py.__version__ == "3.16.0"
print("as described")
PY
"$folder/venv/bin/python" "$folder/chunks.py" "$folder"
