"""Call statistics: how many calls, what they cost, how many were answered, how long they lasted, and when.

    from vox_calls import Client
    from vox_calls_tools.stats import Tally

    with Client() as client:
        tally = Tally()  # days and hours in the local time zone
        for call in client.list_calls():
            tally.add(call)
    print(tally.summary().total)

The data flows through one module each: `files` (reads an export) → `counting` → `summary` → `json_form`, or `report`
(tables for people) → `page`, which makes HTML with `charts` and needs the extra `html`.
"""

from vox_calls_tools.stats.counting import Tally
from vox_calls_tools.stats.files import BadLineError, FileError, read_calls
from vox_calls_tools.stats.json_form import as_json
from vox_calls_tools.stats.summary import Summary

__all__ = [
    "BadLineError",
    "FileError",
    "Summary",
    "Tally",
    "as_json",
    "read_calls",
]
