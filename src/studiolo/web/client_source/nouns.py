"""Write the modules of the nouns: their shapes, and one class for each way of waiting."""

import builtins
import re
import textwrap
from collections.abc import Iterable

from studiolo.web.client_source.shapes import Field, Method, Shape, Shapes

WRITTEN = "Written by `make client` from the registry of calls; not to be edited."
SHARED = "shared"
_INDENT = " " * 8


def modules(shapes: Shapes) -> dict[str, str]:
    """Return the source of every module by its name."""
    nouns = shapes.nouns()
    needed = {noun: shapes.needed(methods) for noun, methods in nouns.items()}
    shared = _shared(needed)
    found = {noun: _module(noun, methods, needed[noun], shared) for noun, methods in nouns.items()}
    if shared:
        every = {shape.name: shape for several in needed.values() for shape in several}
        of_many = [every[name] for name in shared]
        found[SHARED] = _with_imports(f'"""What calls of several nouns speak of. {WRITTEN}"""', _shapes(of_many), "")
    return found


def class_name(noun: str) -> str:
    """Return the name of a noun's class."""
    return "".join(part.title() for part in noun.split("_")) + "Calls"


def _shared(needed: dict[str, list[Shape]]) -> list[str]:
    """Return the names of the shapes that more than one noun needs, or that such a shape uses."""
    counts: dict[str, int] = {}
    for shapes in needed.values():
        for shape in shapes:
            counts[shape.name] = counts.get(shape.name, 0) + 1
    return [name for name, count in counts.items() if count > 1]


def _module(noun: str, methods: list[Method], needed: list[Shape], shared: list[str]) -> str:
    own = [shape for shape in needed if shape.name not in shared]
    names = sorted(shape.name for shape in needed if shape.name in shared)
    imports = f"from studiolo.client.nouns.{SHARED} import {', '.join(names)}\n" if names else ""
    body = _shapes(own) + _class(noun, methods, is_async=False) + _class(noun, methods, is_async=True)
    return _with_imports(f'"""Calls about {noun.replace("_", " ")}. {WRITTEN}"""', body, imports)


def _with_imports(head: str, body: str, own: str) -> str:
    def used(module: str, *names: str) -> str:
        found = [name for name in names if re.search(rf"(?<![\w.]){name}\b", body)]
        return f"from {module} import {', '.join(found)}\n" if found else ""

    imports = (
        ("import builtins\n" if "builtins." in body else "")
        + used("collections.abc", "Mapping", "Sequence")
        + used("dataclasses", "dataclass", "field")
        + used("datetime", "datetime")
        + used("typing", "Any", "ClassVar", "Literal", "Required", "TypedDict")
        + "\n"
        + used("studiolo.client.calling", "AsyncCaller", "Caller")
        + own
    )
    return f"{head}\n\n{imports}\n{body}"


def _shapes(shapes: Iterable[Shape]) -> str:
    return "".join(_typed_dict(shape) if shape.is_parameter else _dataclass(shape) for shape in shapes)


def _dataclass(shape: Shape) -> str:
    lines = ["@dataclass(frozen=True, slots=True, kw_only=True)", f"class {shape.name}:", *_docstring([shape.about], 4)]
    if shape.event:
        lines += ["", f'    EVENT: ClassVar[str] = "{shape.event}"']
    lines += [""] if shape.fields else []
    for field in shape.fields:
        default = "" if field.default is None else f" = {_value(field)}"
        lines.append(f"    {field.name}: {field.kind}{default}")
        lines += _docstring([field.description], 4) if field.description else []
    return "\n".join(lines) + "\n\n\n"


def _value(field: Field) -> str:
    if field.default in ("{}", "[]"):
        return f"field(default_factory={next(part for part in field.kind.split(' | ') if part != 'None')})"
    return str(field.default)


