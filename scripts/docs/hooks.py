"""What MkDocs asks while it builds the site: the reference pages that are made from the code, and their places.

The pages are not in the tree: they cannot be out of date. Those of the API come from its registry of calls and take
the place of `reference/api/` in the navigation of `mkdocs.yml`.
"""

from collections.abc import Iterator
from typing import Any

import pages
from mkdocs.structure.files import File, Files

from studiolo.web import reference_pages

API = "reference/api/"
FOLDERS = {"How to": "how-to/", "Understand": "explanation/"}  # pages that `mkdocs.yml` does not name come last


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from the code, and put every API page into the navigation."""
    made = pages.all_pages() | {f"{API}{name}.md": text for name, text in reference_pages.all_pages().items()}
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    found = [path for path in made if path.startswith(API)]
    client = [path for path in made if path.startswith("reference/client/")]
    config.nav = _filled(config.nav, {API: found, "reference/client/": client})
    named = set(_pages_of(config.nav))
    for section in config.nav:
        for title, entries in section.items() if isinstance(section, dict) else ():
            if title in FOLDERS:
                others = [one.src_uri for one in files.documentation_pages() if one.src_uri.startswith(FOLDERS[title])]
                entries.extend(path for path in sorted(others) if path not in named)
    return files


def _pages_of(entries: Any) -> Iterator[str]:
    """Give the pages that the navigation names."""
    if isinstance(entries, str):
        yield entries
    for entry in entries.values() if isinstance(entries, dict) else entries if isinstance(entries, list) else ():
        yield from _pages_of(entry)


def _filled(entries: Any, lists: dict[str, list[str]]) -> Any:
    """Put the lists of pages in place of the directories that are named."""
    if isinstance(entries, dict):
        return {title: _filled(entry, lists) for title, entry in entries.items()}
    if not isinstance(entries, list):
        return lists.get(entries, entries)
    filled = [_filled(one, lists) for one in entries]
    return [one for one in filled if not (isinstance(one, dict) and all(value == [] for value in one.values()))]
