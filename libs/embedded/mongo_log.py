"""Making mongod's structured log readable (https://www.mongodb.com/docs/v6.0/reference/log-messages/)."""

import json

_LONGEST = 400


def readable(line: str) -> str:
    """A line of mongod's log as time, severity, component, message and details; other text as it is."""
    try:
        entry = json.loads(line)
        text = f"{entry['t']['$date']} {entry['s']} {entry['c']} {entry['msg']}"
    except (ValueError, KeyError, TypeError):
        return line
    details = json.dumps(entry["attr"]) if "attr" in entry else ""
    return f"{text} {details}".rstrip()[:_LONGEST]
