from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributary.windows import FIRST_DAY, TimeError, Window, file_time, parse_time

NOW = datetime(2026, 11, 21, 6, 5, tzinfo=UTC)
STORED = datetime(2026, 11, 22, 0, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21T06:00", datetime(2026, 11, 21, 6, tzinfo=UTC)),
        ("2026-11-21T06:00:30Z", datetime(2026, 11, 21, 6, 0, 30, tzinfo=UTC)),
        ("2026-11-21T06:00+02:00", datetime(2026, 11, 21, 4, tzinfo=UTC)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        (" 1w ", NOW - timedelta(weeks=1)),
    ],
)
def test_a_time_is_utc_or_so_long_ago(text: str, time: datetime) -> None:
    assert parse_time(text, NOW) == time


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "3y", "-3d", "999999w", "0001-01-01T00:00+14:00"])
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(TimeError, match="is no time: write 2026-11-21"):
        parse_time(text, NOW)


@given(st.text())
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with suppress(TimeError):
        assert parse_time(text, NOW).tzinfo is UTC


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("222222222222_CloudTrail_us-east-1_20261121T0605Z_Mu0KsOhtH1ar15ZZ.json.gz", (2026, 11, 21, 6, 5)),
        ("222222222222_CloudTrail-Digest_us-east-1_20261121T060501Z_backfill.json.gz", (2026, 11, 21, 6, 5, 1)),
        ("222222222222_Config_us-east-1_X_20260109T000000Z_20260109T060713Z_1.json.gz", (2026, 1, 9, 6, 7, 13)),
        ("20261121T060500123Z_0a1b2c3d4e5f6071.json.gz", (2026, 11, 21, 6, 5)),
        ("222222222222_redshift_us-east-1_mycluster_userlog_2026-11-21T06:05.gz", (2026, 11, 21, 6, 5)),
    ],
)  # fmt: skip
def test_a_log_file_s_time_is_the_last_one_in_its_name(name: str, time: tuple[int, ...]) -> None:
    assert file_time(name, STORED) == datetime(*time, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize("name", ["01234567-89ab-cdef-0123-456789012345.jsonl.gz", "x_20260231T0605Z_y.gz", ""])
def test_without_one_it_is_when_s3_stored_it(name: str) -> None:
    assert file_time(name, STORED) == STORED


days = st.dates(FIRST_DAY, date(2027, 12, 31))


@given(days, days, st.integers(0, 1))
def test_the_folders_of_a_window_hold_each_of_its_days_once_and_no_other(one: date, other: date, margin: int) -> None:
    since, until = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in sorted((one, other)))
    folders = list(Window(since, until).folders(NOW, timedelta(days=margin)))
    first, last = since - timedelta(days=margin), until - timedelta(days=1) + timedelta(days=margin)
    first = max(first, datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC))
    wanted = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    covered = [
        [folder for folder in folders if (day.year, day.month, day.day)[: len(folder)] == folder] for day in wanted
    ]
    assert all(len(found) == 1 for found in covered)
    assert {folder for found in covered for folder in found} == set(folders)
    assert sum(len(folder) == 3 for folder in folders) <= 2 * 31


def test_an_open_window_begins_with_s3_and_ends_now() -> None:
    assert list(Window(until=datetime(2006, 3, 16, tzinfo=UTC)).folders(NOW, timedelta())) == [
        (2006, 3, 14),
        (2006, 3, 15),
    ]
    assert list(Window(since=NOW - timedelta(hours=7)).folders(NOW, timedelta())) == [(2026, 11, 20), (2026, 11, 21)]


def test_a_window_holds_its_beginning_and_not_its_end() -> None:
    window = Window(NOW, NOW + timedelta(hours=1))
    assert window.holds(NOW)
    assert not window.holds(NOW + timedelta(hours=1))
    assert Window().is_open
