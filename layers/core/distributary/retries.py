"""When what isn't done is tried again, and when it is dead: as its fault asks. Pure but for the randomness.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
"""

import random

from distributary.faults import Fault

FIRST_SECONDS = 15
LONGEST_SECONDS = {
    Fault.THROTTLED: 300,
    Fault.TRANSIENT: 300,
    Fault.RECEIVER_BROKEN: 900,  # a person has to mend it
    Fault.MISCONFIGURED: 900,
    Fault.OUT_OF_TIME: 0,  # nothing is wrong: at once
}
"""At most 900, SQS's longest delay."""
PATIENCE_SECONDS = 2 * 3600
"""What was tried after so long, and failed, is dead: a person should see it."""
LONGEST_PATIENCE_SECONDS = 24 * 3600
"""What could not even be tried for so long is dead as well; reconciliation finds it again."""


def delay_seconds(fault: Fault | None, attempts: int) -> int:
    """How long something rests that was tried `attempts` times: doubled each time, and at random up to half less.

    Without the randomness, all that a broken receiver waits for would come back together.
    """
    longest = LONGEST_SECONDS.get(fault or Fault.TRANSIENT, FIRST_SECONDS)
    full = min(longest, FIRST_SECONDS << max(0, min(attempts - 1, 20)))
    return round(full * random.uniform(0.5, 1))  # noqa: S311 - nobody gains by guessing it


def is_dead(fault: Fault | None, age_seconds: float, *, was_tried: bool) -> bool:
    """Whether something goes to the dead letters that was announced so long ago.

    What was not tried, because its receiver had just refused others or because time ran out, gets its try first.
    """
    if fault is Fault.UNREADABLE:
        return True
    return age_seconds >= (PATIENCE_SECONDS if was_tried else LONGEST_PATIENCE_SECONDS)
