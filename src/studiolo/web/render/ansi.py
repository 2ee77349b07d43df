"""Terminal text to HTML: colours, carriage returns, backspaces, cursor up and erase in line.

`web/packages/notebook/src/outputs/ansi.ts` does the same; `web/golden/ansi.json` holds the two together.

1. Text is written into lines at a cursor; `\\r`, `\\b` and cursor-up move it, later text overwrites what is there.
2. SGR sequences change the style of what follows; colours 0 to 15 are classes (the theme's palette), others #rrggbb.
3. Every other escape sequence and control character is dropped.
4. Columns count code points.
5. A line of very many colours loses them when it is written over: 40 kB of such text would take a minute else.
"""

import re
from html import escape

_TOKEN = re.compile(
    r"\x1b\[(?P<args>[0-9;:?<=>]*)[ -/]*(?P<final>[@-~])"
    r"|(?P<skip>\x1b\[[0-9;:?<=> -/]{0,61}\Z|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[()][0-9A-Za-z]?|\x1b[^\[\]()]?)"
    r"|(?P<move>[\n\r\x08])"
    r"|(?P<text>[^\x1b\n\r\x08]+)"
)
_CONTROL = re.compile(r"[\x00-\x07\x0b\x0c\x0e-\x1f\x7f]")
_FLAGS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
_FLAGS_OFF = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("inverse",), 29: ("strike",)}
_LEVELS = (0, 95, 135, 175, 215, 255)
_MAX_RUNS_CHANGED = 64  # pieces of different style in a line that is changed before its end

Run = tuple[str, str]  # attributes of the span, text


def ansi_to_html(text: str) -> str:
    """Return the text as HTML without a wrapping element."""
    terminal = Terminal()
    terminal.write(text)
    return terminal.html()


class Terminal:
    """Lines of styled text with a cursor."""

    def __init__(self) -> None:
        self._lines: list[list[Run]] = [[]]
        self._lengths = [0]
        self._row = 0
        self._column = 0
        self._style = Style()
        self._attributes = ""

    def write(self, text: str) -> None:
        """Write text with its control sequences at the cursor."""
        for token in _TOKEN.finditer(text):
            if token["text"] is not None:
                self._put(_CONTROL.sub("", token["text"]))
            elif token["move"] is not None:
                self._move(token["move"])
            elif token["final"] is not None:
                self._control(token["args"], token["final"])

    def html(self) -> str:
        """Return everything written so far."""
        return "\n".join("".join(_span(run) for run in line) for line in self._lines)

    def _move(self, control: str) -> None:
        if control == "\r":
            self._column = 0
        elif control == "\x08":
            self._column = max(0, self._column - 1)
        else:
            self._row += 1
            self._column = 0
            if self._row == len(self._lines):
                self._lines.append([])
                self._lengths.append(0)

    def _control(self, args: str, final: str) -> None:
        if final == "m":
            self._style.apply(args)
            self._attributes = self._style.attributes()
        elif final == "K":
            self._erase(args)
        elif final == "A":
            self._row = max(0, self._row - (int(args) if args.isascii() and args.isdigit() and len(args) < 6 else 1))

    def _erase(self, args: str) -> None:
        line, length = self._lines[self._row], self._lengths[self._row]
        if args in ("", "0"):
            kept = min(self._column, length)
            line = _simplified(line)
            self._lines[self._row], self._lengths[self._row] = _slice(line, 0, kept), kept
        elif args == "2":
            self._lines[self._row], self._lengths[self._row] = [], 0

    def _put(self, text: str) -> None:
        if not text:
            return
        line, length = self._lines[self._row], self._lengths[self._row]
        if self._column > length:
            _append(line, ("", " " * (self._column - length)))
            length = self._column
        end = self._column + len(text)
        if self._column < length:
            line = _simplified(line)
            rest = _slice(line, end, length)
            line = _slice(line, 0, self._column)
            _append(line, (self._attributes, text))
            for run in rest:
                _append(line, run)
            self._lines[self._row] = line
        else:
            _append(line, (self._attributes, text))
        self._lengths[self._row] = max(length, end)
        self._column = end


