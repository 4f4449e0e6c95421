import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from distributary.credentials import SessionCredentials
from distributary.sdk.signing import CallerChosenCredentials, caller_chosen_session, signing_with


def test_each_thread_signs_with_what_it_chose() -> None:
    chosen = CallerChosenCredentials()
    start = threading.Barrier(8)

    def sign(number: int) -> str:
        with signing_with(SessionCredentials(f"key-{number}", "secret", "token")):
            start.wait()
            return str(chosen.get_frozen_credentials().access_key)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(sign, range(8))) == [f"key-{number}" for number in range(8)]


def test_outside_of_a_choice_nothing_can_be_signed() -> None:
    with pytest.raises(LookupError):
        CallerChosenCredentials().get_frozen_credentials()
    with pytest.raises(LookupError):
        caller_chosen_session().client("s3", region_name="us-east-1").list_buckets()
