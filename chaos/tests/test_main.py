import pytest

from chaos.__main__ import _parser


@pytest.mark.parametrize(
    "arguments",
    [
        ["--minutes", "0"],
        ["--minutes", "nan"],
        ["--minutes", "ten"],
        ["--minutes", "1441"],
        ["--uploads", "-1"],
        ["--seed", "x"],
        ["--unknown"],
    ],
)
def test_wrong_usage_is_rejected(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        _parser().parse_args(arguments)

    assert error.value.code == 2


def test_the_default_is_ten_minutes_and_two_thousand_uploads() -> None:
    options = _parser().parse_args([])

    assert (options.minutes, options.uploads, options.seed) == (10.0, 2000, None)
