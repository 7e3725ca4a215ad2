"""Times as cron writes them, in UTC."""

import datetime
import re

from cronsim import CronSim, CronSimError

# What CronSim knows beside that which all clocks know: L, LW, 5L and 1#2.
FOREIGN = re.compile(r"#|(?:^|[\s,0-9])L(?:$|[\s,W])", re.IGNORECASE)


def checked_cron(cron: str) -> str:
    """Returns a cron expression that all clocks read alike.

    Raises:
      ValueError: it is none, or its time never comes.
    """
    said = f'--cron {cron!r}: expected five fields, such as "0 3 * * *" for every night at three (UTC)'
    if FOREIGN.search(cron):
        raise ValueError(f"{said}; not every clock knows L and #")
    try:
        next_time(cron, datetime.datetime.now(datetime.UTC))
    except CronSimError as error:
        raise ValueError(f"{said}: {str(error).lower()}") from error
    except StopIteration:
        raise ValueError(f"{said}: this time never comes") from None
    return cron


def next_time(cron: str, after: datetime.datetime) -> datetime.datetime:
    """Returns the first time after a moment."""
    return next(CronSim(cron, after))
