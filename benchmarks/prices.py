"""What Lambda charges for a million files, from the time a batch takes. us-east-1, arm64, as of November 2026.

Source: https://aws.amazon.com/lambda/pricing/
"""

import math

DOLLARS_PER_GB_SECOND = 0.0000133334
DOLLARS_PER_REQUEST = 0.20 / 1_000_000


def gb_seconds_per_million(wall_seconds: float, files: int, megabytes: int) -> float:
    """GB-seconds for a million files: Lambda bills each call by the millisecond, rounded up."""
    billed = math.ceil(wall_seconds * 1000) / 1000
    return billed * megabytes / 1024 / files * 1_000_000


def dollars_per_million(wall_seconds: float, files: int, megabytes: int) -> float:
    """Lambda's part of a million files' price, in dollars."""
    requests = 1_000_000 / files * DOLLARS_PER_REQUEST
    return gb_seconds_per_million(wall_seconds, files, megabytes) * DOLLARS_PER_GB_SECOND + requests
