"""The tables of docs/cost.md, as Markdown: made anew from the model, the stack's numbers and the prices."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from distributary_cli.cost_batches import owner_queue
from distributary_cli.cost_inputs import Deliver, Kms, Measured, Stack, Traffic
from distributary_cli.cost_model import Estimate, estimate
from distributary_cli.cost_prices import KNOWN_ON, REGION, Price

SMALL = Traffic(files=1_000_000)
BURSTY = Traffic(files=30_000_000, busy_percent=5)
ACCOUNTS = (3, 100, 10_000)
DELIVERIES = (
    ("copy", Deliver.COPY, 0),
    ("copy, and to Z", Deliver.COPY, 1),
    ("copy and notify", Deliver.BOTH, 0),
    ("notify only", Deliver.NOTIFY, 0),
)
ENCRYPTIONS = ((Kms.NONE, "SSE-S3"), (Kms.BUCKET_KEYS, "KMS, bucket keys"), (Kms.NO_BUCKET_KEYS, "KMS, no bucket keys"))

FULL = ("ms", "files/s", "minutes for a million", "Lambda, USD for a million")
"""What `_full` tells."""


def tables(stack: Stack, measured: Measured, prices: Mapping[str, Price]) -> str:
    """All of them."""
    parts = [
        ("What a million files cost", _scenarios(stack, measured, prices)),
        ("What it consists of", _lines(stack, measured, prices)),
        ("Why these batches", _batch_sizes(stack, measured, prices)),
        ("Why this window", _windows(stack, measured, prices)),
        ("Why this memory and this concurrency", _memory(stack, measured, prices)),
        ("Prices", _prices(prices)),
    ]
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts) + "\n"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]], texts: int = 1) -> str:
    """A table whose first columns are texts, all others numbers."""
    heads = list(heads)
    lines = [heads, ["---"] * texts + ["---:"] * (len(heads) - texts), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _usd(value: float) -> str:
    return f"{value:,.2f}"


def _scenarios(stack: Stack, measured: Measured, prices: Mapping[str, Price]) -> str:
    text = (
        "USD, all accounts together, with everything in it. Small traffic: a million files a month, evenly. Bursty:\n"
        "thirty million, in 5 % of the time. The other number is that of the accounts."
    )
    heads = ["delivery, encryption", *(f"{name}, {count:,}" for name in ("small", "bursty") for count in ACCOUNTS)]
    return f"{text}\n\n{_table(heads, _scenario_rows(stack, measured, prices))}"


def _scenario_rows(stack: Stack, measured: Measured, prices: Mapping[str, Price]) -> Iterator[list[str]]:
    for name, deliver, third_parties in DELIVERIES:
        for kms, encryption in ENCRYPTIONS if deliver.copies else ENCRYPTIONS[:1]:
            cells = [
                _usd(
                    estimate(
                        replace(traffic, accounts=accounts, deliver=deliver, third_parties=third_parties, kms=kms),
                        stack,
                        measured,
                        prices,
                    ).usd_per_million
                )
                for traffic in (SMALL, BURSTY)
                for accounts in ACCOUNTS
            ]
            yield [f"{name}, {encryption}" if deliver.copies else name, *cells]


def _lines(stack: Stack, measured: Measured, prices: Mapping[str, Price]) -> str:
    def cost_of(traffic: Traffic, deliver: Deliver, third_parties: int, accounts: int = 100) -> Estimate:
        changed = replace(traffic, deliver=deliver, third_parties=third_parties, accounts=accounts)
        return estimate(replace(changed, kms=Kms.BUCKET_KEYS), stack, measured, prices)

    columns = {
        "copy": cost_of(SMALL, Deliver.COPY, 0),
        "copy, and to Z": cost_of(SMALL, Deliver.COPY, 1),
        "notify only": cost_of(SMALL, Deliver.NOTIFY, 0),
        "copy, bursty": cost_of(BURSTY, Deliver.COPY, 0),
        "copy, 10,000 accounts": cost_of(SMALL, Deliver.COPY, 0, 10_000),
    }
    names: dict[str, tuple[str, str]] = {}
    for one in columns.values():
        names |= {line.name: (line.payer, line.price_name) for line in one.lines}
    rows = []
    for name, (payer, price_name) in names.items():
        found = [next((line for line in one.lines if line.name == name), None) for one in columns.values()]
        cells = [
            _usd(line.usd / one.traffic.files * 1_000_000) if line else "-"
            for line, one in zip(found, columns.values(), strict=True)
        ]
        rows.append([name, payer, f"`{price_name}`", *cells])
    total = [_usd(one.usd_per_million) for one in columns.values()]
    text = "USD for a million files; 100 accounts but where it says so; KMS with bucket keys."
    return f"{text}\n\n{_table(['line', 'paid by', 'price', *columns], [*rows, ['**all**', '', '', *total]], texts=3)}"


def _full(stack: Stack, measured: Measured, prices: Mapping[str, Price]) -> list[str]:
    """A full batch's milliseconds, the files a second, a backlog's minutes, and the function's USD for a million."""
    queue = owner_queue(replace(SMALL, deliver=Deliver.COPY), stack, measured)
    work_ms = queue.work_ms(stack.batch_size)
    duration = prices["lambda-arm64" if stack.arm64 else "lambda-x86_64"]
    invocations = 1_000_000 / stack.batch_size
    usd = invocations * work_ms / 1000 * stack.memory_mb / 1024 * duration.usd / duration.per
    usd += invocations * prices["lambda-request"].usd / prices["lambda-request"].per
    return [f"{work_ms:,.0f}", f"{queue.capacity:,.0f}", f"{1_000_000 / queue.capacity / 60:,.1f}", f"{usd:.3f}"]


