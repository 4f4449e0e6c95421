"""AWS's HTTP interface, spoken directly: the few requests that every log file needs, without the SDK's cost.

Everything else, and whatever answer is unusual, is boto3's. docs/decisions/2026-11-21-the-engine.md has why.
"""
