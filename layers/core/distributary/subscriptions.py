"""Subscriptions: who receives which log files, how. Plain data; no I/O.

People write a subscription in `subscriptions.yaml`, DynamoDB holds it in one item per *scope* (the owner's account ID)
and the functions read it from there; `subscription_forms` is between text and object.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CopyTarget:
    """The bucket in the receiving account that log files are copied to."""

    bucket: str
    region: str
    prefix: str = ""
    """Stands before the log file's own key; empty, or ends with `/`."""
    kms_key_arn: str | None = None
    """The bucket's default key, if any: the session policy must name it. The bucket applies it, not we."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a subscription wants. An empty tuple wants everything."""

    log_types: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def refuse(self, log_type: str, region: str | None) -> str | None:
        """Why a log file is not wanted, in words; None if it is."""
        if self.log_types and log_type not in self.log_types:
            return f"its log type {log_type} is not among {', '.join(self.log_types)}"
        if self.regions and region not in self.regions:
            return f"its Region {region or '(none)'} is not among {', '.join(self.regions)}"
        return None


@dataclass(frozen=True, slots=True)
class Subscription:
    """One receiver's standing order. Its scope is the owner whose log files it gets: the receiving account itself."""

    name: str
    account_id: str
    delivery_role_arn: str
    external_id: str = field(repr=False)
    copy_to: CopyTarget
    filters: Filters = Filters()
    paused: bool = False

    @property
    def scope(self) -> str:
        """The account ID whose log files this subscription is about; the table's key."""
        return self.account_id

    @property
    def partition(self) -> str:
        """`aws`, `aws-us-gov`, `aws-cn`, …: the delivery role's own."""
        return self.delivery_role_arn.split(":", 2)[1]
