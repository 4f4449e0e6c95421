"""Times as AWS writes them."""

from datetime import UTC, datetime


def utc_time(told: str) -> datetime:
    """A time in ISO 8601, UTC where it names no zone. Raises ValueError if it is none."""
    time = datetime.fromisoformat(told)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
