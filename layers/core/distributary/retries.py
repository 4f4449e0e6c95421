"""When a message is tried again: the delay fits the fault and grows with each receive. Pure but for the jitter.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
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
MAX_RECEIVES = 14
"""After that many a message is dead. A receiver may so be broken for two hours; template.yaml has the same number."""


def delay_seconds(fault: Fault | None, receives: int) -> int:
    """How long a message rests that was received `receives` times: doubled each time, and at random up to half less.

    Without the randomness, all of a broken receiver's messages would come back together.
    """
    longest = LONGEST_SECONDS.get(fault or Fault.TRANSIENT, FIRST_SECONDS)
    full = min(longest, FIRST_SECONDS << (max(1, receives) - 1))
    return round(full * random.uniform(0.5, 1))  # noqa: S311 - nobody gains by guessing it
