"""Renders images with idsprites for sprites.py, which starts it: each line on standard input asks for a round, and its
seconds for an image go to standard output. It needs idsprites alone, in whatever Python that is.
"""

import itertools
import json
import sys
import time

import cv2
from idsprites import InfiniteDSprites


def main() -> None:
    settings = json.loads(sys.argv[1])
    count = settings.pop("count")
    cv2.setNumThreads(1)
    images = iter(InfiniteDSprites(**settings))
    for _ in itertools.islice(images, count):  # compiles what it compiles
        pass
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in itertools.islice(images, count):
            pass
        print((time.perf_counter() - start) / count, flush=True)


if __name__ == "__main__":
    main()
