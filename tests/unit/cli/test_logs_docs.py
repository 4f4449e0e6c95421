"""docs/reading.md is run: its commands are given, its output compared; its tables are held against the options."""

import gzip
import json
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import boto3
import pytest
from samples import CENTRAL_BUCKET

from distributary_cli.sign_in import SignIn

READING = (Path(__file__).parents[3] / "docs" / "reading.md").read_text("utf-8")
FOLDER = "AWSLogs/222222222222/CloudTrail/eu-west-1/2026/11/21/222222222222_CloudTrail_eu-west-1"
FILES = {
    f"{FOLDER}_20261121T0605Z_4kXz9wYb1cQe7RtU.json.gz": [("06:01:12", "GetObject"), ("06:02:40", "AssumeRole")],
    f"{FOLDER}_20261121T0610Z_Mu0KsOhtH1ar15ZZ.json.gz": [("06:07:05", "PutObject")],
}


@pytest.fixture
def stored(aws: None) -> None:  # noqa: ARG001 - it stands up what this needs
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    s3.create_bucket(Bucket=CENTRAL_BUCKET)
    for key, events in FILES.items():
        records = [
            {"eventTime": f"2026-11-21T{time}Z", "eventName": name, "recipientAccountId": "222222222222"}
            for time, name in events
        ]
        packed = gzip.compress(json.dumps({"Records": records}).encode(), compresslevel=0)  # as long on every machine
        s3.put_object(Bucket=CENTRAL_BUCKET, Key=key, Body=packed)
    url = sqs.create_queue(QueueName="log-files")["QueueUrl"]
    sqs.send_message(
        QueueUrl=url, MessageBody=json.dumps({"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": [next(iter(FILES))]})
    )


@pytest.mark.usefixtures("stored")
def test_the_sessions_in_the_documentation_run_as_written(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = 0
    for console in re.findall(r"^```console\n(.*?)^```", READING, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            program, *args = shlex.split(command)
            if program == "export":
                for pair in args:
                    monkeypatch.setenv(*pair.split("=", 1))
                continue
            assert program == "distributary"
            said = run(*args).output
            # moto's one user is nobody's in the documentation.
            said = said.replace("arn:aws:sts::123456789012:user/moto", "arn:aws:iam::222222222222:user/ana")
            assert said.replace("123456789012", "222222222222") == expected
            ran += 1
    assert ran == 6


def test_the_table_of_options_is_the_options() -> None:
    documented = {row[0]: row[1] for row in re.findall(r"^\| `(--[a-z-]+)` \| (.*?) \|", READING, re.MULTILINE)}
    hints = get_type_hints(SignIn, include_extras=True)
    options = {
        f"--{field.name.replace('_', '-')}": hints[field.name].__metadata__[0].envvar for field in fields(SignIn)
    }
    assert documented.keys() == options.keys()
    for option, names in options.items():
        for name in [names] if isinstance(names, str) else names or []:
            assert f"`{name}`" in documented[option]


def test_who_reads_without_a_role_is_told_all_that_a_reader_role_is_allowed() -> None:
    direct = re.search(r"^Where Account A has set `DirectAccess=yes`.*?\n\n", READING, re.MULTILINE | re.DOTALL)
    role = re.search(r"^\| the reader role \|.*", READING, re.MULTILINE)
    assert direct
    assert role
    actions = re.compile(r"`(s3:[A-Z]\w+)`")
    assert set(actions.findall(direct[0])) == set(actions.findall(role[0]))
