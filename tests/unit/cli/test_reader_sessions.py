"""The reader's credentials and errors, against an STS and an S3 that answer what each test wants."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore import exceptions as sdk
from botocore.exceptions import ClientError
from samples import CENTRAL_BUCKET, A, B

from distributary_cli.reader_errors import Asked
from distributary_cli.reader_sessions import EndpointUrlError, MfaTokenError, ReaderSessions, client, session_name
from distributary_cli.sign_in import SignIn

ROLE = f"arn:aws:iam::{A}:role/reader"
CALLER = f"arn:aws:iam::{B}:user/ana"
ROOT = f"arn:aws:iam::{B}:root"
SERIAL = f"arn:aws:iam::{B}:mfa/ana"


class FakeAws:
    """Answers each AssumeRole with credentials of `lives`, or with `refusal`; S3 with an error code, or nothing."""

    def __init__(self) -> None:
        self.lives, self.refusal, self.caller, self.s3_error = timedelta(hours=1), "", CALLER, ""
        self.assumed: list[dict[str, str]] = []
        self.signed_with: list[str] = []

    def sts(self, form: dict[str, str]) -> tuple[int, str]:
        if form["Action"] == "GetCallerIdentity":
            return 200, _xml("GetCallerIdentity", f"<Arn>{self.caller}</Arn><Account>{B}</Account>")
        self.assumed.append(form)
        if self.refusal:
            return (
                403,
                f"<ErrorResponse><Error><Code>{self.refusal}</Code><Message>no</Message></Error></ErrorResponse>",
            )
        number, ends = len(self.assumed), datetime.now(UTC) + self.lives
        return 200, _xml(
            "AssumeRole",
            f"<Credentials><AccessKeyId>ASSUMED{number}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            f"<SessionToken>t</SessionToken><Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
            f"<AssumedRoleUser><Arn>{ROLE}</Arn><AssumedRoleId>x</AssumedRoleId></AssumedRoleUser>",
        )

    def s3(self, authorization: str) -> tuple[int, str]:
        self.signed_with.append(authorization.partition("Credential=")[2].partition("/")[0])
        if self.s3_error:
            return 403, f"<Error><Code>{self.s3_error}</Code><Message>no</Message></Error>"
        return 200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


def _xml(action: str, result: str) -> str:
    return f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    answers = FakeAws()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(*answers.sts({name: values[0] for name, values in parse_qs(body).items()}))

        def do_GET(self) -> None:
            self._answer(*answers.s3(self.headers["Authorization"]))

        def _answer(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()


def list_once(sessions: ReaderSessions) -> None:
    s3 = client(sessions.reader, "s3")
    s3.list_objects_v2(Bucket=CENTRAL_BUCKET)
    s3.close()


def test_without_a_role_the_own_credentials_read(fake: FakeAws) -> None:
    list_once(ReaderSessions(SignIn()))
    assert (fake.signed_with, fake.assumed) == (["testing"], [])


def test_a_role_is_assumed_once_with_what_it_demands(fake: FakeAws) -> None:
    sessions = ReaderSessions(SignIn(role_arn=ROLE, external_id="a-shared-secret", role_session_name="ana"))
    list_once(sessions)
    list_once(sessions)
    assert fake.signed_with == ["ASSUMED1", "ASSUMED1"]
    (asked,) = fake.assumed
    assert (asked["RoleArn"], asked["ExternalId"], asked["RoleSessionName"]) == (ROLE, "a-shared-secret", "ana")
    assert sessions.own is not sessions.reader


def test_a_role_s_credentials_are_renewed_before_they_end(fake: FakeAws) -> None:
    fake.lives = timedelta(minutes=5)
    sessions = ReaderSessions(SignIn(role_arn=ROLE))
    list_once(sessions)
    list_once(sessions)
    assert len(fake.assumed) >= 2
    assert fake.signed_with[0] != fake.signed_with[-1]


def test_a_session_with_mfa_is_not_renewed_and_says_so(fake: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    fake.lives = timedelta(minutes=5)
    sessions = ReaderSessions(SignIn(role_arn=ROLE, mfa_serial=SERIAL, mfa_token="123456"))
    list_once(sessions)
    list_once(sessions)
    (asked,) = fake.assumed
    assert (asked["SerialNumber"], asked["TokenCode"]) == (SERIAL, "123456")
    assert fake.signed_with == ["ASSUMED1", "ASSUMED1"]
    assert "With MFA the session is not renewed: it ends at" in capsys.readouterr().err


def test_an_mfa_code_that_nobody_can_be_asked_for_is_told(fake: FakeAws) -> None:
    with pytest.raises(MfaTokenError, match="add --mfa-token"):
        ReaderSessions(SignIn(role_arn=ROLE, mfa_serial=SERIAL))
    assert fake.assumed == []


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_profile_s_role_is_assumed_as_the_aws_cli_does(
    fake: FakeAws, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(
        f"[profile reader]\nrole_arn = {ROLE}\nexternal_id = a-shared-secret\nsource_profile = mine\n"
        "[profile mine]\naws_access_key_id = MINE\naws_secret_access_key = s\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    if by == "environment":
        monkeypatch.setenv("AWS_PROFILE", "reader")
    list_once(ReaderSessions(SignIn(profile="reader" if by == "option" else None)))
    assert (fake.assumed[0]["ExternalId"], fake.signed_with) == ("a-shared-secret", ["ASSUMED1"])


def test_an_endpoint_that_is_no_url_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost")
    with pytest.raises(EndpointUrlError, match="AWS_ENDPOINT_URL wants one such as"):
        client(ReaderSessions(SignIn()).own, "s3")


def test_a_session_s_name_is_one_that_sts_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "CORP\\anä " + "x" * 80)
    assert session_name(SignIn()) == ("distributary-CORP-an--" + "x" * 80)[:64]
    assert session_name(SignIn(role_session_name="mine")) == "mine"


READER = SignIn(role_arn=ROLE)


@pytest.mark.parametrize(
    ("sign_in", "caller", "said"),
    [
        (READER, CALLER, f"{CALLER} may not assume {ROLE} (sts:AssumeRole): its trust policy must name this principal"),
        (READER, CALLER, "if it demands an external ID, add --external-id"),
        (READER, CALLER, "if it demands MFA, add --mfa-serial"),
        (SignIn(role_arn=ROLE, external_id="given"), CALLER, "the external ID must be the one it demands"),
        (READER, ROOT, f"{ROOT} is a root user, and AWS lets none assume a role: sign in as an IAM user or role"),
    ],
)
def test_a_role_that_refuses_says_what_to_look_at(
    run: Any, fake: FakeAws, sign_in: SignIn, caller: str, said: str
) -> None:
    fake.caller, fake.refusal = caller, "AccessDenied"
    external_id = ["--external-id", sign_in.external_id] if sign_in.external_id else []
    answer = run("logs", "ls", "--bucket", CENTRAL_BUCKET, "--role-arn", ROLE, *external_id)
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("code", "args", "said"),
    [
        ("AccessDenied", [], f"{CALLER} may not list s3://{CENTRAL_BUCKET} (s3:ListBucket)"),
        ("AccessDenied", [], "name the account, such as --account 222222222222"),
        ("AccessDenied", ["--account", B], "check --account, --key-prefixes and --organization-id"),
        ("AccessDenied", ["--role-arn", ROLE], f"Error: {ROLE} may not list"),
        ("NoSuchBucket", [], f"there is no bucket {CENTRAL_BUCKET}: check --bucket"),
        ("ExpiredToken", [], "the AWS credentials have expired: sign in again"),
        ("InvalidAccessKeyId", [], "AWS does not know these credentials (no): check --profile"),
    ],
)
def test_a_listing_that_s3_refuses_is_one_sentence(
    run: Any, fake: FakeAws, code: str, args: list[str], said: str
) -> None:
    fake.s3_error = code
    answer = run("logs", "ls", "--bucket", CENTRAL_BUCKET, *args)
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def refused(code: str, operation: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


KMS_MESSAGE = "User: x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:111111111111:key/1"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused("AccessDenied", "GetObject"), f"{ROLE} may not read s3://logs/k (s3:GetObject): it is another"),
        (refused("403", "HeadObject"), f"{ROLE} may not read s3://logs/k (s3:GetObject)"),
        (refused("AccessDenied", "GetObject", KMS_MESSAGE), f"{ROLE} may not decrypt s3://logs/k (kms:Decrypt)"),
        (refused("KMS.DisabledException", "GetObject"), "may not decrypt s3://logs/k (kms:Decrypt)"),
        (refused("InvalidObjectState", "GetObject"), "s3://logs/k is archived"),
        (refused("NoSuchKey", "GetObject"), "there is no s3://logs/k"),
        (refused("SlowDown", "GetObject"), "S3 answers SlowDown for s3://logs/k again and again"),
        (refused("Odd", "GetObject"), "GetObject was refused by AWS: Odd: no"),
        (sdk.NoRegionError(), "no AWS Region is chosen: add --region"),
        (sdk.ParamValidationError(report="Invalid bucket name"), "Invalid bucket name"),
        (sdk.ReadTimeoutError(endpoint_url="x"), "AWS cannot be reached"),
    ],
)  # fmt: skip
def test_what_is_refused_of_one_log_file_names_it_and_the_reader(error: Exception, said: str) -> None:
    assert said in Asked(READER, "logs").say(error, "k")


@pytest.mark.usefixtures("fake")
def test_a_queue_that_refuses_says_whose_credentials_ask_it() -> None:
    said = Asked(READER, queue_url="https://q").say(refused("AccessDeniedException", "ReceiveMessage"))
    assert said.startswith(f"{CALLER} may not use the queue https://q (sqs:ReceiveMessage)")
    assert "not with --role-arn" in said


def test_a_session_with_mfa_that_has_ended_says_what_to_do() -> None:
    said = Asked(SignIn(role_arn=ROLE, mfa_serial=SERIAL), "logs").say(refused("ExpiredToken", "GetObject"), "k")
    assert said == "the session with MFA has ended: repeat the command with a new code; what is complete stays"


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (refused("ExpiredToken", "GetObject"), True),
        (refused("AccessDenied", "AssumeRole"), True),
        (sdk.NoCredentialsError(), True),
        (refused("AccessDenied", "GetObject"), False),
        (refused("NoSuchKey", "GetObject"), False),
        (sdk.ReadTimeoutError(endpoint_url="x"), False),
    ],
)
def test_only_what_every_log_file_would_meet_ends_a_command(error: Exception, ends: bool) -> None:
    assert Asked(READER, "logs").ends_all(error) is ends
