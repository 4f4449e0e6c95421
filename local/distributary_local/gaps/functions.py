"""What surrounds a function while it runs."""

import os
import queue
import time
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc

from distributary_local.gaps.callers import may, role_session
from distributary_local.gaps.patching import around

_FROM_LAMBDA = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL")
"""Variables of the emulator's environment that ministack sets anew for each function."""

_END_OF_LOG = "\x1eend of log"
_LOG_SECONDS = 5.0
"""So long the end of a log is waited for; a function that was killed writes none."""

_PRELUDE = """
import os as _os, sys as _sys
for _name in {inherited!r}:
    _os.environ.pop(_name, None)
for _name, _default in {defaults!r}.items():
    _os.environ.setdefault(_name, _default)
"""


def function_interpreter() -> None:
    """Run python functions on LOCAL_FUNCTION_PYTHON, with Lambda's environment variables and nobody else's.

    AWS: "Lambda runtimes", https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, and "Defined runtime
    environment variables" on https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html: a function sees
    its package, its layers and the runtime's own variables.
    ministack: runs it on its own interpreter with all of its packages and with the host's environment, which hides a
    dependency that the layer lacks. Of its log it keeps what has come when nothing came for five milliseconds: on a
    busy machine, lines are missing. Here the function marks the end of its log.
    Not shown: the Python version that Runtime names, the boto3 that Lambda brings along (the layer must bring its own),
    arm64, the memory limit, the read-only file system, the 6 MB limit of payloads.
    """
    interpreter = os.environ["LOCAL_FUNCTION_PYTHON"]
    inherited = sorted(set(os.environ) - set(_FROM_LAMBDA))

    @around(lambda_runtime, "_detect_runtime_binary")
    def detect(original: Any, runtime: str) -> tuple[str, str]:
        binary, script = original(runtime)
        if not runtime.startswith("python"):
            return binary, script
        own = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
        defaults = {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "HOME": "/nonexistent",  # Lambda sets none; this keeps ~/.aws of the host out
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "TZ": ":UTC",
        }
        prelude = _PRELUDE.format(inherited=[name for name in inherited if name not in own], defaults=defaults)
        before, answers, after = script.rpartition("_real_stdout.flush()")
        marks = f"sys.stderr.write({_END_OF_LOG!r} + chr(10)); sys.stderr.flush(); "
        return interpreter, prelude + before + marks + answers + after

    def whole_log(worker: Any) -> str:
        lines: list[str] = []
        deadline = time.monotonic() + _LOG_SECONDS
        while time.monotonic() < deadline:
            try:
                line = worker._stderr_queue.get(timeout=0.1)
            except queue.Empty:
                if not worker._stderr_thread.is_alive() and worker._stderr_queue.empty():
                    break
                continue
            if line == _END_OF_LOG:
                break
            lines.append(line)
        return "\n".join(lines)

    @around(lambda_runtime.Worker, "_drain_stderr_bounded")
    def drain(original: Any, worker: Any) -> str:
        log: str = whole_log(worker) if str(worker.config.get("Runtime")).startswith("python") else original(worker)
        return log


def log_permissions() -> None:
    """Keep a function's log only if its role may write it.

    AWS: "Sending Lambda function logs to CloudWatch Logs",
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html: the execution role needs
    logs:CreateLogStream and logs:PutLogEvents; without them the function runs and its log is lost.
    ministack: always keeps it.
    Not shown: logs:CreateLogGroup for a log group that doesn't exist yet.
    """

    @around(lambda_svc, "_emit_lambda_logs")
    def emit(original: Any, function: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        config = function.get("config") or function
        role_arn, name = config.get("Role", ""), config.get("FunctionName", "")
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
        arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:any"
        session = role_session(role_arn, name) if role_arn.count(":") > 4 else None
        if all(
            may(session, f"logs:{action}", arn, "", get_account_id()) for action in ("CreateLogStream", "PutLogEvents")
        ):
            original(function, *args, **kwargs)


GAPS = (function_interpreter, log_permissions)
