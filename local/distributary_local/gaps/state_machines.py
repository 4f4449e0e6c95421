"""Step Functions."""

import contextvars
import copy
import json
import threading
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import s3, stepfunctions

from distributary_local.gaps.callers import bucket_policy, may, role_session
from distributary_local.gaps.patching import around

Json = dict[str, Any]
MAX_BATCH_BYTES = 256 * 1024
"""The longest input of an execution."""


def map_batches() -> None:
    """Hand a child execution of a Distributed Map a batch of items, and take the map's numbers from its input.

    AWS: "ItemBatcher (Map)", https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html, and
    "Map state in Distributed mode", https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html.
    ministack: hands out single items without BatchInput; ignores MaxConcurrencyPath and ToleratedFailurePercentagePath.
    Not shown: itemCounts of DescribeMapRun count batches here, and items on AWS.
    """

    @around(stepfunctions, "_run_distributed_map")
    def run(
        original: Any, state: Json, raw: Any, effective: Any, iterator: Json, execution: Json, context: Json
    ) -> Any:
        state = dict(state)
        for name in ("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount"):
            if path := state.pop(f"{name}Path", None):
                state[name] = stepfunctions._resolve_path_or_ctx(path, effective, context)
        if execution.get("redriveCount"):
            return _redo(original, state, raw, iterator, execution, context)
        if batcher := state.pop("ItemBatcher", None):
            items = _items(state, effective, context)
            common = stepfunctions._resolve_params_obj(batcher.get("BatchInput") or {}, effective, context)
            more = {"BatchInput": common} if "BatchInput" in batcher else {}
            effective = [{"Items": batch} | more for batch in _batches(items, batcher)]
            state |= {"ItemsPath": "$"}
        return original(state, raw, effective, iterator, execution, context)


def map_results() -> None:
    """Write the results of a Distributed Map where its ResultWriter says.

    AWS: "ResultWriter (Map)", https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html.
    ministack: writes nothing, and returns the results.
    Not shown: WriterConfig, several files for one status, PENDING.
    """

    @around(stepfunctions, "_run_distributed_map")
    def run(
        original: Any, state: Json, raw: Any, effective: Any, iterator: Json, execution: Json, context: Json
    ) -> Any:
        writer = state.get("ResultWriter")
        if not writer:
            return original(state, raw, effective, iterator, execution, context)
        place = stepfunctions._resolve_params_obj(writer["Parameters"], effective, context)
        shaping = ("ResultSelector", "ResultPath", "OutputPath")
        plain = {name: value for name, value in state.items() if name not in shaping}
        before, failure = set(stepfunctions._map_runs), None
        try:
            original(plain, raw, effective, iterator, execution, context)
        except stepfunctions._ExecutionError as error:
            failure = error
        own = [one for one, run in stepfunctions._map_runs.items() if run["executionArn"] == execution["executionArn"]]
        [map_run] = [one for one in own if one not in before] or [None]
        if map_run is None:  # not even its items could be read
            raise failure or LookupError(execution["executionArn"])
        _require(execution, "s3:PutObject", place["Bucket"], f"{place.get('Prefix', '')}/")
        key = _write(place["Bucket"], place.get("Prefix", ""), map_run)
        if failure:
            raise failure
        details = {"MapRunArn": map_run, "ResultWriterDetails": {"Bucket": place["Bucket"], "Key": key}}
        result = stepfunctions._apply_result_selector(state, details)
        output = stepfunctions._apply_result_path(state, raw, result)
        return stepfunctions._apply_output_path(state, output, context), stepfunctions._next_or_end(state)


def map_permissions() -> None:
    """Let a state machine read its items, and invoke functions, only where its role may.

    AWS: "IAM policies for using Distributed Map states",
    https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html.
    ministack: asks nobody.
    Not shown: starting and following child executions (states:StartExecution and the like), other services.
    """

    @around(stepfunctions, "_read_map_items")
    def read(original: Any, reader: Json, effective: Any, context: Json) -> Any:
        place = stepfunctions._resolve_params_obj(reader["Parameters"], effective, context)
        execution = stepfunctions._executions[context["Execution"]["Id"]]
        lists = reader["Resource"].endswith("listObjectsV2")
        _require(execution, "s3:ListBucket" if lists else "s3:GetObject", place["Bucket"], place.get("Key", ""))
        return original(reader, effective, context)

    @around(stepfunctions, "_execute_task")
    def task(original: Any, state: Json, raw: Any, execution: Json, context: Json) -> Any:
        function_arn = str((state.get("Parameters") or {}).get("FunctionName", ""))
        if "lambda:invoke" in state.get("Resource", "") and function_arn.startswith("arn:"):
            role = _role(execution)
            if not may(role, "lambda:InvokeFunction", function_arn, "", role.account):
                cause = f"User: {role.arn} is not authorized to perform: lambda:InvokeFunction on: {function_arn}"
                raise stepfunctions._ExecutionError("Lambda.AWSLambdaException", cause)
        return original(state, raw, execution, context)


