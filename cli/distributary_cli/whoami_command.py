"""`distributary whoami`: who AWS takes a reader for, and what they may read."""

from datetime import UTC, datetime

import typer

from distributary.selections import Selection
from distributary_cli import options, output
from distributary_cli.command_options import spread
from distributary_cli.logs_options import Accounts, KeysBucket, Layout, check_accounts
from distributary_cli.sign_in import SignIn


@spread
def show_caller(
    layout: Layout,
    sign_in: SignIn,
    bucket: KeysBucket = None,
    account: Accounts = None,
    json: options.Json = False,
) -> None:
    """Say who you are to AWS; whether you can assume the role; and, of a bucket, what you can list and read.

    Without `--account` it is your own account's log files that are tried.
    """
    selection = Selection(layout.read(), check_accounts(account))

    from distributary.prefixes import Planner
    from distributary_cli.reader_checks import check_reader
    from distributary_cli.reader_errors import Asked
    from distributary_cli.reader_sessions import ReaderSessions

    checks = []
    asked = Asked(ReaderSessions(sign_in), bucket or "", True)
    for check in check_reader(asked, Planner(selection, datetime.now(UTC))):
        checks.append(check)
        if not json:
            style = "green" if check.ok else "red" if check.needed else "yellow"
            output.out().print(output.line(("✓ " if check.ok else "✗ ", style), check.sentence))
    if json:
        names = ("action", "ok", "needed", "sentence", "arn", "account_id")
        output.print_json({"checks": [{name: getattr(check, name) for name in names} for check in checks]})
    raise typer.Exit(0 if all(check.ok or not check.needed for check in checks) else 1)