def _batch_sizes(stack: Stack, measured: Measured, prices: Mapping[str, Price]) -> str:
    text = (
        f"Full batches, {stack.concurrency} environments, copies. A function that is killed repeats its batch: the\n"
        "last column is how many files S3 is asked for in vain then."
    )
    heads = ["`BatchSize`", *FULL, "files repeated"]
    rows = [
        [_mark(size, stack.batch_size), *_full(replace(stack, batch_size=size), measured, prices), f"{size:,}"]
        for size in (10, 50, 100, 200, 1_000, 10_000)
    ]
    return f"{text}\n\n{_table(heads, rows)}"


def _windows(stack: Stack, measured: Measured, prices: Mapping[str, Price]) -> str:
    text = (
        "Files in an average batch, and USD for a million files of Lambda and SQS together. Where hardly anything\n"
        "comes, Lambda may collect for 20 seconds, whatever the window."
    )
    heads = [
        "`MaximumBatchingWindowInSeconds`",
        "small: files",
        "small: USD",
        "bursty: files",
        "bursty: USD",
        "seconds later",
    ]
    rows = []
    for seconds in (1, 2, 5, 20, 60, 300):
        cells = []
        for traffic in (SMALL, BURSTY):
            found = estimate(traffic, replace(stack, window_seconds=seconds), measured, prices)
            asked = [line for line in found.lines if line.per_file and line.price_name.startswith(("lambda", "sqs"))]
            usd = sum(line.usd for line in asked)
            cells += [f"{found.owners.batch:,.1f}", f"{usd / traffic.files * 1_000_000:.2f}"]
        rows.append([_mark(seconds, stack.window_seconds), *cells, f"{seconds}"])
    return f"{text}\n\n{_table(heads, rows)}"


def _memory(stack: Stack, measured: Measured, prices: Mapping[str, Price]) -> str:
    text = "Full batches, as above."
    heads = ["`MemorySize`, `CONCURRENCY`", *FULL]
    rows = []
    for memory in (256, 512, 1024, 1769):
        for connections in (16, 32, 64):
            mine = (memory, connections) == (stack.memory_mb, stack.connections)
            changed = replace(stack, memory_mb=memory, connections=connections)
            name = f"{memory:,} MB, {connections}"
            rows.append([f"**{name}**" if mine else name, *_full(changed, measured, prices)])
    return f"{text}\n\n{_table(heads, rows)}"


def _mark(value: int, ours: int) -> str:
    return f"**{value:,}**" if value == ours else f"{value:,}"


def _prices(prices: Mapping[str, Price]) -> str:
    text = f"List prices of {REGION}, as known on {KNOWN_ON}. `--price name=usd` replaces one."
    rows = [
        [f"`{name}`", price.unit, f"<{price.source}>", f"{price.usd:.10f}".rstrip("0").rstrip("."), f"{price.per:,}"]
        for name, price in prices.items()
    ]
    return f"{text}\n\n{_table(['name', 'unit', 'source', 'USD', 'per'], rows, texts=3)}"
