"""Whether all of it held: each outcome as expected, each bucket holding what it should, byte for byte, and no more."""

from collections.abc import Iterator, Mapping, Sequence

from distributary_local.deliveries import Told, Written, read_bucket
from distributary_local.deployment import CENTRAL_ACCOUNT_ID, OWNERS, THIRD_PARTY_ACCOUNT_ID, Deployment
from distributary_local.log_files import GeneratedFile


def wrong_outcomes(written: Sequence[Written], told: Mapping[str, Told]) -> Iterator[str]:
    """Files whose owner's outcome is another than expected."""
    for one in written:
        got = told[one.file.key].outcome if one.file.key in told else "no outcome"
        if got != one.file.expected_outcome:
            yield f"{one.file.key} ({one.file.description}): {got}, expected {one.file.expected_outcome}"


def wrong_copies(deployment: Deployment, written: Sequence[Written]) -> Iterator[str]:
    """What is wrong in the owners' buckets and in the third party's, which has everything that has an owner."""
    central = read_bucket(deployment, CENTRAL_ACCOUNT_ID, deployment.outputs["CentralBucketName"])
    for account_id in OWNERS:
        due = [one.file for one in written if one.file.account_id == account_id and _is_due(one, "delivered")]
        yield from _wrong_copies_in(deployment, account_id, deployment.buckets[account_id], due, central)
    due = [one.file for one in written if _is_due(one, "delivered", "unsubscribed")]
    yield from _wrong_copies_in(deployment, THIRD_PARTY_ACCOUNT_ID, deployment.third_party_bucket, due, central)


def _is_due(one: Written, *outcomes: str) -> bool:
    return one.file.expected_outcome in outcomes


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
