"""Reconciliation: S3 is the truth. What a receiver lacks is found in the two listings, and put into the queue again.

No state but the listings, so it finds whatever an event, a queue or a bug has lost, however long ago.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from distributary.comparisons import Listed, Verdict, compare
from distributary.errors import DistributaryError
from distributary.events import Addressee, ObjectCreated
from distributary.keys import KeyLayout, LogFile
from distributary.listings import walk
from distributary.prefixes import Place, Planner
from distributary.queues import FunctionQueue, Letter, redelivery
from distributary.routing import route
from distributary.selections import Selection
from distributary.subscriptions import CopyTarget, Subscription
from distributary.windows import Window

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_KEYS = 100
"""Keys that a report names; the rest is counted."""
LETTERS_AT_ONCE = 100


class NothingToCompareError(DistributaryError):
    """The subscription copies nothing, so there is no second listing."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(f"subscription {subscription.name} has no copy_to: nothing can be compared")


class NothingToAnnounceError(DistributaryError):
    """The subscription names no topic."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(f"subscription {subscription.name} has no notify: nothing can be announced")


class RepairError(DistributaryError):
    """The queue didn't take what is missing."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Request:
    """What to reconcile."""

    subscription: Subscription
    window: Window
    """Of the times in the keys."""
    arrived_before: datetime
    """What arrived later may still be on its way."""
    repair: bool = False
    announce: bool = False
    """Whether nothing is compared: whatever is due counts as missing, so that a repair announces all of it anew."""
    after: str | None = None
    """The central key behind which to go on."""
    place: Place | None = None
    """Only what is there."""


@dataclass(slots=True)
class Report:
    """What a comparison found."""

    subscription: str
    present: int = 0
    missing: int = 0
    different: int = 0
    extra: int = 0
    repaired: int = 0
    missing_keys: list[str] = field(default_factory=list)
    different_keys: list[str] = field(default_factory=list)
    continue_after: str | None = None
    """Where to go on, if time ran out."""
    announces: bool = False
    """Whether `missing` is what is to be announced, there or not."""

    def to_json(self) -> dict[str, Any]:
        """The form in which it is told and logged."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares the central bucket with one receiver's."""

    bucket: str
    layout: KeyLayout
    central: "S3Client"
    """Lists the central bucket."""
    queue_of: Callable[[Subscription], FunctionQueue]
    with_etags: bool
    """Whether the central bucket's ETags are those of the bytes: not where KMS encrypts."""

    def reconcile(
        self, request: Request, receiver: "S3Client | None", now: datetime, has_time: Callable[[], bool]
    ) -> Report:
        """Compare, and put what is missing into the queue if the request says so.

        Args:
            request: what to compare.
            receiver: lists the receiving bucket; not needed to announce.
            now: ends a window that has no other end.
            has_time: asked now and then; once it says no, the report says where to go on.

        Raises:
            NothingToCompareError: if the subscription has no bucket.
            NothingToAnnounceError: if it has no topic, and is to announce.
            RepairError: if the queue refuses.
            botocore.exceptions.ClientError: as ListObjectsV2 does.
        """
        report = Report(request.subscription.name, announces=request.announce)
        lost: list[Listed] = []
        for verdict, found in self._verdicts(request, receiver, now):
            _note(report, verdict, found)
            if verdict is Verdict.MISSING and request.repair:
                lost.append(found)
            if len(lost) >= LETTERS_AT_ONCE:
                report.repaired += self._repair(request.subscription, lost)
                lost = []
            if verdict is not Verdict.EXTRA and not has_time():
                report.continue_after = found.key
                break
        report.repaired += self._repair(request.subscription, lost)
        return report

    def planner(self, request: Request, now: datetime, *, by_day: bool = False) -> Planner:
        """Finds the prefixes of what a subscription is due in a window."""
        subscription, filters = request.subscription, request.subscription.filters
        scope = frozenset(filters.account_ids) if subscription.is_third_party else frozenset({subscription.account_id})
        types, regions = frozenset(filters.log_types), frozenset(filters.regions)
        return Planner(Selection(self.layout, scope, types, regions, request.window), now, by_day)

    def _verdicts(
        self, request: Request, receiver: "S3Client | None", now: datetime
    ) -> Iterator[tuple[Verdict, Listed]]:
        subscription, planner = request.subscription, self.planner(request, now)
        places = planner.start() if request.place is None else [request.place]
        if request.announce:
            if subscription.notify is None:
                raise NothingToAnnounceError(subscription)
            return ((Verdict.MISSING, one) for place in places for one in self._due(request, planner, place))
        if subscription.copy_to is None or receiver is None:
            raise NothingToCompareError(subscription)
        return self._compare(request, subscription.copy_to, receiver, planner, places)

    def _compare(
        self, request: Request, target: CopyTarget, receiver: "S3Client", planner: Planner, places: Iterable[Place]
    ) -> Iterator[tuple[Verdict, Listed]]:
        """Both listings by the same prefixes, so that they come in the same order."""
        for place in places:
            yield from compare(
                self._due(request, planner, place),
                walk(receiver, target.bucket, planner, place, prefix=target.prefix, after=request.after),
                prefix=target.prefix,
                with_etags=self.with_etags and target.kms_key_arn is None,
            )

    def _due(self, request: Request, planner: Planner, place: Place) -> Iterator[Listed]:
        for one in walk(self.central, self.bucket, planner, place, after=request.after):
            if self._is_due(one, request, planner.selection):
                yield one

    @staticmethod
    def _is_due(one: Listed, request: Request, selection: Selection) -> bool:
        log_file = selection.read(one.key, one.last_modified)
        return (
            isinstance(log_file, LogFile)
            and one.last_modified < request.arrived_before
            and bool(route(log_file, [request.subscription]).deliveries)
        )

    def _repair(self, subscription: Subscription, lost: Sequence[Listed]) -> int:
        if not lost:
            return 0
        # Of what isn't copied a notification tells the version, which no listing has: S3 is asked if there is no ETag.
        is_copied = subscription.copy_to is not None
        created = (
            ObjectCreated(self.bucket, one.key, size=one.size, etag=one.etag if is_copied else None) for one in lost
        )
        addressees = [Addressee(subscription.name, subscription.account_id)]
        letters = [Letter(redelivery(one, addressees)) for one in created]
        if problem := next(filter(None, self.queue_of(subscription).send(letters)), None):
            raise RepairError(f"the queue did not take what is missing: {problem}")
        return len(letters)


def default_window(now: datetime, days: int = 2) -> Window:
    """The last days, as the schedule has it."""
    return Window(since=now - timedelta(days=days))


def _note(report: Report, verdict: Verdict, found: Listed) -> None:
    match verdict:
        case Verdict.PRESENT:
            report.present += 1
        case Verdict.MISSING:
            report.missing += 1
            report.missing_keys += [found.key] if len(report.missing_keys) < MAX_KEYS else []
        case Verdict.DIFFERENT:
            report.different += 1
            report.different_keys += [found.key] if len(report.different_keys) < MAX_KEYS else []
        case Verdict.EXTRA:
            report.extra += 1
