"""The growth's picture."""

from xml.etree import ElementTree

from benchmarks.plot import draw


def points(across: str) -> list[dict[str, float]]:
    return [
        {across: 10**power, "cpu_microseconds": 100.0 + power, "of_the_ideal": 0.9, "memory": 60.0}
        for power in range(2, 6)
    ]


def test_the_picture_has_a_panel_for_each_figure_and_says_every_number() -> None:
    picture = draw({"files": points("files"), "accounts": points("accounts")})
    tree = ElementTree.fromstring(picture)  # noqa: S314 - made above
    texts = [element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}polyline"))) == 6
    assert {"CPU per file, µs, by files", "memory, MB, by accounts", "100,000", "105", "0.90"} <= set(texts)
