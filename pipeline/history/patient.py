"""A connection to ML Metadata that does not wait in silence. It needs tfx."""

from tfx.orchestration import metadata

from pipeline.history.database import Say
from pipeline.history.homes import Home


class PatientMetadata(metadata.Metadata):
    """TFX's connection; before it connects, it waits until no other program holds the database, and says so.

    Args:
      home: where the history is.
      say: gets a sentence if it has to wait for some time.

    Raises:
      RootError: on entering, if another program holds the database for too long.
    """

    def __init__(self, home: Home, say: Say) -> None:
        super().__init__(home.config())
        self._home, self._say = home, say

    def __enter__(self) -> metadata.Metadata:
        """Connects, unless it is connected."""
        if not self._users:  # SQLite's locks belong to the process: another connection here would open and close ours
            self._home.wait(self._say)
        return super().__enter__()
