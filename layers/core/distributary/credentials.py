"""Delivery sessions: one AssumeRole per subscription and environment, cached, never requested twice at once.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from distributary.errors import DistributaryError, is_unreadable_answer
from distributary.subscriptions import Subscription

SESSION_SECONDS = 3600
"""Role chaining's limit: a Lambda function's role assuming another role gets an hour at most."""
SESSION_LIFE = timedelta(seconds=SESSION_SECONDS)
RENEW_BEFORE = timedelta(minutes=5)
REMEMBER_REFUSAL = timedelta(seconds=10)
"""A role that refuses is not asked again for this long: its waiting files must not hold up other owners'."""
NEVER = datetime.min.replace(tzinfo=UTC)


class SessionCredentials(NamedTuple):
    """Who asks: the keys of a session, as STS gives them."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        """Nothing that a log should not hold."""
        return f"SessionCredentials({self.access_key!r}, …)"


class TokenService(Protocol):
    """What is needed of STS; boto3's client has it, and `wire.services` too."""

    @property
    def assume_role(self) -> Callable[..., Any]:
        """Takes AssumeRole's parameters and gives its answer; raises ClientError or BotoCoreError."""


class AssumeRoleError(DistributaryError):
    """The delivery role could not be assumed; `__cause__` is the AWS error, `role_arn` the role."""

    retryable = True

    def __init__(self, role_arn: str, cause: Exception) -> None:
        super().__init__(f"cannot assume {role_arn}: {cause}")
        self.role_arn = role_arn


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    credentials: SessionCredentials | None = None
    error: AssumeRoleError | None = None
    taken: datetime = NEVER
    good_until: datetime = NEVER


class DeliverySessions:
    """Hands out the credentials of each subscription's delivery session. Safe for many threads."""

    def __init__(
        self,
        client: TokenService,
        session_name: str,
        policy_for: Callable[[Subscription], str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._session_name = session_name[:64]
        self._policy_for = policy_for
        self._clock = clock
        self._entries: dict[Subscription, _Entry] = {}
        self._lock = threading.Lock()
        self._looks_again = NEVER

    def credentials(self, subscription: Subscription) -> SessionCredentials:
        """Credentials that stay good for five minutes at least.

        A changed subscription is another key of the cache, so a change of bucket or role is never served the old
        session.

        Raises:
            AssumeRoleError: if STS refuses or cannot be reached; remembered for `REMEMBER_REFUSAL`.
            SessionPolicyTooLongError: as `policies.session_policy` does.
        """
        with self._lock:
            entry = self._entries.setdefault(subscription, _Entry())
        with entry.lock:
            if entry.good_until <= self._clock():
                self._renew(entry, subscription)
            if entry.error is not None:
                raise entry.error.with_traceback(None)
            assert entry.credentials is not None  # noqa: S101 - _renew sets one of the two
            return entry.credentials

    def remembered(self, subscription: Subscription) -> SessionCredentials | None:
        """What `credentials` would give, if nobody had to be asked."""
        entry = self._entries.get(subscription)
        return entry.credentials if entry is not None and entry.good_until > self._clock() else None

    def forget(self, subscription: Subscription, used: SessionCredentials, min_age: timedelta = timedelta(0)) -> None:
        """Ask STS anew next time, if `used` is still what is remembered and was taken at least `min_age` ago.

        S3 may refuse credentials before they expire: a role that was created anew knows nothing of its old sessions.
        """
        entry = self._entries.get(subscription)
        # Without the lock, which a renewal holds while it waits for the event loop that asks this. At worst they cross,
        # and STS is asked once more than needed.
        if entry is not None and entry.credentials is used and self._clock() - entry.taken >= min_age:
            entry.good_until = NEVER

    def _renew(self, entry: _Entry, subscription: Subscription) -> None:
        policy = self._policy_for(subscription)
        try:
            answer = self._client.assume_role(
                RoleArn=subscription.delivery_role_arn,
                RoleSessionName=self._session_name,
                ExternalId=subscription.external_id,
                DurationSeconds=SESSION_SECONDS,
                Policy=policy,
            )["Credentials"]
        except Exception as error:
            if not isinstance(error, ClientError | BotoCoreError) and not is_unreadable_answer(error):
                raise
            entry.error = AssumeRoleError(subscription.delivery_role_arn, error)
            entry.error.__cause__ = error
            entry.credentials, entry.good_until = None, self._clock() + REMEMBER_REFUSAL
            return
        entry.error, entry.taken, entry.good_until = None, self._clock(), answer["Expiration"] - RENEW_BEFORE
        entry.credentials = SessionCredentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
        self._forget_expired()

    def _forget_expired(self) -> None:
        now = self._clock()
        if now < self._looks_again:  # at all entries, for each of thousands of accounts
            return
        self._looks_again = now + RENEW_BEFORE
        with self._lock:
            for subscription in [key for key, entry in self._entries.items() if self._is_dead(entry, now)]:
                del self._entries[subscription]

    @staticmethod
    def _is_dead(entry: _Entry, now: datetime) -> bool:
        """Whether an entry's session has expired; one that was never taken is about to be."""
        return entry.taken is not NEVER and not entry.lock.locked() and entry.taken + SESSION_LIFE <= now
