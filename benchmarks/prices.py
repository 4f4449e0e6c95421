"""What Lambda charges for a million files, from the time a batch takes: arm64, at the prices that `cost` knows."""

import math

from distributary_cli.cost_prices import PRICES


def gb_seconds_per_million(wall_seconds: float, files: int, megabytes: int) -> float:
    """GB-seconds for a million files: Lambda bills each call by the millisecond, rounded up."""
    billed = math.ceil(wall_seconds * 1000) / 1000
    return billed * megabytes / 1024 / files * 1_000_000


def dollars_per_million(wall_seconds: float, files: int, megabytes: int) -> float:
    """Lambda's part of a million files' price, in dollars."""
    request, gb_second = (PRICES[name] for name in ("lambda-request", "lambda-arm64"))
    duration = gb_seconds_per_million(wall_seconds, files, megabytes) * gb_second.usd / gb_second.per
    return duration + 1_000_000 / files * request.usd / request.per
