"""The `distributary logs` commands: for those who read log files."""

import typer

from distributary_cli import logs_cat_command, logs_get_command, logs_ls_command, logs_tail_command

app = typer.Typer(no_args_is_help=True, help="Read log files: in Account A's central bucket, or in your own.")
app.command(
    name="ls",
    epilog="""Examples:

```console
distributary logs ls --account 222222222222 --log-type CloudTrail --log-region eu-west-1 --since 2h
distributary logs ls --long --since 2026-11-01 --until 2026-11-21
```
""",
)(logs_ls_command.list_log_files)
app.command(
    name="get",
    no_args_is_help=True,
    epilog="""Examples:

```console
distributary logs get --to logs --account 222222222222 --log-type CloudTrail --since 3d
distributary logs get --to logs --dry-run "$KEY" "$ANOTHER_KEY"
distributary logs ls --since 1d | distributary logs get --to logs -
```
""",
)(logs_get_command.get_log_files)
app.command(
    name="cat",
    no_args_is_help=True,
    epilog="""Examples:

```console
distributary logs cat --account 222222222222 --log-type CloudTrail --since 2h | jq -r .eventName
distributary logs cat s3://central-bucket/AWSLogs/222222222222/…
```
""",
)(logs_cat_command.print_log_files)
app.command(
    name="tail",
    epilog="""Examples:

```console
distributary logs tail --queue-url https://sqs.eu-west-1.amazonaws.com/222222222222/log-files
distributary logs tail --records --until-empty
```
""",
)(logs_tail_command.follow_log_files)
