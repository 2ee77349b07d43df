"""The keeper's few log lines, in the form that the operator chose."""

import json
import os
from datetime import UTC, datetime
from typing import Any


class Log:
    """Writes structured events to stderr."""

    def __init__(self, log_format: str) -> None:
        self._is_json = log_format == "json"

    def write(self, level: str, event: str, **fields: Any) -> None:
        """Write one event."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if self._is_json:
            line = json.dumps({"timestamp": moment, "level": level, "event": event, **fields})
        else:
            rest = " ".join(f"{key}={value}" for key, value in fields.items())
            line = f"{moment} [{level}] {event} {rest}"
        os.write(2, f"{line}\n".encode(errors="replace"))
