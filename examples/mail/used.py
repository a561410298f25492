"""Single use: which receipts have been used, kept through crashes and restarts."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3

TABLE = """
create table if not exists used (
    origin text not null,   -- the ledger's name
    seq integer not null,   -- the decision's place in its log
    queue_id text not null, -- what the message became
    primary key (origin, seq)
) without rowid
"""


class Used:
    """The table of used receipts. One decision is one entry of one log, so (origin, seq) names it."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        with self._open() as table:
            table.execute(TABLE)

    def take(self, origin: str, seq: int, queue_id: str) -> bool:
        """Uses a receipt up, durably. False where it was used before: of any number at once, one gets True."""
        with self._open() as table:
            try:
                with table:
                    table.execute("insert into used values (?, ?, ?)", (origin, seq, queue_id))
            except sqlite3.IntegrityError:
                return False
            return True

    def _open(self) -> contextlib.closing[sqlite3.Connection]:
        # A connection for each use, because each may be on a thread of its own.
        connection = sqlite3.connect(self._path, timeout=10)
        connection.execute("pragma synchronous = full")
        return contextlib.closing(connection)