def execution_redrive() -> None:
    """Redrive an execution that has failed or was stopped: its child executions that haven't succeeded run again.

    AWS: "Redriving Map Runs", https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html.
    ministack: Unknown action.
    Not shown: children go on at the state that failed (here they begin anew); states before the map aren't repeated.
    """

    @around(stepfunctions, "handle_request")
    async def handle(original: Any, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if not headers.get("x-amz-target", "").endswith(".RedriveExecution"):
            return await original(method, path, headers, body, query)
        execution = stepfunctions._executions.get(json.loads(body)["executionArn"])
        if execution is None:
            return error_response_json("ExecutionDoesNotExist", "Execution Does Not Exist", 400)
        if execution["status"] not in ("FAILED", "ABORTED", "TIMED_OUT"):
            return error_response_json("ExecutionNotRedrivable", f"Execution is {execution['status']}", 400)
        for name in ("error", "cause"):
            execution.pop(name, None)
        again = {"status": "RUNNING", "stopDate": None, "output": None}
        execution.update(again, redriveCount=execution.get("redriveCount", 0) + 1)
        begin = contextvars.copy_context().run
        threading.Thread(
            target=begin, args=(stepfunctions._run_execution, execution["executionArn"]), daemon=True
        ).start()
        return stepfunctions._finalize_response(json_response({"redriveDate": now_iso()}))


def _redo(original: Any, state: Json, raw: Any, iterator: Json, execution: Json, context: Json) -> Any:
    """Run what hasn't succeeded of an execution's map; the new Map Run takes the place of the old one."""
    arn, runs, children = execution["executionArn"], stepfunctions._map_runs, stepfunctions._executions
    old = [one for one, run in runs.items() if run["executionArn"] == arn]
    done = [one for one in children.values() if one.get("mapRunArn") in old and one["status"] == "SUCCEEDED"]
    lost = [one for one in children.values() if one.get("mapRunArn") in old and one["status"] != "SUCCEEDED"]
    for run in old:
        del runs[run]
    for child in lost:
        del children[child["executionArn"]]
    read = ("ItemReader", "ItemBatcher", "ItemSelector", "Parameters")
    state = {name: value for name, value in state.items() if name not in read} | {"ItemsPath": "$"}
    try:
        return original(state, raw, [json.loads(one["input"]) for one in lost], iterator, execution, context)
    finally:
        new = [one for one, run in runs.items() if run["executionArn"] == arn]
        for child in done:
            child["mapRunArn"] = new[0]


def _items(state: Json, effective: Any, context: Json) -> list[Any]:
    """The items of a map, each as its ItemSelector makes it; takes both out of the state."""
    if reader := state.pop("ItemReader", None):
        items = stepfunctions._read_map_items(reader, effective, context)
    else:
        items = stepfunctions._resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, context)
    selector = state.pop("ItemSelector", None) or state.pop("Parameters", None)
    if not selector:
        return list(items)
    selected = []
    for number, item in enumerate(items):
        inner = copy.deepcopy(context) | {"Map": {"Item": {"Index": number, "Value": item}}}
        selected.append(stepfunctions._resolve_params_obj(selector, effective, inner))
    return selected


def _batches(items: list[Any], batcher: Json) -> Iterator[list[Any]]:
    most, size = int(batcher.get("MaxItemsPerBatch") or len(items) or 1), 0
    room = int(batcher.get("MaxInputBytesPerBatch") or MAX_BATCH_BYTES)
    batch: list[Any] = []
    for item in items:
        length = len(json.dumps(item))
        if batch and (len(batch) >= most or size + length > room):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def _role(execution: Json) -> Any:
    arn = execution["stateMachineArn"].partition("/")[0]  # a child's names its label as well
    return role_session(stepfunctions._state_machines[arn]["roleArn"], "state-machine")


def _require(execution: Json, action: str, bucket: str, key: str) -> None:
    role, (policy, owner) = _role(execution), bucket_policy(bucket)
    arn = f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
    if not may(role, action, arn, policy, owner):
        cause = f"User: {role.arn} is not authorized to perform: {action} on resource: {arn}"
        raise stepfunctions._ExecutionError("S3.AccessDenied", cause)


def _write(bucket: str, prefix: str, map_run: str) -> str:
    """Write what became of each child execution, and which files say so; the latter's key."""
    folder = f"{prefix.rstrip('/')}/".lstrip("/") + map_run.rpartition(":")[2]
    children = [one for one in stepfunctions._executions.values() if one.get("mapRunArn") == map_run]
    files: dict[str, list[Json]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
    for status, listed in files.items():
        if found := [_told(one) for one in children if one["status"] == status]:
            key, body = f"{folder}/{status}_0.json", json.dumps(found).encode()
            s3._put_object(bucket, key, body, {})
            listed.append({"Key": key, "Size": len(body)})
    manifest = {"DestinationBucket": bucket, "MapRunArn": map_run, "ResultFiles": files}
    s3._put_object(bucket, f"{folder}/manifest.json", json.dumps(manifest).encode(), {})
    return f"{folder}/manifest.json"


def _told(child: Json) -> Json:
    names = ("executionArn", "input", "name", "output", "error", "cause", "startDate", "stateMachineArn", "status")
    return {name[0].upper() + name[1:]: child[name] for name in names if child.get(name) is not None}


GAPS = (map_permissions, map_batches, map_results, execution_redrive)
