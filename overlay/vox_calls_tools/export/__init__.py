"""The whole of a call history in a file: JSON Lines, CSV or Parquet. Memory stays flat, and nothing is read twice.

    from vox_calls import Client
    from vox_calls_tools.export import export_calls

    with Client() as client:
        export_calls(client, "calls.csv.gz", {"status": "ended"}, resume=True)

`running` has the whole of it; `columns` says which columns there are, `files` what stands on the disk meanwhile.
Parquet, and `.zst`, need the extra `arrow`.
"""

from vox_calls_tools.export.cells import read_csv
from vox_calls_tools.export.errors import ExportDiskError, ExportError
from vox_calls_tools.export.formats import Format
from vox_calls_tools.export.pauses import WatchedLimit
from vox_calls_tools.export.running import Exported, Progress, export_calls

__all__ = [
    "ExportDiskError",
    "ExportError",
    "Exported",
    "Format",
    "Progress",
    "WatchedLimit",
    "export_calls",
    "read_csv",
]