class Style:
    """The graphic rendition that SGR sequences build up."""

    def __init__(self) -> None:
        self._flags: set[str] = set()
        self._colours: dict[str, str] = {}  # "fg" or "bg" to a palette number or #rrggbb

    def apply(self, args: str) -> None:
        """Apply the arguments of one SGR sequence."""
        codes = [
            int(code) if code.isascii() and code.isdigit() and len(code) < 6 else 0 for code in re.split("[;:]", args)
        ]
        while codes:
            code = codes.pop(0)
            if code in (38, 48):
                self._set_colour("fg" if code == 38 else "bg", _extended(codes))
            else:
                self._apply_one(code)

    def attributes(self) -> str:
        """Return the attributes of a span in this style, with a leading blank, or nothing for plain text."""
        classes: list[str] = []
        data = ""
        for ground in ("fg", "bg"):
            colour = self._colours.get(ground, "")
            if colour.startswith("#"):
                data += f' data-{ground}="{colour}"'
            elif colour:
                classes.append(f"ansi-{ground}-{colour}")
        classes += [f"ansi-{flag}" for flag in _FLAGS.values() if flag in self._flags]
        return (f' class="{" ".join(classes)}"' if classes else "") + data

    def _apply_one(self, code: int) -> None:
        if code == 0:
            self._flags.clear()
            self._colours.clear()
        elif code in _FLAGS:
            self._flags.add(_FLAGS[code])
        elif code in _FLAGS_OFF:
            self._flags.difference_update(_FLAGS_OFF[code])
        elif code in (39, 49):
            self._colours.pop("fg" if code == 39 else "bg", None)
        else:
            self._apply_palette(code)

    def _apply_palette(self, code: int) -> None:
        for first, ground, offset in ((30, "fg", 0), (40, "bg", 0), (90, "fg", 8), (100, "bg", 8)):
            if first <= code < first + 8:
                self._colours[ground] = str(code - first + offset)

    def _set_colour(self, ground: str, colour: str | None) -> None:
        if colour is not None:
            self._colours[ground] = colour


def _extended(codes: list[int]) -> str | None:
    """Take the rest of `38;5;N` or `38;2;R;G;B` off the codes."""
    kind = codes.pop(0) if codes else 0
    if kind == 5:
        return _indexed(min(255, codes.pop(0))) if codes else None
    if kind != 2:
        return None
    parts = [min(255, codes.pop(0)) for _ in range(min(3, len(codes)))]
    return "#{:02x}{:02x}{:02x}".format(*parts) if len(parts) == 3 else None


def _indexed(index: int) -> str:
    if index < 16:
        return str(index)
    if index >= 232:
        grey = 8 + (index - 232) * 10
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    index -= 16
    return f"#{_LEVELS[index // 36]:02x}{_LEVELS[index // 6 % 6]:02x}{_LEVELS[index % 6]:02x}"


def _append(line: list[Run], run: Run) -> None:
    if line and line[-1][0] == run[0]:
        line[-1] = (run[0], line[-1][1] + run[1])
    else:
        line.append(run)


def _simplified(line: list[Run]) -> list[Run]:
    return line if len(line) <= _MAX_RUNS_CHANGED else [("", "".join(text for _, text in line))]


def _slice(line: list[Run], start: int, end: int) -> list[Run]:
    found: list[Run] = []
    at = 0
    for attributes, text in line:
        piece = text[max(0, start - at) : max(0, end - at)]
        at += len(text)
        if piece:
            found.append((attributes, piece))
    return found


def _span(run: Run) -> str:
    attributes, text = run
    return f"<span{attributes}>{escape(text)}</span>" if attributes else escape(text)
