import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from samples import plain_subscription
from test_subscription_files import RIGHT  # type: ignore[import-not-found]

from distributary import subscriptions as rules
from distributary_cli.schema_problems import schema
