"""HTML of notebooks made safe to show inside our own page."""

import re

import nh3

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
    "*": {"title", "lang", "dir"},
    "a": {"href"},
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


def sanitise_html(html: str) -> str:
    """Return the HTML with everything taken out that could run, load a page, restyle ours or navigate the frame."""
    return nh3.clean(
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


def needs_frame(html: str) -> bool:
    """Tell whether the HTML does nothing useful without running scripts or loading a page: show it isolated."""
    return _RUNS.search(html) is not None


def _filter(tag: str, attribute: str, value: str) -> str | None:
    """Keep images of the web and of the document itself, and links that lead out."""
    if attribute == "src":
        return value if _IMAGE.match(value) else None
    if attribute == "href":
        return value if _LINK.match(value) else None
    if attribute == "data-display":
        return value if value in ("inline", "block") else None
    return value
