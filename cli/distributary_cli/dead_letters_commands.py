"""`distributary dead-letters …`: what could not be delivered, why, and what to do with it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distributary_cli import options, output

if TYPE_CHECKING:
    from distributary_cli.dead_letters import DeadLetter, Graveyard

app = typer.Typer(
    help="What could not be delivered after all retries: look at it, send it again, or drop it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


class Whose(StrEnum):
    """The two functions' dead-letter queues."""

    OWNERS = "owners"
    THIRD_PARTIES = "third-parties"


QUEUES = {
    Whose.OWNERS: ("OwnerDeadLetterQueueUrl", "OwnerQueueUrl"),
    Whose.THIRD_PARTIES: ("ThirdPartyDeadLetterQueueUrl", "ThirdPartyQueueUrl"),
}
WhoseOption = Annotated[Whose, typer.Option("--of", help="Whose deliveries.")]
Accounts = Annotated[
    list[str] | None,
    typer.Option("--account", metavar="ID", help="Only log files of this account; may be given several times."),
]
Faults = Annotated[
    list[str] | None,
    typer.Option("--fault", metavar="FAULT", help="Only what died of this fault, as `list` names it; also several."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask. Required where there is no terminal.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@dataclass(frozen=True, slots=True)
class Found:
    """Every letter of a dead-letter queue, and the queue that they came from."""

    graveyard: "Graveyard"
    letters: "list[DeadLetter]"
    queue_url: str


@app.command(
    name="list",
    short_help="Show dead letters by account and reason.",
    epilog="""Examples:

```console
distributary dead-letters list
distributary dead-letters list --of third-parties --json | jq '.groups[] | {reason, count}'
```
""",
)
def list_letters(
    of: WhoseOption = Whose.OWNERS,
    account: Accounts = None,
    fault: Faults = None,
    stack: options.Stack = options.DEFAULT_STACK,
    region: options.Region = None,
    profile: options.Profile = None,
    json: options.Json = False,
) -> None:
    """Show what is in a dead-letter queue, by account, fault and reason. Nothing is taken out of it.

    While the command runs, the letters are hidden from others that look.
    """
    from distributary_cli.dead_letters import group, selected

    with _dug(of, stack, region, profile) as found:
        groups = group(selected(found.letters, account or (), fault or ()))
    if json:
        output.print_json({"of": str(of), "groups": [one.to_json() for one in groups]})
        return
    if not groups:
        output.out().print("No dead letters.")
        return
    table = output.grid("Account", "Fault", "Files", "Oldest", "Reason")
    for one in groups:
        files = sum(max(1, len(letter.keys)) for letter in one.letters)
        oldest = min(letter.sent for letter in one.letters).strftime("%Y-%m-%dT%H:%M:%SZ")
        cells = (", ".join(one.account_ids) or "-", one.fault, files, oldest, one.reason)
        table.add_row(*map(output.visible, cells))
    output.out().print(table)


@app.command(
    short_help="Send dead letters back to be tried again.",
    epilog="""Examples:

```console
distributary dead-letters redrive --dry-run
distributary dead-letters redrive --account 222222222222
distributary dead-letters redrive --of third-parties --fault receiver_broken --yes
```
""",
)
def redrive(
    of: WhoseOption = Whose.OWNERS,
    account: Accounts = None,
    fault: Faults = None,
    stack: options.Stack = options.DEFAULT_STACK,
    region: options.Region = None,
    profile: options.Profile = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: options.Json = False,
) -> None:
    """Put dead letters back into the queue that they came from. What is delivered already is not delivered twice."""
    _require_somebody(yes or dry_run)

    def send(found: Found, letters: "Sequence[DeadLetter]") -> "Iterator[DeadLetter]":
        return found.graveyard.send(letters, found.queue_url)

    _do("redrive", send, of, account, fault, (stack, region, profile), dry_run=dry_run, ask=not yes, json=json)


@app.command(
    short_help="Delete dead letters for good.",
    epilog="""Examples:

```console
distributary dead-letters drop --fault unreadable --dry-run
distributary dead-letters drop --account 444444444444
```
""",
)
def drop(
    of: WhoseOption = Whose.OWNERS,
    account: Accounts = None,
    fault: Faults = None,
    stack: options.Stack = options.DEFAULT_STACK,
    region: options.Region = None,
    profile: options.Profile = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: options.Json = False,
) -> None:
    """Delete dead letters. The log files themselves stay in the central bucket."""
    _require_somebody(yes or dry_run)

    def delete(found: Found, letters: "Sequence[DeadLetter]") -> "Iterator[DeadLetter]":
        return found.graveyard.drop(letters)

    _do("drop", delete, of, account, fault, (stack, region, profile), dry_run=dry_run, ask=not yes, json=json)


def _do(
    what: str,
    act: "Callable[[Found, Sequence[DeadLetter]], Iterator[DeadLetter]]",
    of: Whose,
    account: list[str] | None,
    fault: list[str] | None,
    where: tuple[str, str | None, str | None],
    *,
    dry_run: bool,
    ask: bool,
    json: bool,
) -> None:
    from distributary_cli.dead_letters import selected

    with _dug(of, *where) as found:
        chosen = selected(found.letters, account or (), fault or ())
        kept = len(found.letters) - len(chosen)
        done: list[Any] = []
        if chosen and not dry_run:
            if ask and not output.confirm(f"{what.capitalize()} {len(chosen)} dead letters of {of}?"):
                output.fail("not confirmed; nothing was changed")
            for letter in act(found, chosen):
                done.append(letter)
                found.letters.remove(letter)
    failed = 0 if dry_run else len(chosen) - len(done)
    if json:
        counts = {"chosen": len(chosen), "done": len(done), "failed": failed, "kept": kept}
        output.print_json({"of": str(of), "action": what, "dry_run": dry_run, **counts})
    else:
        verb = f"would {what}" if dry_run else f"{what}:"
        output.out().print(f"{verb} {len(chosen) if dry_run else len(done)} dead letters, {kept} left alone.")
    if failed:
        output.fail(f"SQS refused {failed}; they are dead letters still. Run the command again")


def _require_somebody(decided: bool) -> None:
    if not (decided or output.on_a_terminal()):
        raise typer.BadParameter(
            "there is no terminal to ask on; add --yes, or --dry-run to only look", param_hint="--yes"
        )


@contextmanager
def _dug(of: Whose, stack: str, region: str | None, profile: str | None) -> "Iterator[Found]":
    """All letters of a queue; those still in the list at the end are released, Ctrl-C included."""
    from distributary_cli import aws_errors, stacks, tables
    from distributary_cli.dead_letters import Graveyard

    with aws_errors.said_plainly(stack):
        session = tables.open_session(region, profile)
        ours = stacks.read_stack(session, stack)
        dead, alive = QUEUES[of]
        if dead not in ours.outputs:
            output.fail(f"stack {stack} has no third parties (parameter ThirdPartyAccountIds), and so no such queue")
        graveyard = Graveyard(session.client("sqs"), ours.outputs[dead], ours.layout)
        found = Found(graveyard, [], ours.outputs[alive])
        try:
            for letter in found.graveyard.dig():
                found.letters.append(letter)
            yield found
        finally:
            found.graveyard.release(found.letters)
