"""How sprites become pixels: signed distances of shapes, and boxes of them on black."""
