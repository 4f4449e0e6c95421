"""Files arrive in the central bucket; each reaches its owner, once, unchanged; every event is counted."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from integration.waiting import wait_until

from distributary_local.deliveries import final_outcomes, read_bucket, read_outcomes
from distributary_local.deployment import (
    CENTRAL_ACCOUNT_ID,
    ORGANIZATION_ID,
    OWNERS,
    UNSUBSCRIBED_ACCOUNT_ID,
    Deployment,
)
from distributary_local.log_files import generate

A, B, C = OWNERS


def put(deployment: Deployment, key: str, body: bytes = b"logs", **options: Any) -> Any:
    client = deployment.emulator.client("s3", CENTRAL_ACCOUNT_ID)
    return client.put_object(Bucket=deployment.outputs["CentralBucketName"], Key=key, Body=body, **options)


def wait_for(deployment: Deployment, *keys: str) -> dict[str, str]:
    """The final outcomes of these keys, when all of them have one."""
    wait_until(lambda: set(keys) - final_outcomes(read_outcomes(deployment)).keys())
    return {key: told.outcome for key, told in final_outcomes(read_outcomes(deployment)).items() if key in keys}


def outcomes_of(deployment: Deployment, key: str) -> list[str]:
    return [told.outcome for told in read_outcomes(deployment) if told.key == key]


def owner_object(deployment: Deployment, account_id: str, key: str) -> Any:
    client = deployment.emulator.client("s3", account_id)
    return client.get_object(Bucket=deployment.owners[account_id]["LogBucketName"], Key=key)


def test_a_thousand_files_for_three_owners_all_arrive_and_their_outcomes_add_up(deployment: Deployment) -> None:
    files = list(
        generate(
            1000,
            account_ids=[*OWNERS, UNSUBSCRIBED_ACCOUNT_ID],
            subscribed=OWNERS,
            organization_id=ORGANIZATION_ID,
            seed=20261121,
            until=datetime(2026, 11, 20, tzinfo=UTC),
            bucket=deployment.outputs["CentralBucketName"],
        )
    )
    for file in files:
        encoding = {"ContentEncoding": file.content_encoding} if file.content_encoding else {}
        put(deployment, file.key, file.body, ContentType=file.content_type, Metadata=dict(file.metadata), **encoding)
    outcomes = wait_for(deployment, *(file.key for file in files))
    assert outcomes == {file.key: str(file.expected_outcome) for file in files}
    assert Counter(outcomes.values()).total() == 1000
    central = read_bucket(deployment, CENTRAL_ACCOUNT_ID, deployment.outputs["CentralBucketName"])
    for owner in OWNERS:
        copies = read_bucket(deployment, owner, deployment.owners[owner]["LogBucketName"])
        due = {file.key for file in files if file.account_id == owner and file.expected_outcome == "delivered"}
        assert due <= copies.keys()
        assert {key: copies[key] for key in due} == {key: central[key] for key in due}
        assert not {file.key for file in files} & (copies.keys() - due)


def test_a_digest_file_keeps_its_signature(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    key = new_key(B).replace("CloudTrail", "CloudTrail-Digest")
    metadata = {"signature": "3f" * 256, "signature-algorithm": "SHA256withRSA"}
    put(deployment, key, b"digest", Metadata=metadata, ContentType="application/json", ContentEncoding="gzip")
    assert wait_for(deployment, key) == {key: "delivered"}
    got = owner_object(deployment, B, key)
    assert (got["Metadata"], got["ContentType"], got["ContentEncoding"]) == (metadata, "application/json", "gzip")


def test_hostile_keys_arrive_under_themselves(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    stem = new_key(C).removesuffix(".json.gz")
    keys = [f"{stem}{odd}.gz" for odd in (" space", "+plus", "=&?#", "%41%2B", "::", "snow☃", "~(')!*@,;$", "//x")]
    for key in keys:
        put(deployment, key)
    assert wait_for(deployment, *keys) == dict.fromkeys(keys, "delivered")
    assert all(owner_object(deployment, C, key)["Body"].read() == b"logs" for key in keys)


def test_a_repeated_event_makes_no_second_version(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    key = new_key(B)
    put(deployment, key)
    wait_for(deployment, key)
    message = {"s3Bucket": deployment.outputs["CentralBucketName"], "s3ObjectKey": [key]}
    sqs = deployment.emulator.client("sqs", CENTRAL_ACCOUNT_ID)
    sqs.send_message(QueueUrl=deployment.outputs["OwnerQueueUrl"], MessageBody=json.dumps(message))
    wait_until(
        lambda: "already_delivered" not in {told.outcome for told in read_outcomes(deployment) if told.key == key}
    )
    versions = deployment.emulator.client("s3", B).list_object_versions(
        Bucket=deployment.owners[B]["LogBucketName"], Prefix=key
    )
    assert len(versions["Versions"]) == 1


def test_the_version_that_the_event_names_is_delivered(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    """Two versions at once: whichever event is handled first, the other finds the key there and changes nothing."""
    key = new_key(B)
    bodies = {put(deployment, key, body)["VersionId"]: body for body in (b"first", b"second")}
    wait_until(lambda: len(outcomes_of(deployment, key)) < len(bodies))
    assert owner_object(deployment, B, key)["Body"].read() in bodies.values()
    # A comparison would call the two buckets different, as often as it is the first version that was copied.
    central = deployment.emulator.client("s3", CENTRAL_ACCOUNT_ID)
    central.delete_object(Bucket=deployment.outputs["CentralBucketName"], Key=key)


def test_a_mapped_prefix_reaches_its_account(deployment: Deployment) -> None:
    put(deployment, "cdn/E2EXAMPLE.2026-11-21-00.abcd1234.gz")
    wait_for(deployment, "cdn/E2EXAMPLE.2026-11-21-00.abcd1234.gz")
    assert owner_object(deployment, B, "cdn/E2EXAMPLE.2026-11-21-00.abcd1234.gz")["Body"].read() == b"logs"


def test_outcomes_become_metrics(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    key = new_key(B)
    put(deployment, key)
    wait_for(deployment, key)
    client = deployment.emulator.client("cloudwatch", CENTRAL_ACCOUNT_ID)

    def missing() -> bool:
        found = client.list_metrics(Namespace="Distributary", MetricName="LogFiles")["Metrics"]
        dimensions = [{one["Name"]: one["Value"] for one in metric["Dimensions"]} for metric in found]
        return {"service": "deliver_to_owner", "outcome": "delivered", "log_type": "CloudTrail"} not in dimensions

    wait_until(missing)


def test_a_message_nobody_can_read_is_buried_with_its_reason(
    deployment: Deployment, new_key: Callable[[str], str]
) -> None:
    sqs = deployment.emulator.client("sqs", CENTRAL_ACCOUNT_ID)
    key = new_key(B)
    good = json.dumps({"s3Bucket": deployment.outputs["CentralBucketName"], "s3ObjectKey": [key]})
    put(deployment, key)
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(("{not json", good))]
    sqs.send_message_batch(QueueUrl=deployment.outputs["OwnerQueueUrl"], Entries=entries)
    wait_for(deployment, key)
    dead: list[Any] = []

    def missing() -> bool:
        dead.extend(
            sqs.receive_message(
                QueueUrl=deployment.outputs["OwnerDeadLetterQueueUrl"], MessageAttributeNames=["All"]
            ).get("Messages", [])
        )
        return not dead

    wait_until(missing)
    [letter] = dead
    sqs.delete_message(QueueUrl=deployment.outputs["OwnerDeadLetterQueueUrl"], ReceiptHandle=letter["ReceiptHandle"])
    assert letter["Body"] == "{not json"
    assert letter["MessageAttributes"]["fault"]["StringValue"] == "unreadable"
    assert "not JSON" in letter["MessageAttributes"]["reason"]["StringValue"]
