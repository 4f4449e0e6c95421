import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from samples import A, B, C, Z, subscription

from distributary.subscriptions import Subscription
from distributary_cli.checks import check
from distributary_cli.findings import Finding
from distributary_cli.regions import is_known

HERE = "123456789012"
"""moto's account, which is Account A to these tests."""
NO_STACKS_TABLE = "by-hand"


def notified(topic_arn: str, account_id: str = B, **notify: str) -> Subscription:
    return replace(subscription(account_id, notify={"topic_arn": topic_arn, **notify}), copy_to=None)


def found(*subscriptions: Subscription) -> list[tuple[str, str, bool]]:
    findings = check(subscriptions, boto3.Session(), NO_STACKS_TABLE)
    return [(finding.field, finding.reason, finding.is_problem) for finding in findings]


class FakeAws(BaseHTTPRequestHandler):
    """Answers as S3, SNS and STS do where moto can't: with Regions, redirects and denials."""

    buckets: ClassVar[dict[str, tuple[int, str | None]]] = {}
    denied: ClassVar[Sequence[str]] = ()
    requests: ClassVar[list[str]] = []
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        bucket = self.path.strip("/")
        status, region = self.buckets.get(bucket, (404, None))
        self.requests.append(bucket)
        asked_in = self.headers["Authorization"].split("/")[2]
        status = 301 if region and region != asked_in else status
        self._answer(status, b"", {"x-amz-bucket-region": region} if region else {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        action = body.partition("Action=")[2].partition("&")[0]
        self.requests.append(action)
        if action in self.denied:
            code, status = "AuthorizationError" if action == "GetTopicAttributes" else "AccessDenied", 403
            text = f"<Error><Code>{code}</Code><Message>User is not authorized</Message></Error>"
            text = f"<ErrorResponse>{text}</ErrorResponse>"
        else:
            status = 200
            text = (
                "<GetCallerIdentityResponse><GetCallerIdentityResult>"
                f"<Arn>arn:aws:sts::{A}:assumed-role/admin/jo</Arn>"
                "</GetCallerIdentityResult></GetCallerIdentityResponse>"
            )
        self._answer(status, text.encode(), {"Content-Type": "text/xml"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def fake_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeAws]]:
    monkeypatch.setattr(FakeAws, "buckets", {})
    monkeypatch.setattr(FakeAws, "denied", ())
    monkeypatch.setattr(FakeAws, "requests", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeAws) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        yield FakeAws
        server.shutdown()


def test_a_bucket_that_is_as_it_is_said_to_be_is_fine_also_in_another_region(fake_aws: type[FakeAws]) -> None:
    fake_aws.buckets = {f"owner-logs-{B}": (200, "us-east-1"), f"owner-logs-{C}": (200, "eu-west-1")}
    in_ireland = subscription(C, copy_to={"bucket": f"owner-logs-{C}", "region": "eu-west-1"})
    assert found(subscription(B), in_ireland) == []


def test_somebody_else_s_bucket_is_fine(fake_aws: type[FakeAws]) -> None:
    fake_aws.buckets = {f"owner-logs-{B}": (403, "us-east-1"), f"owner-logs-{C}": (403, None)}
    assert found(subscription(B), subscription(C)) == []


def test_a_bucket_that_is_missing_is_a_problem(fake_aws: type[FakeAws]) -> None:  # noqa: ARG001
    reason = f"there is no such bucket as owner-logs-{B}"
    assert check([subscription(B)], boto3.Session(), NO_STACKS_TABLE) == (
        Finding(f"owner-{B}", "copy_to.bucket", reason),
    )


@pytest.mark.parametrize("status", [200, 403, 400])
def test_a_bucket_in_another_region_is_a_problem(fake_aws: type[FakeAws], status: int) -> None:
    fake_aws.buckets = {f"owner-logs-{B}": (status, "eu-west-1")}
    expected = [("copy_to.region", "the bucket is in eu-west-1, not in us-east-1", True)]
    assert found(subscription(B)) == expected


def test_a_region_that_does_not_exist_is_a_problem_and_not_an_endpoint_to_connect_to(fake_aws: type[FakeAws]) -> None:
    fake_aws.buckets = {f"owner-logs-{B}": (403, "us-east-1")}
    mistyped = subscription(B, copy_to={"bucket": f"owner-logs-{B}", "region": "us-esat-1"})
    assert found(mistyped) == [("copy_to.region", "the bucket is in us-east-1, not in us-esat-1", True)]


def test_an_answer_that_tells_nothing_is_a_warning(fake_aws: type[FakeAws]) -> None:
    fake_aws.buckets = {f"owner-logs-{B}": (400, None)}
    assert found(subscription(B)) == [("copy_to.bucket", "S3 did not tell whether it exists (HTTP status 400)", False)]


def test_each_of_many_is_looked_at_once_and_what_is_paused_is_not(fake_aws: type[FakeAws]) -> None:
    ids = [f"{number:012d}" for number in range(100)]
    fake_aws.buckets = {f"owner-logs-{one}": (403, "us-east-1") for one in ids}
    assert found(*map(subscription, ids), subscription(B, paused=True)) == []
    assert sorted(fake_aws.requests) == [f"owner-logs-{one}" for one in ids]


def test_nothing_is_asked_about_nothing(fake_aws: type[FakeAws]) -> None:
    assert found() == found(subscription(B, paused=True)) == []
    assert fake_aws.requests == []


def test_a_denied_look_is_a_warning_that_names_the_permission(fake_aws: type[FakeAws]) -> None:
    fake_aws.denied = ("GetTopicAttributes",)
    assert found(notified(f"arn:aws:sns:us-east-1:{A}:log-files")) == [
        ("notify.topic_arn", "it was not checked: sns:GetTopicAttributes is denied. User is not authorized", False)
    ]


def test_a_caller_who_may_not_ask_who_he_is_gets_a_warning_where_it_matters(fake_aws: type[FakeAws]) -> None:
    fake_aws.denied = ("GetCallerIdentity",)
    own, elsewhere = notified(f"arn:aws:sns:us-east-1:{B}:log-files"), notified(f"arn:aws:sns:us-east-1:{A}:log-files")
    assert found(own, elsewhere) == [("notify.topic_arn", "it was not checked: sts:GetCallerIdentity is denied", False)]


def test_an_aws_that_cannot_be_reached_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(EndpointConnectionError):
        check([subscription(B)], boto3.Session(), NO_STACKS_TABLE)


class Unreachable:
    """A session whose STS answers, and whose SNS has no endpoint in this network."""

    def client(self, service: str, **options: Any) -> Any:
        make: Any = boto3.client
        return make(service, endpoint_url="http://127.0.0.1:9" if service == "sns" else None, **options)


def test_an_sns_that_cannot_be_reached_is_a_warning_about_that_topic(fake_aws: type[FakeAws]) -> None:
    session: Any = Unreachable()
    (finding,) = check([notified(f"arn:aws:sns:eu-west-1:{A}:log-files")], session, NO_STACKS_TABLE)
    assert (finding.subscription, finding.field, finding.is_problem) == (f"owner-{B}", "notify.topic_arn", False)
    assert finding.reason.startswith("it was not checked: SNS in eu-west-1 cannot be reached: Could not connect")
    assert fake_aws.requests == ["GetCallerIdentity"]


@pytest.mark.usefixtures("aws")
class TestTopics:
    KEY = f"arn:aws:kms:eu-west-1:{HERE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    def topic(self, *statements: dict[str, Any], key: str = "") -> str:
        client = boto3.client("sns", region_name="eu-west-1")
        encrypted = {"KmsMasterKeyId": key} if key else {}
        topic_arn = client.create_topic(Name="log-files", Attributes=encrypted)["TopicArn"]
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
            client.set_topic_attributes(TopicArn=topic_arn, AttributeName="Policy", AttributeValue=policy)
        return topic_arn

    def allow(self, principal: Any) -> dict[str, Any]:
        return {"Effect": "Allow", "Principal": principal, "Action": "sns:Publish", "Resource": "*"}

    def test_a_topic_in_the_receiving_account_is_not_looked_at(self) -> None:
        assert found(notified(f"arn:aws:sns:eu-west-1:{B}:log-files")) == []

    def test_a_topic_in_a_third_account_is_a_problem(self) -> None:
        reason = f"the topic is in account {C}; it must be in the receiving account, {Z}, or in Account A, {HERE}"
        assert found(notified(f"arn:aws:sns:eu-west-1:{C}:log-files", Z)) == [("notify.topic_arn", reason, True)]

    def test_a_topic_in_account_a_that_lets_the_role_publish_is_fine(self) -> None:
        assert found(notified(self.topic(self.allow({"AWS": B})))) == []

    def test_a_topic_that_is_missing_in_account_a_is_a_problem(self) -> None:
        self.topic()
        missing = notified(f"arn:aws:sns:eu-west-1:{HERE}:logfiles")
        assert found(missing) == [("notify.topic_arn", "there is no such topic in Account A", True)]

    @pytest.mark.parametrize("principal", [None, {"AWS": C}], ids=["SNS's default policy", "another account"])
    def test_a_topic_that_does_not_let_the_role_publish_is_a_problem(self, principal: Any) -> None:
        topic_arn = self.topic(*([self.allow(principal)] if principal else []))
        ((field, reason, is_problem),) = found(notified(topic_arn))
        assert (field, is_problem) == ("notify.topic_arn", True)
        assert reason.startswith("the delivery role does not appear in the topic's policy as one that may publish; ")

    def test_where_account_a_is_the_receiver_its_role_s_own_policy_may_be_enough(self) -> None:
        assert found(notified(self.topic(), HERE)) == []
        assert (
            found(notified(f"arn:aws:sns:eu-west-1:{HERE}:missing", HERE))[0][1]
            == "there is no such topic in Account A"
        )

    @pytest.mark.parametrize("account_id", [B, HERE])
    def test_a_topic_whose_policy_denies_the_role_is_a_problem(self, account_id: str) -> None:
        topic_arn = self.topic(self.allow("*"), self.allow({"AWS": account_id}) | {"Effect": "Deny"})
        reason = "the topic's policy denies sns:Publish to the delivery role, its account or everybody"
        assert found(notified(topic_arn, account_id)) == [("notify.topic_arn", reason, True)]

    @pytest.mark.parametrize("key", [KEY, KEY.rpartition("/")[2], "alias/log-files"])
    def test_an_encrypted_topic_s_key_must_be_named(self, key: str) -> None:
        topic_arn = self.topic(self.allow({"AWS": B}), key=key)
        reason = f"is missing, but the topic is encrypted with {key}"
        assert found(notified(topic_arn)) == [("notify.kms_key_arn", reason, True)]
        assert found(notified(topic_arn, kms_key_arn=self.KEY)) == []

    def test_another_key_than_the_topic_s_is_a_problem(self) -> None:
        topic_arn, other = self.topic(self.allow({"AWS": B}), key=self.KEY), f"arn:aws:kms:eu-west-1:{HERE}:key/other"
        reason = f"the topic is encrypted with another key, {self.KEY}"
        assert found(notified(topic_arn, kms_key_arn=other)) == [("notify.kms_key_arn", reason, True)]

    def test_sns_s_own_key_is_of_no_use_to_another_account(self) -> None:
        topic_arn = self.topic(self.allow({"AWS": B}), key="alias/aws/sns")
        reason = "the topic is encrypted with alias/aws/sns, which only Account A can use: give it a key of your own"
        assert found(notified(topic_arn, kms_key_arn=self.KEY)) == [("notify.kms_key_arn", reason, True)]
        assert found(notified(topic_arn, HERE, kms_key_arn=self.KEY)) == []

    @pytest.mark.parametrize("account_id", [B, HERE])
    @pytest.mark.parametrize("region", ["us-esat-1", "-", "cn-north-1"])
    def test_a_region_that_does_not_exist_in_the_partition_is_a_problem_in_either_account(
        self, account_id: str, region: str
    ) -> None:
        ((field, reason, is_problem),) = found(notified(f"arn:aws:sns:{region}:{account_id}:log-files"))
        assert (field, is_problem) == ("notify.topic_arn", True)
        assert reason.startswith(f"{region} is not a Region of partition aws, as far as botocore ")

    def test_a_region_of_another_partition_is_right_there(self) -> None:
        assert is_known("aws-cn", "cn-north-1")
        assert is_known("aws-us-gov", "us-gov-west-1")
        assert not is_known("aws-mars", "eu-west-1")

    def test_another_error_than_a_denial_is_raised(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: Any) -> str:
            raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, "GetCallerIdentity")

        monkeypatch.setattr("distributary_cli.tables.caller_arn", refuse)
        with pytest.raises(ClientError):
            found(notified(self.topic()))
