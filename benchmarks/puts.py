"""Store many events as that many commands would, one commit each, but in one process.

    python benchmarks/puts.py PROJECT COUNT

Item ids are numbers. Every 400th event is of user 1, the others go round users 2 to 6,001; times rise by a second.
"""

from __future__ import annotations

import json
import sys

from newfound.project import Project

STARTED = 1_046_500_000  # the day after the newest event of ml-1m


def main() -> None:
    project = Project.open(sys.argv[1])
    for k in range(int(sys.argv[2])):
        user = "1" if k % 400 == 0 else str(2 + k % 6_000)
        event = {"userId": user, "itemId": str(1 + k % 3_000), "sentAt": STARTED + k}
        project.put_events([json.dumps(event).encode()])


if __name__ == "__main__":
    main()
