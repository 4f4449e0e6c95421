"""`distributary subscriptions apply`, once the file is known to be right."""

from collections.abc import Sequence

from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

from distributary_cli import aws_errors, checks, output, tables
from distributary_cli.findings import fail_for_problems, problems, problems_data, tell
from distributary_cli.plan_output import plan_data, print_plan
from distributary_cli.plans import Plan, in_words, make_plan
from distributary_cli.subscription_files import SubscriptionFile


def apply(
    source: SubscriptionFile, session: Session, table: str, *, dry_run: bool, ask: bool, json: bool, offline: bool
) -> None:
    """Show the plan, look at what it needs, ask, write, and say what was written."""
    client = tables.table_client(session)
    stored = tables.read_table(client, table)
    plan = make_plan(source.subscriptions, stored)
    findings = () if offline else checks.check(plan.new_or_changed, session, table)
    print_plan(plan, output.err() if json else output.out())
    tell(findings, source)
    done: list[str] = []
    error: BaseException | None = None
    if not (plan.is_empty or dry_run or problems(findings)):
        caller = tables.caller_arn(session)
        if ask and not output.confirm(f"Apply to table {table} in {session.region_name} as {caller}?"):
            output.fail("not confirmed; nothing was written")
        try:
            for scope in tables.write_plan(client, table, plan, stored, tables.Stamp.now(caller)):
                done.append(scope)  # noqa: PERF402 - what was done before an error must survive it
        except (tables.ConcurrentChangeError, ClientError, BotoCoreError, KeyboardInterrupt) as caught:
            error = caught
    if json:
        found = {"problems": problems_data(findings, source)}
        output.print_json({"table": table, "dry_run": dry_run, **plan_data(plan), **found, "done": done})
    elif done and not error:
        output.out().print(output.line(("Applied: ", "bold green"), f"{_counts(plan)} in table {table}."))
    fail_for_problems(findings, source)
    if error:
        _report(error, plan, done, table)


def _report(error: BaseException, plan: Plan, done: Sequence[str], table: str) -> None:
    left = plan.scopes[len(done) :]
    output.warn(f"Written: {_listed(done) or 'nothing'}")
    if not isinstance(error, (ClientError, tables.ConcurrentChangeError)):  # AWS has not answered
        unknown, left = left[:1], left[1:]
        output.warn(f"Perhaps written: {_listed(unknown)}")
    if left:
        output.warn(f"Not written: {_listed(left)}")
    interrupted = isinstance(error, KeyboardInterrupt)
    why = "interrupted" if interrupted else aws_errors.say(error, table)
    output.fail(f"{why}. Run the command again: it plans anew and does what is left", 130 if interrupted else 1)


def _listed(scopes: Sequence[str]) -> str:
    return ", ".join(map(in_words, scopes))


def _counts(plan: Plan) -> str:
    written, deleted = len(plan.writes), len(plan.deletes)
    return f"{written} item{'s' * (written != 1)} written, {deleted} deleted"
