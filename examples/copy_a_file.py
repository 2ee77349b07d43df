"""Copy a file between projects, then ask whether it worked.

    python copy_a_file.py https://studiolo.example.edu SRC_PROJECT_ID path/in/project.ipynb TARGET_PROJECT_ID

The API key is in the file `api.key`. Needs the library `requests`.
"""

import sys
import time
from pathlib import Path
from typing import Any

import requests as r


def copy_path(server: str, key: str, src_project_id: str, src_path: str, target_project_id: str) -> dict[str, Any]:
    """Order the copy; the answer has its `copy_path_id`."""
    data = {
        "src_project_id": src_project_id,
        "src_path": src_path,
        "target_project_id": target_project_id,
        "wait_until_done": False,
    }
    req = r.post(f"{server}/api/v1/copy_path_between_projects", auth=(key, ""), data=data, timeout=60)
    return req.json()


def copy_status(server: str, key: str, copy_path_id: str) -> dict[str, Any]:
    """Ask how it stands; `started` and `finished` in the answer's `data`, and no `error`, mean that it worked."""
    data = {"copy_path_id": copy_path_id}
    req = r.post(f"{server}/api/v1/copy_path_status", auth=(key, ""), data=data, timeout=60)
    return req.json()


def main(server: str, src_project_id: str, src_path: str, target_project_id: str) -> None:
    """Copy and wait."""
    key = Path("api.key").read_text(encoding="utf-8").strip()
    res = copy_path(server, key, src_project_id, src_path, target_project_id)
    print(res)
    while "finished" not in (status := copy_status(server, key, res["copy_path_id"])).get("data", {"finished": ""}):
        time.sleep(1)
    print(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
