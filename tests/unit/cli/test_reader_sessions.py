"""The reader's credentials and errors, against an STS and an S3 that answer what each test wants."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore import exceptions as sdk
from botocore.credentials import AssumeRoleCredentialFetcher
from botocore.exceptions import ClientError
from samples import CENTRAL_BUCKET, A, B
from typer import Exit

from distributary_cli.reader_errors import Asked, said_plainly
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
        self.assumed_by: list[str] = []
        self.named = 0
        """How often somebody asked who they are."""
        self.signed_with: list[str] = []
        self.queue_asked_by: list[str] = []
        self.queue_refuses = False

    def sts(self, form: dict[str, str], authorization: str) -> tuple[int, str]:
        if form["Action"] == "GetCallerIdentity":
            self.named += 1
            return 200, _xml("GetCallerIdentity", f"<Arn>{self.caller}</Arn><Account>{B}</Account>")
        self.assumed.append(form)
        self.assumed_by.append(_access_key_id(authorization))
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

    def sqs(self, authorization: str) -> tuple[int, str]:
        self.queue_asked_by.append(_access_key_id(authorization))
        if self.queue_refuses:
            return 403, '{"__type": "com.amazonaws.sqs#AccessDeniedException", "message": "no"}'
        return 200, "{}"

    def s3(self, authorization: str) -> tuple[int, str]:
        self.signed_with.append(_access_key_id(authorization))
        if self.s3_error:
            return 403, f"<Error><Code>{self.s3_error}</Code><Message>no</Message></Error>"
        return 200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


def _access_key_id(authorization: str) -> str:
    return authorization.partition("Credential=")[2].partition("/")[0]


def _xml(action: str, result: str) -> str:
    return f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    answers = FakeAws()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if "X-Amz-Target" in self.headers:
                self._answer(*answers.sqs(self.headers["Authorization"]))
                return
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*answers.sts(form, self.headers["Authorization"]))

        def do_GET(self) -> None:
            self._answer(*answers.s3(self.headers["Authorization"]))

        def do_HEAD(self) -> None:
            self.do_GET()

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
        _ = ReaderSessions(SignIn(role_arn=ROLE, mfa_serial=SERIAL)).reader
    assert fake.assumed == []


MINE = "[profile mine]\naws_access_key_id = MINE\naws_secret_access_key = s\n"
MIDDLE = f"arn:aws:iam::{B}:role/middle"


@pytest.fixture
def profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Write the AWS configuration: the lines of `reader`, and other profiles; `mine` has keys."""

    def write(reader: str) -> None:
        (tmp_path / "config").write_text(f"[profile reader]\nrole_arn = {ROLE}\n{reader}\n{MINE}")

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return write


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_profile_s_role_is_assumed_with_what_the_profile_says(
    fake: FakeAws, profiles: Any, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles("external_id = a-shared-secret\nsource_profile = mine\nrole_session_name = team\nduration_seconds = 7200")
    if by == "environment":
        monkeypatch.setenv("AWS_PROFILE", "reader")
    sessions = ReaderSessions(SignIn(profile="reader" if by == "option" else None))
    list_once(sessions)
    (asked,) = fake.assumed
    said = {name: asked.get(name) for name in ("RoleArn", "ExternalId", "RoleSessionName", "DurationSeconds")}
    assert list(said.values()) == [ROLE, "a-shared-secret", "team", "7200"]
    assert (fake.assumed_by, fake.signed_with) == (["MINE"], ["ASSUMED1"])
    own = sessions.own.get_credentials()
    assert own
    assert own.access_key == "MINE"


def test_what_the_options_say_goes_before_what_the_profile_says(fake: FakeAws, profiles: Any) -> None:
    profiles(f"external_id = old\nrole_session_name = team\nmfa_serial = {SERIAL}-old\nsource_profile = mine")
    options = SignIn(
        role_arn=ROLE,  # the environment may say it too
        profile="reader",
        external_id="zzz",
        role_session_name="ana",
        mfa_serial=SERIAL,
        mfa_token="123456",
        duration_seconds=43200,
    )
    list_once(ReaderSessions(options))
    (asked,) = fake.assumed
    names = ("ExternalId", "RoleSessionName", "SerialNumber", "TokenCode", "DurationSeconds")
    assert [asked[name] for name in names] == ["zzz", "ana", SERIAL, "123456", "43200"]
    assert fake.assumed_by == ["MINE"]


def test_a_profile_s_mfa_device_takes_the_code_that_is_given(fake: FakeAws, profiles: Any) -> None:
    profiles(f"mfa_serial = {SERIAL}\nsource_profile = mine")
    list_once(ReaderSessions(SignIn(profile="reader", mfa_token="123456")))
    assert (fake.assumed[0]["SerialNumber"], fake.assumed[0]["TokenCode"]) == (SERIAL, "123456")
    with pytest.raises(MfaTokenError, match="add --mfa-token"):
        _ = ReaderSessions(SignIn(profile="reader")).reader


@pytest.mark.parametrize(
    ("reader", "assumed_by"),
    [
        (f"source_profile = middle\n[profile middle]\nrole_arn = {MIDDLE}\nsource_profile = mine",
         ["MINE", "ASSUMED1"]),
        ("source_profile = reader\naws_access_key_id = ITS\naws_secret_access_key = s", ["ITS"]),
        (f"source_profile = both\n[profile both]\nrole_arn = {MIDDLE}\nsource_profile = mine\n"
         "aws_access_key_id = BOTH\naws_secret_access_key = s", ["BOTH"]),
        ("credential_source = Environment", ["ENVIRONMENT"]),
    ],
)  # fmt: skip
def test_whoever_may_assume_a_profile_s_role_does(
    fake: FakeAws, profiles: Any, monkeypatch: pytest.MonkeyPatch, reader: str, assumed_by: list[str]
) -> None:
    profiles(reader)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    list_once(ReaderSessions(SignIn(profile="reader", external_id="a-shared-secret")))
    assert fake.assumed_by == assumed_by
    assert (fake.assumed[-1]["RoleArn"], fake.assumed[-1]["ExternalId"]) == (ROLE, "a-shared-secret")


def test_keys_in_the_environment_go_before_its_profile(
    fake: FakeAws, profiles: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles("source_profile = mine")
    for name, value in (("PROFILE", "reader"), ("ACCESS_KEY_ID", "ENVIRONMENT"), ("SECRET_ACCESS_KEY", "s")):
        monkeypatch.setenv(f"AWS_{name}", value)
    list_once(ReaderSessions(SignIn()))
    assert (fake.signed_with, fake.assumed) == (["ENVIRONMENT"], [])


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        ("source_profile = nobody", "there is no AWS profile named nobody"),
        ("", "AWS credentials are unusable: Partial credentials found in assume-role"),
        ("source_profile = mine\ncredential_source = Environment", "contains both source_profile and"),
        ("credential_source = Magic", 'The credential source "Magic"'),
        ("source_profile = reader", "Infinite loop"),
        ("source_profile = sso\n[profile sso]\nsso_session = s\nsso_account_id = 222222222222\nsso_role_name = r\n"
         "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://nowhere.example",
         "the AWS sign-in is missing or has expired"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("fake")
def test_a_profile_that_leads_nowhere_is_one_sentence(run: Any, profiles: Any, reader: str, said: str) -> None:
    profiles(reader)
    answer = run("logs", "ls", "--bucket", CENTRAL_BUCKET, "--profile", "reader")
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_profile_s_role_that_refuses_names_who_was_refused(run: Any, fake: FakeAws, profiles: Any) -> None:
    profiles("source_profile = mine")
    fake.refusal = "AccessDenied"
    answer = run("logs", "ls", "--bucket", CENTRAL_BUCKET, "--profile", "reader")
    assert answer.stderr.startswith(f"Error: {CALLER} may not assume {ROLE} (sts:AssumeRole): its trust policy must")
    assert "if it demands an external ID, add --external-id" in answer.stderr
    assert (len(answer.stderr.splitlines()), len(fake.assumed)) == (1, 1)


def test_a_role_on_the_way_that_refuses_is_told_in_aws_s_words(run: Any, fake: FakeAws, profiles: Any) -> None:
    profiles(f"source_profile = middle\n[profile middle]\nrole_arn = {MIDDLE}\nsource_profile = mine")
    fake.refusal = "AccessDenied"
    answer = run("logs", "ls", "--bucket", CENTRAL_BUCKET, "--profile", "reader")
    assert answer.stderr.startswith(f"Error: profile middle may not assume {ROLE} (sts:AssumeRole): ")
    assert answer.stderr.endswith("AWS says: no\n")


def test_a_code_that_botocore_asks_for_in_vain_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit), said_plainly(Asked(ReaderSessions(READER))):
        raise EOFError
    assert "demands an MFA code, and nobody gives one: use a terminal" in capsys.readouterr().err


def queue_of(account_id: str) -> list[str]:
    url = f"https://sqs.us-east-1.amazonaws.com/{account_id}/log-files"
    return ["logs", "tail", "--until-empty", "--queue-url", url]


@pytest.mark.parametrize(
    ("account_id", "options", "asked_by"),
    [
        (B, [], "MINE"),  # the role is Account A's: a reader role
        (A, [], "ASSUMED1"),  # it is the queue's account's: an ordinary role
        (A, ["--role-arn", ROLE], "MINE"),
        (A, ["--records"], "ASSUMED1"),
    ],
)
def test_a_profile_s_role_asks_the_queue_of_its_own_account_only(
    run: Any, fake: FakeAws, profiles: Any, account_id: str, options: list[str], asked_by: str
) -> None:
    profiles("source_profile = mine")
    answer = run(*queue_of(account_id), "--profile", "reader", *options)
    assert (answer.exit_code, answer.output, fake.queue_asked_by) == (0, "", [asked_by])


@pytest.mark.parametrize(
    ("account_id", "said"),
    [
        (B, f"{CALLER} may not use the queue "),
        (B, "; the queue is asked with your own credentials, not as the reader role"),
        (A, f"{ROLE} may not use the queue "),
        (A, "; if this is the reader role, name it with --role-arn too"),
    ],
)
def test_a_queue_that_refuses_names_who_asked_it(
    run: Any, fake: FakeAws, profiles: Any, account_id: str, said: str
) -> None:
    profiles("source_profile = mine")
    fake.queue_refuses = True
    answer = run(*queue_of(account_id), "--profile", "reader")
    assert (answer.exit_code, len(answer.stderr.splitlines())) == (1, 1)
    assert said in answer.stderr


@pytest.mark.usefixtures("fake")
def test_such_a_code_is_a_check_of_whoami_that_failed(run: Any, profiles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask_in_vain(_: object) -> None:
        raise EOFError

    monkeypatch.setattr(AssumeRoleCredentialFetcher, "fetch_credentials", ask_in_vain)
    profiles(f"source_profile = middle\n[profile middle]\nrole_arn = {MIDDLE}\nsource_profile = mine")
    said = "a role on the way to the reader role demands an MFA code, and nobody gives one: use a terminal."
    answer = run("whoami", "--profile", "reader")
    assert (answer.exit_code, answer.stdout.split(), answer.stderr) == (1, ["✗", *said.split()], "")
    (check,) = json.loads(run("whoami", "--json", "--profile", "reader").stdout)["checks"]
    assert (check["action"], check["ok"], check["sentence"]) == ("sts:GetCallerIdentity", False, said)


def test_each_refused_file_is_told_and_nobody_is_asked_again_who_they_are(
    run: Any, fake: FakeAws, profiles: Any
) -> None:
    profiles(f"mfa_serial = {SERIAL}\nsource_profile = mine")
    fake.s3_error = "AccessDenied"
    keys = [f"AWSLogs/{B}/{number}" for number in range(6)]
    options = ["--to", "logs", "--bucket", CENTRAL_BUCKET, "--mfa-token", "123456"]
    answer = run("logs", "get", "--profile", "reader", *options, *keys)
    assert answer.stderr.count(f"{ROLE} may not read s3://{CENTRAL_BUCKET}/AWSLogs/") == 6
    assert (len(fake.assumed), fake.named) == (1, 0)
    answer = run("logs", "get", "--profile", "mine", *options, *keys)
    assert answer.stderr.count(f"{CALLER} may not read s3://{CENTRAL_BUCKET}/AWSLogs/") == 6
    assert (len(fake.assumed), fake.named) == (1, 1)


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
    assert said in Asked(ReaderSessions(READER), "logs").say(error, "k")


@pytest.mark.usefixtures("fake")
def test_a_queue_that_refuses_says_whose_credentials_ask_it() -> None:
    said = Asked(ReaderSessions(READER), queue_url="https://q").say(refused("AccessDeniedException", "ReceiveMessage"))
    assert said.startswith(f"{CALLER} may not use the queue https://q (sqs:ReceiveMessage)")
    assert "not as the reader role" in said


def test_a_queue_that_is_too_busy_is_not_called_s3() -> None:
    said = Asked(ReaderSessions(READER), queue_url="https://q").say(refused("ServiceUnavailable", "ReceiveMessage"))
    assert said.startswith("SQS answers ServiceUnavailable for https://q")


def test_a_session_with_mfa_that_has_ended_says_what_to_do() -> None:
    said = Asked(ReaderSessions(SignIn(role_arn=ROLE, mfa_serial=SERIAL)), "logs").say(
        refused("ExpiredToken", "GetObject"), "k"
    )
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
    assert Asked(ReaderSessions(READER), "logs").ends_all(error) is ends
