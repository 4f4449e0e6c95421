import json
from typing import Any

import pytest
from integration.gaps.world import EVERYTHING, A, Aws, eventually, name, refused

SIZES = "def handler(event, context):\n    return {'items': len(event['Items']), 'batch': event['BatchInput']}\n"
FAILS = "def handler(event, context):\n    raise ValueError('no')\n"


def run(aws: Aws, code: str, *statements: dict[str, Any], tolerated: int = 0, **state: Any) -> dict[str, Any]:
    """Run a Distributed Map over ten items, four a batch, on S3; what its execution ended as, and its bucket."""
    bucket, machine, function = aws.bucket(A), name("machine"), aws.function(A, code)
    function_arn = aws.root("lambda", A).get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    lines = "".join(json.dumps({"n": number}) + "\n" for number in range(10))
    aws.root("s3", A).put_object(Bucket=bucket, Key="items.jsonl", Body=lines.encode())
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "OutputPath": "$.Payload", "End": True}
    task |= {"Parameters": {"FunctionName": function_arn, "Payload.$": "$"}}
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "StartAt": "Task", "States": {"Task": task}}
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Parameters": {"Bucket": bucket, "Key": "items.jsonl"},
    }
    whole: dict[str, Any] = {"Type": "Map", "ItemReader": reader, "ItemProcessor": processor, "End": True} | state
    if "ResultWriter" in whole:
        whole["ResultWriter"]["Parameters"]["Bucket"] = bucket
    client = aws.root("stepfunctions", A)
    made = client.create_state_machine(
        name=machine,
        definition=json.dumps({"StartAt": "Map", "States": {"Map": whole}}),
        roleArn=aws.role(A, {"Service": "states.amazonaws.com"}, *statements),
    )
    given = json.dumps({"common": "x", "tolerated": tolerated, "concurrency": 2})
    arn = client.start_execution(stateMachineArn=made["stateMachineArn"], input=given)["executionArn"]
    assert eventually(lambda: client.describe_execution(executionArn=arn)["status"] != "RUNNING", 30)
    ended: dict[str, Any] = client.describe_execution(executionArn=arn)
    return ended | {"bucket": bucket, "function": function}


BATCHES: dict[str, Any] = {
    "ItemBatcher": {"MaxItemsPerBatch": 4, "BatchInput": {"common.$": "$.common"}},
    "MaxConcurrencyPath": "$.concurrency",
    "ToleratedFailurePercentagePath": "$.tolerated",
}


@pytest.mark.gap("map_batches")
def test_items_come_in_batches_with_what_is_common_to_them(aws: Aws) -> None:
    done = run(aws, SIZES, EVERYTHING, **BATCHES)
    assert done["status"] == "SUCCEEDED"
    assert [one["items"] for one in json.loads(done["output"])] == [4, 4, 2]
    assert {one["batch"]["common"] for one in json.loads(done["output"])} == {"x"}


@pytest.mark.gap("map_batches")
def test_as_many_failures_are_tolerated_as_the_input_says(aws: Aws) -> None:
    assert [run(aws, FAILS, EVERYTHING, tolerated=one, **BATCHES)["status"] for one in (100, 99)] == [
        "SUCCEEDED",
        "FAILED",
    ]


@pytest.mark.gap("map_results")
def test_results_are_in_s3(aws: Aws) -> None:
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Prefix.$": "$.common"}}
    done = run(aws, FAILS, EVERYTHING, tolerated=100, ResultWriter=writer, **BATCHES)
    assert "ResultWriterDetails" in json.loads(done["output"])
    place = json.loads(done["output"])["ResultWriterDetails"]
    assert (place["Bucket"], place["Key"].partition("/")[0]) == (done["bucket"], "x")
    manifest = _read(aws, place["Bucket"], place["Key"])
    assert manifest["ResultFiles"]["SUCCEEDED"] == []
    [file] = manifest["ResultFiles"]["FAILED"]
    failed = _read(aws, place["Bucket"], file["Key"])
    assert [len(json.loads(one["Input"])["Items"]) for one in failed] == [4, 4, 2]
    assert all("no" in one["Cause"] for one in failed)


@pytest.mark.gap("map_permissions")
def test_a_state_machine_may_what_its_role_may(aws: Aws) -> None:
    reads = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    assert run(aws, SIZES, **BATCHES)["error"] == "S3.AccessDenied"
    assert run(aws, SIZES, reads, **BATCHES)["error"] == "States.ExceedToleratedFailureThreshold"
    invokes = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
    assert run(aws, SIZES, reads, invokes, **BATCHES)["status"] == "SUCCEEDED"


FAILS_ONCE = """
import os
def handler(event, context):
    if event["Items"][0]["n"] == 4 and "MENDED" not in os.environ:
        raise ValueError("no")
    return {"items": len(event["Items"])}
"""


@pytest.mark.gap("execution_redrive")
def test_a_redriven_execution_repeats_what_failed(aws: Aws) -> None:
    client = aws.root("stepfunctions", A)
    failed = run(aws, FAILS_ONCE, EVERYTHING, **BATCHES)
    assert failed["status"] == "FAILED"
    mended = {"Variables": {"MENDED": "yes"}}
    aws.root("lambda", A).update_function_configuration(FunctionName=failed["function"], Environment=mended)
    arn = failed["executionArn"]
    client.redrive_execution(executionArn=arn)
    assert eventually(lambda: client.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
    assert [one["items"] for one in json.loads(client.describe_execution(executionArn=arn)["output"])] == [4]
    with refused("ExecutionNotRedrivable"):
        client.redrive_execution(executionArn=arn)


def _read(aws: Aws, bucket: str, key: str) -> Any:
    return json.loads(aws.root("s3", A).get_object(Bucket=bucket, Key=key)["Body"].read())
