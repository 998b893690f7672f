"""What a processor is called in results."""

from pyvae.info import named_in

CPUINFO = (
    "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: {}\nstepping\t: 1\n"
)


def test_a_name_without_a_number_does_not_tell_generations_apart() -> None:
    assert named_in(CPUINFO.format("AMD EPYC")) == "AMD EPYC family 25 model 17"
    assert named_in(CPUINFO.format("AMD EPYC 9B14")) == "AMD EPYC 9B14"


def test_other_systems_name_less() -> None:
    assert named_in("processor\t: 0\nBogoMIPS\t: 50.00\n") is None
    assert named_in("model name\t: Something\n") == "Something"
