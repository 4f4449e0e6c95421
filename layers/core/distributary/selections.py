"""Which log files a reader wants, and whether a key is one of them."""

from dataclasses import dataclass
from datetime import datetime

from distributary.keys import KeyLayout, LogFile, parse_key
from distributary.windows import ALWAYS, Window, file_time


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted; nothing named is everything."""

    layout: KeyLayout
    account_ids: frozenset[str] = frozenset()
    log_types: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    """Log files whose keys name no Region are wanted only where no Region is named."""
    window: Window = ALWAYS

    def read(self, key: str, last_modified: datetime) -> LogFile | None:
        """The log file that a key is, if it is one and is wanted."""
        log_file = parse_key(key, self.layout)
        if not isinstance(log_file, LogFile):
            return None
        wanted = (
            (not self.account_ids or log_file.account_id in self.account_ids)
            and (not self.log_types or log_file.log_type in self.log_types)
            and (not self.regions or log_file.region in self.regions)
            and (self.window.is_open or self.window.holds(file_time(key.rpartition("/")[2], last_modified)))
        )
        return log_file if wanted else None
