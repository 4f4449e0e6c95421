"""How a log file's event ended: every file that an event names ends as exactly one of these, and is counted."""

from enum import StrEnum


class Outcome(StrEnum):
    """The fate of one log file. `failed` will be tried again; every other outcome is final."""

    DELIVERED = "delivered"
    ALREADY_DELIVERED = "already_delivered"
    """Every copy that was due exists already: a repeated event, or a retry after a lost answer."""
    UNSUBSCRIBED = "unsubscribed"
    """No subscription wants it."""
    IGNORED = "ignored"
    """Not a log file: a test object, a permission check, a folder marker."""
    UNROUTABLE = "unroutable"
    """The key names no account that the configuration knows how to reach. Never guessed."""
    REFUSED = "refused"
    """The key names two accounts, so one of them is forged."""
    GONE = "gone"
    """The central bucket holds it no longer."""
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether the event is done with: false only where a retry is due."""
        return self is not Outcome.FAILED
