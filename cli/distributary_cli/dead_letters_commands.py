"""`distributary dead-letters …`: what could not be delivered, why, and what to do with it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distributary_cli import options, output
from distributary_cli.command_options import spread
from distributary_cli.stack_options import Where

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


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which dead letters."""

    of: Annotated[Whose, typer.Option("--of", help="Whose deliveries.")] = Whose.OWNERS
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ID", help="Only log files of this account; may be given several times."),
    ] = None
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault", metavar="FAULT", help="Only what died of this fault, as `list` names it; also several."
        ),
    ] = None

    def among(self, letters: "Sequence[DeadLetter]") -> "list[DeadLetter]":
        """Those of the letters that are meant."""
        from distributary_cli.dead_letters import selected

        return selected(letters, self.account or (), self.fault or ())


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether to do it."""

    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask. Required where there is no terminal.")] = False

    def require_somebody(self) -> None:
        """Leave where nobody has consented, and nobody can be asked."""
        if not (self.yes or self.dry_run or output.on_a_terminal()):
            raise typer.BadParameter(
                "there is no terminal to ask on; add --yes, or --dry-run to only look", param_hint="--yes"
            )


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
@spread
def list_letters(chosen: Chosen, where: Where, json: options.Json = False) -> None:
    """Show what is in a dead-letter queue, by account, fault and reason. Nothing is taken out of it.

    While the command runs, the letters are hidden from others that look.
    """
    from distributary_cli.dead_letters import group

    with _dug(chosen.of, where) as found:
        groups = group(chosen.among(found.letters))
    if json:
        output.print_json({"of": str(chosen.of), "groups": [one.to_json() for one in groups]})
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
@spread
def redrive(chosen: Chosen, where: Where, consent: Consent, json: options.Json = False) -> None:
    """Put dead letters back into the queue that they came from. What is delivered already is not delivered twice."""

    def send(found: Found, letters: "Sequence[DeadLetter]") -> "Iterator[DeadLetter]":
        return found.graveyard.send(letters, found.queue_url)

    _do("redrive", send, chosen, where, consent, json=json)


@app.command(
    short_help="Delete dead letters for good.",
    epilog="""Examples:

```console
distributary dead-letters drop --fault unreadable --dry-run
distributary dead-letters drop --account 444444444444
```
""",
)
@spread
def drop(chosen: Chosen, where: Where, consent: Consent, json: options.Json = False) -> None:
    """Delete dead letters. The log files themselves stay in the central bucket."""

    def delete(found: Found, letters: "Sequence[DeadLetter]") -> "Iterator[DeadLetter]":
        return found.graveyard.drop(letters)

    _do("drop", delete, chosen, where, consent, json=json)


def _do(
    what: str,
    act: "Callable[[Found, Sequence[DeadLetter]], Iterator[DeadLetter]]",
    chosen: Chosen,
    where: Where,
    consent: Consent,
    *,
    json: bool,
) -> None:
    consent.require_somebody()
    with _dug(chosen.of, where) as found:
        letters = chosen.among(found.letters)
        kept = len(found.letters) - len(letters)
        done: list[Any] = []
        if letters and not consent.dry_run:
            if not (consent.yes or output.confirm(f"{what.capitalize()} {len(letters)} dead letters of {chosen.of}?")):
                output.fail("not confirmed; nothing was changed")
            for letter in act(found, letters):
                done.append(letter)
                found.letters.remove(letter)
    failed = 0 if consent.dry_run else len(letters) - len(done)
    if json:
        counts = {"chosen": len(letters), "done": len(done), "failed": failed, "kept": kept}
        output.print_json({"of": str(chosen.of), "action": what, "dry_run": consent.dry_run, **counts})
    else:
        verb = f"would {what}" if consent.dry_run else f"{what}:"
        count = len(letters) if consent.dry_run else len(done)
        output.out().print(f"{verb} {count} dead letters, {kept} left alone.")
    if failed:
        output.fail(f"SQS refused {failed}; they are dead letters still. Run the command again")


@contextmanager
def _dug(of: Whose, where: Where) -> "Iterator[Found]":
    """All letters of a queue; those still in the list at the end are released, Ctrl-C included."""
    from distributary_cli import aws_errors, stacks
    from distributary_cli.dead_letters import Graveyard

    with aws_errors.said_plainly(where.stack):
        session = where.session()
        ours = stacks.read_stack(session, where.stack)
        dead, alive = QUEUES[of]
        if dead not in ours.outputs:
            output.fail(
                f"stack {where.stack} has no third parties (parameter ThirdPartyAccountIds), and so no such queue"
            )
        graveyard = Graveyard(session.client("sqs"), ours.outputs[dead], ours.layout)
        found = Found(graveyard, [], ours.outputs[alive])
        try:
            for letter in found.graveyard.dig():
                found.letters.append(letter)
            yield found
        finally:
            found.graveyard.release(found.letters)
