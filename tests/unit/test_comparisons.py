import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributary.comparisons import Listed, Verdict, compare

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def listed(key: str, size: int = 1, etag: str = "e") -> Listed:
    return Listed(key, size, etag, NOW)


def in_s3s_order(keys: set[str]) -> list[str]:
    return sorted(keys, key=str.encode)


KEYS = st.sets(st.text(alphabet="ab/=+ ☃\U0001f980\uffee", min_size=1, max_size=4), max_size=30)


@given(central=KEYS, received=KEYS, prefix=st.sampled_from(["", "audit/", "☃/"]))
def test_it_agrees_with_sets(central: set[str], received: set[str], prefix: str) -> None:
    ours = [listed(key) for key in in_s3s_order(central)]
    theirs = [listed(prefix + key) for key in in_s3s_order(received)]
    found = list(compare(ours, theirs, prefix=prefix))
    keys = {verdict: {one.key for given, one in found if given is verdict} for verdict in Verdict}
    assert keys[Verdict.MISSING] == central - received
    assert keys[Verdict.PRESENT] == central & received
    assert keys[Verdict.EXTRA] == {prefix + key for key in received - central}
    assert len(found) == len(central | received)


@pytest.mark.parametrize(
    ("mine", "other", "with_etags", "verdict"),
    [
        (listed("k", 1), listed("k", 2), False, Verdict.DIFFERENT),
        (listed("k", etag="a"), listed("k", etag="b"), True, Verdict.DIFFERENT),
        (listed("k", etag="a"), listed("k", etag="b"), False, Verdict.PRESENT),
        (listed("k", etag="a-2"), listed("k", etag="b"), True, Verdict.PRESENT),
    ],
)
def test_what_makes_two_objects_different(mine: Listed, other: Listed, with_etags: bool, verdict: Verdict) -> None:
    assert list(compare([mine], [other], with_etags=with_etags)) == [(verdict, mine)]


def test_a_listing_in_another_order_is_refused() -> None:
    with pytest.raises(ValueError, match="comes after a greater key"):
        list(compare([listed("b"), listed("a")], []))


def test_memory_does_not_grow_with_the_listings() -> None:
    def many(count: int) -> Iterator[Listed]:
        return (listed(f"{number:012}") for number in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in compare(many(count), many(count)):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)
    assert peak(20_000) < 2 * peak(200) + 10_000
