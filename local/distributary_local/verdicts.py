"""Whether all of it held: each outcome as expected, each bucket holding what it should, byte for byte, and no more.

Whoever is notified was told of what it got, and of nothing else.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from distributary.outcomes import Outcome
from distributary_local.deliveries import Told, Written, read_bucket
from distributary_local.deployment import CENTRAL_ACCOUNT_ID, OWNERS, THIRD_PARTY_ACCOUNT_ID, Deployment
from distributary_local.log_files import GeneratedFile


def wrong_outcomes(
    written: Sequence[Written], told: Mapping[str, Told], third_party: Mapping[str, Told]
) -> Iterator[str]:
    """Files whose outcome is another than expected: for their owners, and for the third party."""
    for one in written:
        due_to_third_party = Outcome.DELIVERED if _is_due(one, THIRD_PARTY_ACCOUNT_ID) else one.file.expected_outcome
        for whose, outcomes, expected in (
            ("its owner", told, one.file.expected_outcome),
            ("Z", third_party, due_to_third_party),
        ):
            got = outcomes[one.file.key].outcome if one.file.key in outcomes else "no outcome"
            if got != expected:
                yield f"{one.file.key} ({one.file.description}): {got} for {whose}, expected {expected}"


def wrong_in_outage(
    written: Sequence[Written], told: Mapping[str, Told], third_party: Collection[Told]
) -> Iterator[str]:
    """What shows that the outage was none, or that it was the owners' as well.

    Args:
        written: the log files that were written during the outage.
        told: the owners' final outcomes before its end.
        third_party: every outcome for the third party before its end.
    """
    for one in written:
        if one.file.key not in told:
            yield f"{one.file.key}: its owner waited while Z's bucket refused"
        got = {other.outcome for other in third_party if other.key == one.file.key}
        if _is_due(one, THIRD_PARTY_ACCOUNT_ID) and got != {Outcome.FAILED}:
            said = ", ".join(sorted(got)) or "no outcome"
            yield f"{one.file.key}: {said} for Z while its bucket refused, expected {Outcome.FAILED}"


def wrong_notifications(written: Sequence[Written], notified: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Which account was not told of a key that is due to it, or of another; it may be told twice."""
    for account_id, keys in notified.items():
        due = {one.file.key for one in written if _is_due(one, account_id)}
        for key in sorted(due ^ set(keys)):
            yield f"{account_id} was {'not ' * (key in due)}told of {key}"


def wrong_copies(deployment: Deployment, written: Sequence[Written]) -> Iterator[str]:
    """What is wrong in the owners' buckets and in the third party's, which has everything that has an owner."""
    central = read_bucket(deployment, CENTRAL_ACCOUNT_ID, deployment.outputs["CentralBucketName"])
    for account_id in OWNERS:
        due = [one.file for one in written if _is_due(one, account_id)]
        yield from _wrong_copies_in(deployment, account_id, deployment.buckets[account_id], due, central)
    due = [one.file for one in written if _is_due(one, THIRD_PARTY_ACCOUNT_ID)]
    yield from _wrong_copies_in(deployment, THIRD_PARTY_ACCOUNT_ID, deployment.third_party_bucket, due, central)


def _is_due(one: Written, account_id: str) -> bool:
    if account_id == THIRD_PARTY_ACCOUNT_ID:
        return one.file.expected_outcome in (Outcome.DELIVERED, Outcome.UNSUBSCRIBED)
    return one.file.account_id == account_id and one.file.expected_outcome is Outcome.DELIVERED


def _wrong_copies_in(
    deployment: Deployment,
    account_id: str,
    bucket: str,
    due: Sequence[GeneratedFile],
    central: Mapping[str, tuple[str, int]],
) -> Iterator[str]:
    copies = read_bucket(deployment, account_id, bucket)
    for key in {file.key for file in due} ^ copies.keys():
        yield f"{bucket} {'holds' if key in copies else 'lacks'} {key}"
    yield from (f"{bucket} holds another {file.key}" for file in due if copies.get(file.key) != central[file.key])
    client = deployment.emulator.client("s3", account_id)
    for file in due:
        if not file.metadata or file.key not in copies:
            continue
        if client.head_object(Bucket=bucket, Key=file.key)["Metadata"] != dict(file.metadata):
            yield f"{bucket} lost the metadata of {file.key}"