def _typed_dict(shape: Shape) -> str:
    lines = [f"class {shape.name}(TypedDict, total=False):", *_docstring([shape.about], 4), ""]
    for field in shape.fields:
        kind = f"Required[{field.kind}]" if field.default is None else field.kind
        lines.append(f"    {field.wire}: {kind}")
        lines += _docstring([field.description], 4) if field.description else []
    return "\n".join(lines) + "\n\n\n"


def _class(noun: str, methods: list[Method], *, is_async: bool) -> str:
    prefix = "Async" if is_async else ""
    about = f"Calls about {noun.replace('_', ' ')}{', to be awaited' if is_async else ''}."
    head = f"""class {prefix}{class_name(noun)}:
    \"\"\"{about}\"\"\"

    def __init__(self, caller: {prefix}Caller) -> None:
        \"\"\"Make calls through a client's connection.\"\"\"
        self._caller = caller

"""
    taken = {method.name for method in methods}
    return head + "\n".join(method_source(method, taken, is_async=is_async) for method in methods) + "\n\n"


def method_source(method: Method, taken: set[str], *, is_async: bool, caller: str = "self._caller") -> str:
    """Return the source of one method; `taken` are the names in the same class."""
    parameters = "".join(f", {_parameter(field)}" for field in method.parameters)
    star = ", *" if method.parameters else ""
    answer = " | ".join(shape.name for shape in method.answers) or "None"
    head = f"    {'async ' if is_async else ''}def {method.name}(self{star}{parameters}) -> {answer}:"
    given = "{" + ", ".join(f'"{field.wire}": {field.name}' for field in method.parameters) + "}"
    reads = ", is_reading=True" if method.is_reading else ", is_once=True" if method.is_once else ""
    wait = "await " if is_async else ""
    if method.answers:
        kinds = ", ".join(shape.name for shape in method.answers)
        many = "," if len(method.answers) == 1 else ""
        body = f'return {wait}{caller}.call("{method.call}", {given}, ({kinds}{many}){reads})'
    else:
        body = f'{wait}{caller}.do("{method.call}", {given}{reads})'
    return "\n".join([_unshadowed(head, taken), *_docstring(_words(method), 8), f"{_INDENT}{body}", ""])


def _parameter(field: Field) -> str:
    if field.default is None:
        return f"{field.name}: {field.kind}"
    kind = field.kind if field.kind == "Any" or field.kind.endswith("None") else f"{field.kind} | None"
    return f"{field.name}: {kind} = None"


def _unshadowed(head: str, taken: set[str]) -> str:
    """Write built-in types in full where a method has the name of one."""
    for name in sorted(taken & set(dir(builtins))):
        head = re.sub(rf"(?<=[ \[]){name}(?=[\[\],:) ])", f"builtins.{name}", head)
    return head


def _words(method: Method) -> list[str]:
    words = [method.summary, f"Who may call it: {method.permission}"]
    described = [field for field in method.parameters if field.description or field.default not in (None, "None")]
    if described:
        words.append("Args:")
    for field in described:
        default = "" if field.default in (None, "None", "''", "[]", "{}") else f" Default: `{field.default}`."
        words.append(f"    {field.name}: {field.description}{default}".replace(":  ", ": "))
    return words


def _docstring(paragraphs: list[str], indent: int) -> list[str]:
    """Return the lines of a docstring; `Args:` and what is indented stand close together."""
    lines: list[str] = []
    for paragraph in paragraphs:
        inner = len(paragraph) - len(paragraph.lstrip())
        if lines and not inner:
            lines.append("")
        rest = " " * (inner + 4 if inner else 0)
        width = 116 - indent - (0 if lines else 3)
        lines += textwrap.wrap(_escaped(paragraph), width, subsequent_indent=rest, break_on_hyphens=False)
    quoted = [f'"""{lines[0]}', *lines[1:]]
    closed = [*quoted, '"""'] if len(lines) > 1 else [f'{quoted[0]}"""']
    return [(" " * indent + line).rstrip() for line in closed]


def _escaped(text: str) -> str:
    return text.strip("\n").replace("\\", "\\\\").replace('"""', "'''")
