"""Exports a call history to a JSON Lines, CSV or Parquet file, in constant memory and resumable after any failure.

    from vox_calls import Client
    from vox_calls_tools.export import export_calls

    with Client() as client:
        export_calls(client, "calls.csv.gz", {"status": "ended"}, resume=True)

`running` is the entry point; `columns` defines the columns, `files` the files on disk during an export. Parquet and
`.zst` need the extra `arrow`.
"""

from vox_calls_tools.export.cells import read_csv
from vox_calls_tools.export.errors import ExportDiskError, ExportError
from vox_calls_tools.export.formats import Format
from vox_calls_tools.export.running import Exported, Progress, export_calls

__all__ = [
    "ExportDiskError",
    "ExportError",
    "Exported",
    "Format",
    "Progress",
    "export_calls",
    "read_csv",
]
