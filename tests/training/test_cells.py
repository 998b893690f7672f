from pyvae.training.cells import Cell, held_out_streams, product, stream

EVERY = product((0.0, 0.5, 1.0), (0.5, 1.0, 2.0), (0, 1))


def test_a_product_is_every_combination_once_seeds_slowest() -> None:
    assert len(EVERY) == len(set(EVERY)) == 18
    assert EVERY[1] == Cell(0.0, 1.0, 0) and EVERY[3] == Cell(0.5, 0.5, 0) and EVERY[-1] == Cell(1.0, 2.0, 1)


def test_streams_depend_on_the_cell_and_the_purpose_alone() -> None:
    keys = {purpose: stream(EVERY, purpose) for purpose in ("initialisation", "training pixels")}
    assert len({int(key) for seeds in keys.values() for key in seeds}) == 2 * len(EVERY)
    assert stream(EVERY[7:9], "initialisation").tolist() == keys["initialisation"][7:9].tolist()


def test_held_out_data_are_shared_by_the_strengths_only() -> None:
    a, b, c, d = Cell(1.0, 1.0, 0), Cell(1.0, 5.0, 0), Cell(1.5, 1.0, 0), Cell(1.0, 1.0, 1)
    shared = stream([a, b, c, d], "validation pixels", shared_across_strengths=True).tolist()
    assert shared[0] == shared[1] and len(set(shared)) == 3
    assert held_out_streams([a, b, c, d], "validation", ["pixels"])["pixels"].tolist() == shared
