"""A connection to ML Metadata that does not wait in silence. It needs tfx."""

from ml_metadata.proto import metadata_store_pb2 as pb
from tfx.orchestration import metadata

from pipeline.history.database import Say, wait_until_free


class PatientMetadata(metadata.Metadata):
    """TFX's connection; before it connects, it waits until no other program holds the database, and says so.

    Args:
      config: of a database of SQLite.
      say: gets a sentence if it has to wait for some time.

    Raises:
      RootError: on entering, if another program holds the database for too long.
    """

    def __init__(self, config: pb.ConnectionConfig, say: Say) -> None:
        super().__init__(config)
        self._path, self._say = config.sqlite.filename_uri, say

    def __enter__(self) -> metadata.Metadata:
        """Connects, unless it is connected."""
        if not self._users:  # SQLite's locks belong to the process: another connection here would open and close ours
            wait_until_free(self._path, self._say)
        return super().__enter__()
