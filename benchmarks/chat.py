"""Memory and time of `--only 'chat.*'` over many messages.

    python benchmarks/chat.py [--messages 100000] [--jobs 2]

Builds a folder with a SQLite database of four fifths of them (the schema of Kik) and an IndexedDB
of the rest (as Teams keeps them), runs `triage run` over it and prints the peak of the
sum of PSS over all its processes, seconds of CPU, and the findings. Linux only: PSS stands in
`/proc/<pid>/smaps_rollup`. What is wanted is less than 600 MB at `--jobs 2`.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import apsw

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures" / "build"))

from chromium_store import indexeddb
from memory import watched

FIRST = 1_700_000_000_000  # milliseconds since 1970
CHATS = 200
WORDS = "meet at the gate tomorrow, six o'clock, and bring the seedlings with you "


def main() -> None:
    """Build, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _kik(tree / "data/data/kik.android/databases/a.kikDatabase.db", options.messages * 4 // 5)
        _teams(tree / "Users/a/AppData/Roaming/Microsoft/Teams/IndexedDB", options.messages // 5)
        bundle = Path(folder) / "bundle"
        command = [
            *(sys.executable, "-m", "triage", "run", str(tree), "-o", str(bundle)),
            *("--only", "chat.*", "--jobs", str(options.jobs), "--no-hash"),
        ]
        began = time.monotonic()
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        peak = watched(run)
        seconds = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        with (bundle / "data" / "findings.jsonl").open("rb") as findings:
            count = sum(1 for _ in findings)
    print(f"findings      {count:,}")
    print(f"peak of PSS   {peak / 1e6:,.0f} MB")
    print(f"CPU           {used.ru_utime + used.ru_stime:.1f} s")
    print(f"wall clock    {seconds:.1f} s, exit code {run.returncode}")


def _kik(path: Path, messages: int) -> None:
    path.parent.mkdir(parents=True)
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE TABLE messagesTable (_id INTEGER PRIMARY KEY, body TEXT, partner_jid TEXT,"
        " bin_id TEXT, was_me INT, timestamp LONG)"
    )
    with connection:
        connection.executemany(
            "INSERT INTO messagesTable VALUES (?,?,?,NULL,?,?)",
            (
                (n, f"{n} {WORDS}", f"peer_{n % CHATS}@talk.kik.com", n & 1, FIRST + n * 1000)
                for n in range(1, messages + 1)
            ),
        )
    connection.close()


def _teams(folder: Path, messages: int) -> None:
    user = "7e4a0000-5eed-4000-8000-00000000000a"
    entries: list[tuple[object, object]] = [
        (
            [f"19:{n % CHATS}@thread.v2", str(n)],
            {
                "conversationId": f"19:{n % CHATS}@thread.v2",
                "messageMap": {
                    "a": {
                        "id": str(n),
                        "conversationId": f"19:{n % CHATS}@thread.v2",
                        "messageType": "RichText/Html",
                        "content": f"<p>{n} {WORDS}</p>",
                        "creator": "8:orgid:b",
                        "originalArrivalTime": FIRST + n * 1000,
                    }
                },
            },
        )
        for n in range(messages)
    ]
    name = f"Teams:replychain-manager:react-web-client:{user}:{user}:en-us"
    place = folder / "https_teams.microsoft.com_0.indexeddb.leveldb"
    place.mkdir(parents=True)
    for file, content in indexeddb("teams", {name: {"replychains": entries}}).items():
        (place / file).write_bytes(content)


if __name__ == "__main__":
    main()
