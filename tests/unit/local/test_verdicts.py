from collections.abc import Iterable

import pytest

from distributary.outcomes import Outcome
from distributary_local.deliveries import Told, Written
from distributary_local.deployment import OWNERS, THIRD_PARTY_ACCOUNT_ID, UNSUBSCRIBED_ACCOUNT_ID
from distributary_local.log_files import GeneratedFile
from distributary_local.verdicts import wrong_in_outage, wrong_notifications, wrong_outcomes

(_, B, C), D, Z = OWNERS, UNSUBSCRIBED_ACCOUNT_ID, THIRD_PARTY_ACCOUNT_ID


def written(key: str, account_id: str | None, expected: Outcome) -> Written:
    file = GeneratedFile(key=key, body=b"", account_id=account_id, expected_outcome=expected, description="made")
    return Written(file, 0.0)


FILES = [
    written("b", B, Outcome.DELIVERED),
    written("c", C, Outcome.DELIVERED),
    written("d", D, Outcome.UNSUBSCRIBED),
    written("test", B, Outcome.IGNORED),
    written("forged", None, Outcome.REFUSED),
]
TO_OWNERS = {"b": "delivered", "c": "delivered", "d": "unsubscribed", "test": "ignored", "forged": "refused"}
TO_Z = TO_OWNERS | {"d": "delivered"}


def told(outcomes: dict[str, str]) -> dict[str, Told]:
    return {key: Told(key, outcome, None, 0.0) for key, outcome in outcomes.items()}


def all_told(pairs: Iterable[tuple[str, str]]) -> list[Told]:
    return [Told(key, outcome, None, 0.0) for key, outcome in pairs]


class TestOutcomes:
    def test_z_gets_what_has_an_owner_whoever_subscribed(self) -> None:
        assert list(wrong_outcomes(FILES, told(TO_OWNERS), told(TO_Z))) == []

    def test_an_owner_s_wrong_outcome_is_named(self) -> None:
        wrong = list(wrong_outcomes(FILES, told(TO_OWNERS | {"d": "delivered"}), told(TO_Z)))
        assert wrong == ["d (made): delivered for its owner, expected unsubscribed"]

    def test_z_s_wrong_outcome_is_named(self) -> None:
        wrong = list(wrong_outcomes(FILES, told(TO_OWNERS), told(TO_OWNERS | {"forged": "delivered"})))
        assert wrong == [
            "d (made): unsubscribed for Z, expected delivered",
            "forged (made): delivered for Z, expected refused",
        ]

    def test_no_outcome_is_wrong(self) -> None:
        wrong = list(wrong_outcomes(FILES[:1], {}, {}))
        assert wrong == [f"b (made): no outcome for {whose}, expected delivered" for whose in ("its owner", "Z")]


class TestOutage:
    FAILED = (("b", "failed"), ("b", "failed"), ("c", "failed"), ("d", "failed"), ("forged", "refused"))

    def test_owners_go_on_and_z_fails(self) -> None:
        assert list(wrong_in_outage(FILES, told(TO_OWNERS), all_told(self.FAILED))) == []

    def test_an_owner_that_waited_is_wrong(self) -> None:
        owners = told(TO_OWNERS)
        del owners["c"]
        wrong = list(wrong_in_outage(FILES, owners, all_told(self.FAILED)))
        assert wrong == ["c: its owner waited while Z's bucket refused"]

    @pytest.mark.parametrize(
        ("outcomes", "said"),
        [
            ([("b", "delivered")], "delivered"),
            ([("b", "failed"), ("b", "delivered")], "delivered, failed"),
            ([], "no outcome"),
        ],
    )
    def test_an_outage_without_an_effect_is_wrong(self, outcomes: list[tuple[str, str]], said: str) -> None:
        wrong = list(wrong_in_outage(FILES, told(TO_OWNERS), all_told([*self.FAILED[2:], *outcomes])))
        assert wrong == [f"b: {said} for Z while its bucket refused, expected failed"]


class TestNotifications:
    def test_each_is_told_of_its_own_and_z_of_all(self) -> None:
        assert list(wrong_notifications(FILES, {B: ["b", "b"], C: ["c"], Z: ["b", "c", "d"]})) == []

    def test_who_was_not_told_or_was_told_of_another_s_is_named(self) -> None:
        wrong = list(wrong_notifications(FILES, {B: ["c"], Z: ["b", "c", "d", "test"]}))
        assert wrong == [f"{B} was not told of b", f"{B} was told of c", f"{Z} was told of test"]
