"""Subscriptions: who receives which log files, how. Plain data; no I/O.

People write a subscription in `subscriptions.yaml`, DynamoDB holds it in one item per *scope* (the owner's account ID,
or `all`) and the functions read it from there; `subscription_forms` is between text and object.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from distributary.keys import LogFile

ALL = "all"
"""The scope of third parties, which receive every owner's log files."""


class Format(StrEnum):
    """What a notification looks like: the form of an event that consumers read already."""

    S3 = "s3"
    CLOUDTRAIL = "cloudtrail"
    EVENTBRIDGE = "eventbridge"


class CopyTarget(NamedTuple):
    """The bucket in the receiving account that log files are copied to."""

    bucket: str
    region: str
    prefix: str = ""
    """Stands before the log file's own key; empty, or ends with `/`."""
    kms_key_arn: str | None = None
    """The bucket's default key, if any: the session policy must name it. The bucket applies it, not we."""


class NotifyTarget(NamedTuple):
    """The SNS topic, in the receiving account or in Account A, that each delivery is announced on."""

    topic_arn: str
    format: Format = Format.S3
    kms_key_arn: str | None = None
    """The topic's key, if any: the session policy must name it."""

    @property
    def partition(self) -> str:
        """The topic's partition."""
        return self.topic_arn.split(":")[1]

    @property
    def region(self) -> str:
        """The topic's Region."""
        return self.topic_arn.split(":")[3]

    @property
    def account_id(self) -> str:
        """The account that the topic is in."""
        return self.topic_arn.split(":")[4]


class Filters(NamedTuple):
    """What a subscription wants. An empty tuple wants everything."""

    log_types: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    account_ids: tuple[str, ...] = ()
    except_account_ids: tuple[str, ...] = ()

    def refuse(self, log_file: LogFile) -> str | None:
        """Why a log file is not wanted, in words; None if it is."""
        if self.log_types and log_file.log_type not in self.log_types:
            return f"its log type {log_file.log_type} is not among {', '.join(self.log_types)}"
        if self.regions and log_file.region not in self.regions:
            return f"its Region {log_file.region or '(none)'} is not among {', '.join(self.regions)}"
        if self.account_ids and log_file.account_id not in self.account_ids:
            return f"its account {log_file.account_id} is not among {', '.join(self.account_ids)}"
        if log_file.account_id in self.except_account_ids:
            return f"its account {log_file.account_id} is excepted"
        return None


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Subscription:
    """One receiver's standing order: an owner's about its own log files, or a third party's about everybody's.

    It has a bucket to copy to, a topic to notify, or both.
    """

    name: str
    account_id: str
    """The receiving account."""
    delivery_role_arn: str
    external_id: str = field(repr=False)
    copy_to: CopyTarget | None = None
    notify: NotifyTarget | None = None
    is_third_party: bool = False
    filters: Filters = EVERYTHING
    paused: bool = False

    def __hash__(self) -> int:
        """Of what tells subscriptions apart: all fields' would be computed many times for each log file."""
        return hash((self.account_id, self.name))

    @property
    def scope(self) -> str:
        """Whose log files it is about, an account ID or `all`; the table's key."""
        return ALL if self.is_third_party else self.account_id

    @property
    def partition(self) -> str:
        """`aws`, `aws-us-gov`, `aws-cn`, …: the delivery role's own."""
        return self.delivery_role_arn.split(":", 2)[1]
