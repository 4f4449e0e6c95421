"""`distributary cost`: what a month costs, with your numbers."""

import math
from dataclasses import replace
from typing import Annotated, Any

import typer

from distributary_cli import options, output
from distributary_cli.command_options import spread
from distributary_cli.cost_batches import Queue
from distributary_cli.cost_inputs import ImpossibleError, Measured, Stack, Traffic
from distributary_cli.cost_model import Estimate, estimate
from distributary_cli.cost_prices import KNOWN_ON, PRICES, REGION, Price
from distributary_cli.cost_tables import tables

STACK, MEASURED = Stack(), Measured()


@spread
def say_cost(
    traffic: Traffic,
    batch_size: Annotated[int, typer.Option(metavar="N", help="template.yaml's `BatchSize`.")] = STACK.batch_size,
    window_seconds: Annotated[
        int, typer.Option(metavar="SECONDS", help="Its `MaximumBatchingWindowInSeconds`.")
    ] = STACK.window_seconds,
    memory_mb: Annotated[int, typer.Option(metavar="MB", help="Its `MemorySize`.")] = STACK.memory_mb,
    connections: Annotated[
        int, typer.Option(metavar="N", help="Its `CONCURRENCY`: deliveries at once in one environment.")
    ] = STACK.connections,
    concurrency: Annotated[
        int, typer.Option(metavar="N", help="The stack's parameter `MaximumConcurrency`: environments at once.")
    ] = STACK.concurrency,
    x86_64: Annotated[bool, typer.Option("--x86_64", help="Functions on x86_64 and not on arm64.")] = False,
    reconcile_days: Annotated[
        float, typer.Option(metavar="DAYS", help="From one comparison of the buckets to the next.")
    ] = STACK.reconcile_days,
    copy_ms: Annotated[float, typer.Option(metavar="MS", help="How long S3 takes for a copy.")] = MEASURED.copy_ms,
    cpu_ms: Annotated[
        float, typer.Option(metavar="MS", help="What a file takes of a whole processor.")
    ] = MEASURED.cpu_ms,
    price: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=USD", help="Another price, such as `s3-copy=0.0054`; docs/cost.md has the names."),
    ] = None,
    json: options.Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/cost.md's tables, for this stack.")] = False,
) -> None:
    """Say what a month costs, line by line: a model, with list prices of one Region. Asks AWS nothing.

    Where the numbers come from is in docs/cost.md.
    """
    stack = Stack(
        batch_size=batch_size,
        window_seconds=window_seconds,
        memory_mb=memory_mb,
        connections=connections,
        concurrency=concurrency,
        reconcile_days=reconcile_days,
        arm64=not x86_64,
    )
    measured = Measured(copy_ms=copy_ms, cpu_ms=cpu_ms)
    prices = _prices(price or [])
    try:
        estimated = estimate(traffic, stack, measured, prices)
        made = tables(stack, measured, prices) if markdown else ""
    except ImpossibleError as error:
        raise typer.BadParameter(error.reason, param_hint=error.option) from None
    if markdown:
        typer.echo(made, nl=False)
    elif json:
        output.print_json(_to_json(estimated))
    else:
        _print(estimated, stack)


def _prices(changed: list[str]) -> dict[str, Price]:
    prices = dict(PRICES)
    for entry in changed:
        name, _, text = entry.partition("=")
        if name not in prices:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(PRICES)}", param_hint="--price")
        try:
            usd = float(text)
        except ValueError:
            usd = math.nan
        if not 0 <= usd < math.inf:
            raise typer.BadParameter(f"{entry!r} needs a number of USD behind =", param_hint="--price")
        prices[name] = replace(prices[name], usd=usd)
    return prices


def _to_json(estimated: Estimate) -> dict[str, Any]:
    return {
        "region": REGION,
        "prices_known_on": KNOWN_ON,
        "usd": estimated.usd,
        "usd_per_million_files": estimated.usd_per_million,
        "usd_by_payer": estimated.usd_by_payer,
        "lines": [
            {
                "name": line.name,
                "payer": line.payer,
                "quantity": line.quantity,
                "price": line.price_name,
                "usd_per_unit": line.price.usd / line.price.per,
                "unit": line.price.unit,
                "usd": line.usd,
                "grows_with_files": line.per_file,
            }
            for line in estimated.lines
        ],
        "deliver_to_owner": _queue_to_json(estimated.owners),
        "fan_out": _queue_to_json(estimated.third_parties) if estimated.third_parties else None,
    }


def _queue_to_json(queue: Queue) -> dict[str, float]:
    return {
        "files_per_batch": queue.batch,
        "invocations": queue.invocations,
        "milliseconds": queue.duration_ms,
        "environments": queue.environments,
        "files_per_second_at_most": queue.capacity,
    }


def _print(estimated: Estimate, stack: Stack) -> None:
    table = output.grid("Line", "Paid by", "Quantity", "Price", "USD")
    for column in table.columns[2:]:
        column.justify = "right"
    for line in estimated.lines:
        price = f"{line.price.usd:.10f}".rstrip("0").rstrip(".")
        per = f"{price} / {line.price.per:,}" if line.price.per > 1 else price
        quantity = f"{line.quantity:,.0f}" if line.quantity >= 100 else f"{line.quantity:,.2f}"
        table.add_row(line.name, line.payer, quantity, per, f"{line.usd:,.2f}")
    out = output.out()
    out.print(table)
    paid = ", ".join(f"{payer} {usd:,.2f}" for payer, usd in estimated.usd_by_payer.items())
    out.print(f"\nA month: {estimated.usd:,.2f} USD ({paid}). A million files: {estimated.usd_per_million:,.2f} USD.")
    for name, queue in (("deliver_to_owner", estimated.owners), ("fan_out", estimated.third_parties)):
        if queue is not None:
            files = f"{name}: {queue.batch:,.1f} files in a batch, {queue.duration_ms:,.0f} ms each"
            used = f"{queue.environments:,} of {stack.concurrency:,} environments at once"
            out.print(f"{files}, {used}; all of them deliver {queue.capacity:,.0f} files a second.")
    out.print(f"List prices of {REGION}, as known on {KNOWN_ON}; no free tier, no discounts.")
