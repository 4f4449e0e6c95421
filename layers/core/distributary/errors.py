"""The one base of every error that this library raises."""


class DistributaryError(Exception):
    """Base of all errors here. `retryable` says whether the same call can succeed later without anyone's help."""

    retryable: bool = False
