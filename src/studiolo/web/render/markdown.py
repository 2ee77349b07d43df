"""Markdown and TeX to safe HTML; raw HTML in markdown is shown, not used, but for pictures and anchors."""

import re
from collections.abc import Mapping, MutableMapping, Sequence
from functools import cache
from html import escape
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from studiolo.web.render.references import anchor_of
from studiolo.web.render.sanitise import sanitise_html
from studiolo.web.render.text import element, mapping_of, text_of

MAX_MARKDOWN = 100_000
# what the parser looks at again and again: the time grows with the square of their number
_MAX_OF = {"[": 4000, "\\begin": 500, "\n": 10_000}
MAX_SHOWN = 300_000
_MAX_PICTURES = 8_000_000  # characters of a cell's own pictures
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_VALUE = r"""\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=`]+)"""
_RAW = re.compile(rf"<img(?:\s+[a-z-]+(?:{_VALUE})?){{1,20}}\s*/?>|<a\s+(?:id|name){_VALUE}\s*>\s*</a>", re.IGNORECASE)
_ALIGN = re.compile(r"text-align:(left|right|center)")


def render_markdown(text: str, attachments: object = None) -> str:
    """Return markdown as HTML; `attachments` is the cell's own images by name."""
    if len(text) > MAX_MARKDOWN or any(text.count(part) > most for part, most in _MAX_OF.items()):
        return element("pre", escape(text[:MAX_SHOWN]))
    shown: list[str] = []
    try:
        html = _parser().render(text, {"attachments": mapping_of(attachments), "shown": shown})
    except (RecursionError, ValueError, IndexError):
        return element("pre", escape(text))
    return sanitise_html(html, text, pictures=sum(map(len, set(shown))))  # shown again, they count


def render_latex(text: str) -> str:
    """Return a text/latex output as HTML: one formula, or text with formulas in it."""
    tex = text.strip()
    for opening, closing in (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$")):
        inner = tex[len(opening) : -len(closing)]
        if tex.startswith(opening) and tex.endswith(closing) and len(tex) > len(opening) and closing not in inner:
            return _formula(inner.strip().removeprefix("\\displaystyle"), "block")
    if tex.startswith("\\begin") or "$" not in tex:
        return _formula(tex, "block")
    return render_markdown(text)


def image_type(mime: str) -> bool:
    """Tell whether a picture of this type may be shown (always as an image, so that SVG cannot run)."""
    return mime in _IMAGE_TYPES


def image_url(mime: str, data: str) -> str | None:
    """Return base64 data as a data URL, or None when it is not an allowed picture."""
    if not image_type(mime) or not _BASE64.fullmatch(data):
        return None
    return f"data:{mime};base64,{''.join(data.split())}"


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 100}).enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_digits=False, double_inline=True, allow_labels=False)
    parser.use(amsmath_plugin)
    for rule, display in (("math_inline", "inline"), ("math_inline_double", "block"), ("math_block", "block")):
        parser.add_render_rule(rule, _inline_rule(display))
    parser.add_render_rule("amsmath", _inline_rule("block"))
    parser.inline.ruler.before("autolink", "raw", _raw)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("heading_open", _heading)
    for tag in ("th_open", "td_open"):
        parser.add_render_rule(tag, _table_cell)
    return parser


def _inline_rule(display: str) -> Any:
    def render(_: RendererHTML, tokens: Sequence[Token], index: int, *__: object) -> str:
        return _formula(tokens[index].content.strip(), display)

    return render


def _formula(tex: str, display: str) -> str:
    return element("span", escape(tex), class_="math", data_display=display)


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    token = tokens[index]
    source = str(token.attrGet("src") or "")
    if source.startswith("attachment:"):
        source = _attachment(env.get("attachments", {}), source.removeprefix("attachment:")) or ""
        env["shown"].append(source)
        if sum(map(len, env["shown"])) > _MAX_PICTURES:
            source = ""
    alt = renderer.renderInlineAsText(token.children or [], options, env)
    title = token.attrGet("title")
    return element("img", "", src=source, alt=alt, title=None if title is None else str(title)).removesuffix("</img>")


def _attachment(attachments: Mapping[str, Any], name: str) -> str | None:
    found = attachments.get(name) or attachments.get(unquote(name))  # the parser encodes blanks and letters
    for mime, data in mapping_of(found).items():
        if url := image_url(mime, text_of(data)):
            return url
    return None


def _raw(state: StateInline, silent: bool) -> bool:
    found = _RAW.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("html_inline", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _heading(_: RendererHTML, tokens: Sequence[Token], index: int, *__: object) -> str:
    pieces = tokens[index + 1].children or []
    title = "".join(piece.content for piece in pieces if piece.type != "html_inline")
    return f'<{tokens[index].tag} id="{escape(anchor_of(title))}">'


def _table_cell(_: RendererHTML, tokens: Sequence[Token], index: int, *__: object) -> str:
    token = tokens[index]
    align = _ALIGN.search(str(token.attrGet("style") or ""))
    return f'<{token.tag} align="{align[1]}">' if align else f"<{token.tag}>"
