"""HTML of notebooks made safe to show inside our own page."""

import re
from html import escape

import nh3

from studiolo.web.render.references import anchor_reference, file_reference, mark_references

_TAGS = frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "time",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
    ]
)
_CELL = {"align", "valign", "colspan", "rowspan", "headers", "scope"}
_ATTRIBUTES = {
    "*": {"title", "lang", "dir", "id"},
    "a": {"href", "name"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "reversed", "type"},
    "li": {"value"},
    "col": {"span", "align"},
    "colgroup": {"span"},
    "table": {"border"},
    "details": {"open"},
    "td": _CELL,
    "th": _CELL,
    "time": {"datetime"},
    "span": {"data-display"},
}
_CLASSES = {"table": {"dataframe"}, "span": {"math"}}
_IMAGE = re.compile(r"(https:|data:image/(png|jpeg|gif|webp|svg\+xml)[;,])", re.IGNORECASE)
_LINK = re.compile(r"(https?:|mailto:)", re.IGNORECASE)
_RUNS = re.compile(r"<\s*(script|iframe|object|embed|form|video|audio|canvas)\b", re.IGNORECASE)
# HTML's own rules make small text into huge trees: tags like these are opened again in every block after them
_FORMATTING = re.compile(r"<(?:b|big|code|em|font|i|s|small|strike|strong|tt|u)\b[^>]*>?", re.IGNORECASE)
_PLAIN_TAG = re.compile(r"<[a-z]+(?:\s+[\w-]+(?:=(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>=`]+))?)*\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
_VOID = frozenset(("br", "col", "hr", "img", "input", "wbr"))
_CLOSED_BY_THEMSELVES = frozenset(("dd", "dt", "li", "p", "td", "th", "tr"))  # in ordinary HTML nobody closes these
_WALLS = re.compile(r"<(?:table|marquee|applet|object|template|svg|math|select)\b", re.IGNORECASE)  # hide ends
MAX_HTML = 500_000
_MAX_WALLS = 300
_MAX_OPENED_AGAIN = 3_000_000
_MAX_OPEN = 1000
MAX_SHOWN = 100_000
_MAX_NAME = 300


def sanitise_html(html: str, source: str | None = None, *, pictures: int = 0) -> str:
    """Return the HTML with everything taken out that could run, load a page, restyle ours or navigate the frame.

    HTML that would take the parser's time or memory out of all proportion is shown as text: `source` if it was made
    from that. `pictures` is how many of its characters are addresses of pictures that we have put in ourselves.
    """
    if len(html) - pictures > MAX_HTML or _is_bomb(html):
        return f"<pre>{escape((html if source is None else source)[:MAX_SHOWN])}</pre>"
    cleaned = nh3.clean(
        html,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        allowed_classes=_CLASSES,
        clean_content_tags={"script", "style", "title", "template", "noscript", "textarea", "iframe"},
        attribute_filter=_filter,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}, "img": {"loading": "lazy"}},
        url_schemes={"http", "https", "mailto", "data"},
        strip_comments=True,
    )
    return mark_references(cleaned)


def needs_frame(html: str) -> bool:
    """Tell whether the HTML does nothing useful without running scripts or loading a page: show it isolated."""
    return _RUNS.search(html) is not None


def _is_bomb(html: str) -> bool:
    tags = html.count("<")
    if tags <= _MAX_OPEN:
        return False
    opened_again = 3 * _kinds_of_formatting(html) * tags
    walls = sum(1 for _ in _WALLS.finditer(html))
    return opened_again > _MAX_OPENED_AGAIN or walls > _MAX_WALLS or _depth(html) > _MAX_OPEN


def _kinds_of_formatting(html: str) -> int:
    """Count the tags that the parser tells apart; where their ends are doubtful, each one counts."""
    kinds: set[str] = set()
    doubtful = 0
    for found in _FORMATTING.finditer(html):
        if _PLAIN_TAG.fullmatch(found[0]):
            kinds.add(found[0])
        else:
            doubtful += 1
    return len(kinds) + doubtful


def _depth(html: str) -> int:
    """Return about how deeply the elements are nested: what is opened and not closed, by name."""
    open_now: dict[str, int] = {}
    deepest = depth = 0
    for slash, name in _TAG.findall(html):
        name = name.lower()
        if name in _VOID or name in _CLOSED_BY_THEMSELVES:
            continue
        step = 1 if not slash else -1 if open_now.get(name) else 0
        open_now[name] = open_now.get(name, 0) + step
        depth += step
        deepest = max(deepest, depth)
    return deepest


def _filter(tag: str, attribute: str, value: str) -> str | None:
    """Keep images of the web and of the document itself, links that lead out, and what `references` is about."""
    if attribute == "src":
        return value if _IMAGE.match(value) else file_reference(value)
    if attribute == "href":
        return value if _LINK.match(value) else _inner_link(value.strip())
    if attribute in ("id", "name"):
        return value if 0 < len(value) <= _MAX_NAME else None
    if attribute == "data-display":
        return value if value in ("inline", "block") else None
    return value


def _inner_link(value: str) -> str | None:
    return anchor_reference(value[1:]) if value.startswith("#") else file_reference(value, anchor=True)
