"""Removes from the built layer what no function uses: `python trim_layer.py FOLDER`, which the Makefile does.

Of the SDK's data nearly all is about services that the library never asks. What stays is complete for those it does, in
every partition and Region.
"""

import json
import shutil
import sys
from pathlib import Path

SERVICES = frozenset({"dynamodb", "lambda", "s3", "sns", "sqs", "sts"})
"""What the library makes clients for."""
UNUSED = (
    "bin",
    "boto3/data",  # resources; the library uses clients
    "boto3/examples",
    "aws_lambda_powertools/event_handler",  # most of Powertools; the library logs and counts
)
USED_UTILITIES = frozenset({"__init__.py", "jmespath_utils"})
"""Of Powertools' utilities, what its logger imports."""


def trim(layer: Path) -> None:
    """Remove it, below /opt/python as it will be."""
    for path in UNUSED:
        shutil.rmtree(layer / path)
    for path in (layer / "aws_lambda_powertools" / "utilities").iterdir():
        if path.name not in USED_UTILITIES:
            remove(path)
    data = layer / "botocore" / "data"
    for service in data.iterdir():
        if service.is_dir() and service.name not in SERVICES:
            remove(service)
    for service in SERVICES:
        for old in sorted((data / service).iterdir())[:-1]:  # the SDK takes the newest version of an API
            remove(old)
    trim_endpoints(data / "endpoints.json")


def trim_endpoints(path: Path) -> None:
    """Leave the endpoints of SERVICES: the file is read for the first client, and its parsing shows in a cold start."""
    endpoints = json.loads(path.read_text("utf-8"))
    for partition in endpoints["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in SERVICES}
    path.write_text(json.dumps(endpoints, separators=(",", ":")), "utf-8")


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
