"""The one base of every error that this library raises, and one kind of boto3's."""

import sys


class DistributaryError(Exception):
    """Base of all errors here. `retryable` says whether the same call can succeed later without anyone's help."""

    retryable: bool = False


def is_unreadable_answer(error: BaseException) -> bool:
    """Whether boto3 could make nothing of an answer: a proxy's page, say. Its own base class leaves this one out.

    Importing the class takes as long as importing most of botocore, and whoever raised it has done so.
    """
    parsers = sys.modules.get("botocore.parsers")
    return parsers is not None and isinstance(error, parsers.ResponseParserError)
