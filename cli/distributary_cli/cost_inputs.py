"""What a month's cost depends on: the traffic, the stack's numbers, and what was measured or is assumed. No I/O."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Annotated

import typer

from distributary.errors import DistributaryError

MONTH_HOURS = 730
"""As AWS's own examples count."""
MONTH_SECONDS = MONTH_HOURS * 3600
MOST = 10**12


class ImpossibleError(DistributaryError):
    """A number that cannot be; `option` names it, in the command's words."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"{option} {reason}")
        self.option = option
        self.reason = reason


class Deliver(StrEnum):
    """What receivers get."""

    COPY = "copy"
    NOTIFY = "notify"
    BOTH = "both"

    @property
    def copies(self) -> bool:
        """Whether log files are copied."""
        return self is not Deliver.NOTIFY

    @property
    def notifies(self) -> bool:
        """Whether notifications are published."""
        return self is not Deliver.COPY


class Kms(StrEnum):
    """How both buckets, the central one and the receiver's, are encrypted."""

    NONE = "none"
    BUCKET_KEYS = "bucket-keys"
    NO_BUCKET_KEYS = "no-bucket-keys"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What arrives in a month, and who receives it."""

    files: Annotated[int, typer.Option(metavar="N", help="Log files a month.")] = 1_000_000
    accounts: Annotated[int, typer.Option(metavar="N", help="Accounts that own them.")] = 100
    third_parties: Annotated[int, typer.Option(metavar="N", help="Third parties that receive all of them too.")] = 0
    deliver: Annotated[Deliver, typer.Option(help="What receivers get.")] = Deliver.COPY
    kms: Annotated[Kms, typer.Option(help="SSE-KMS in both buckets, with or without bucket keys.")] = Kms.NONE
    file_kb: Annotated[float, typer.Option(metavar="KB", help="An average file's size.")] = 20.0
    busy_percent: Annotated[float, typer.Option(metavar="PERCENT", help="The part of the time in which they come.")] = (
        100.0
    )
    """Of the time: in which all files come, evenly."""
    regions: Annotated[int, typer.Option(metavar="N", help="Regions with log files, by account.")] = 4
    """With log files, for each account."""
    log_types: Annotated[int, typer.Option(metavar="N", help="Log types, by account.")] = 3
    """For each account and Region."""
    elsewhere_percent: Annotated[
        float, typer.Option(metavar="PERCENT", help="The part of the copies that goes to another Region.")
    ] = 0.0
    """Of the copies: those that go to another Region."""
    keep_months: Annotated[float, typer.Option(metavar="MONTHS", help="How long a month's copies are kept.")] = 1.0
    """How long a month's copies are kept."""

    def check(self) -> None:
        """Raises ImpossibleError for the first number that cannot be."""
        wholes = [("files", 1), ("accounts", 1), ("third_parties", 0), ("regions", 1), ("log_types", 1)]
        for name, least in wholes:
            if not least <= getattr(self, name) <= MOST:
                raise ImpossibleError(option(name), f"must be from {least} to {MOST:,}, not {getattr(self, name):,}")
        if self.accounts > self.files:
            raise ImpossibleError("--accounts", f"cannot be more ({self.accounts:,}) than --files ({self.files:,})")
        if not 0 < self.busy_percent <= 100:
            raise ImpossibleError("--busy-percent", f"must be above 0, and 100 at most, not {self.busy_percent:g}")
        if not 0 <= self.elsewhere_percent <= 100:
            raise ImpossibleError("--elsewhere-percent", f"must be from 0 to 100, not {self.elsewhere_percent:g}")
        if not 0 < self.file_kb <= 5 * 1024**2:
            raise ImpossibleError("--file-kb", "must be above 0 and 5 GB at most: larger files are copied in parts")
        if not 0 <= self.keep_months <= 1200:
            raise ImpossibleError("--keep-months", f"must be from 0 to 1,200, not {self.keep_months:g}")

    @property
    def busy_seconds(self) -> float:
        """A month's seconds in which files come."""
        return MONTH_SECONDS * self.busy_percent / 100

    @property
    def per_second(self) -> float:
        """How many come then."""
        return self.files / self.busy_seconds


@dataclass(frozen=True, slots=True)
class Stack:
    """The numbers of template.yaml."""

    batch_size: int = 100
    window_seconds: int = 2
    memory_mb: int = 512
    connections: int = 64
    concurrency: int = 10
    reconcile_memory_mb: int = 512
    reconcile_days: float = 1.0
    """From one comparison to the next."""
    arm64: bool = True
    alarms: int = 8
    third_party_alarms: int = 4

    def check(self) -> None:
        """Raises ImpossibleError for the first number that Lambda, or the function, would refuse."""
        limits = {
            "batch_size": (1, 10_000),
            "window_seconds": (0, 300),
            "memory_mb": (128, 10_240),
            "connections": (1, 512),
            "concurrency": (2, 1_000),
        }
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise ImpossibleError(option(name), f"must be from {least} to {most:,}, not {getattr(self, name):,}")
        if self.batch_size > 10 and not self.window_seconds:
            raise ImpossibleError(
                "--window-seconds", "must be 1 or more for batches of more than 10: Lambda asks for it"
            )
        if not self.reconcile_days > 0:
            raise ImpossibleError("--reconcile-days", f"must be above 0, not {self.reconcile_days:g}")


@dataclass(frozen=True, slots=True)
class Measured:
    """What no template says. Latencies are AWS's usual ones within a Region; the rest is measured on this code."""

    copy_ms: float = 20.0
    publish_ms: float = 10.0
    assume_role_ms: float = 15.0
    read_ms: float = 10.0
    list_ms: float = 50.0
    invocation_ms: float = 5.0
    cpu_ms: float = 0.2
    """For each file, of a whole processor."""
    outcome_bytes: int = 678
    """Of one outcome's log line, for a CloudTrail key in an organisation."""
    metric_bytes: int = 297
    """Of one line that counts an outcome."""
    platform_bytes: int = 700
    """What Lambda itself logs of an invocation."""
    bucket_key_minutes: float = 5.0
    """How long S3 keeps a bucket key for one requester: AWS doesn't say."""

    def check(self) -> None:
        """Raises ImpossibleError for the first number that is not above 0."""
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ImpossibleError(option(field.name), f"must be above 0, not {getattr(self, field.name):g}")


def option(name: str) -> str:
    """A field's name as an option's."""
    return f"--{name.replace('_', '-')}"
