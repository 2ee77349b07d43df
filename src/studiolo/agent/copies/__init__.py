"""Copies between projects that share no disk: one agent reads its home, the other writes its own.

The target asks (`tree.py`), the source answers (`source.py`), and the hub's side passes their bytes on without looking
into them (`runtime/copying/streamed.py`). Neither agent trusts the other: the source opens what lies below the one
directory that was ordered, the target writes below its own, and both check each name, size and order of what comes.
"""
