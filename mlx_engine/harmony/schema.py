"""JSON schema to the TypeScript-like types in which Harmony describes a tool's arguments.

The layout is the one gpt-oss was trained on and follows openai-harmony 0.0.8 to the character,
its oddities included (a description that spans lines is marked once; `anyOf`, `$ref` and `const`
are `any`). Knows nothing of tokens or messages.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_SCALARS = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean"}


def type_of(schema: Any, indent: str = "") -> str:
    """The type that `schema` describes; `indent` stands before the lines inside it.

    Anything that is not a schema is `any`. Raises RecursionError for one nested too deeply.
    """
    schema = _schema(schema)
    if isinstance(variants := schema.get("oneOf"), list):
        return "".join(f"\n{indent} | {_variant(_schema(each), indent)}" for each in variants)
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join("number" if name == "integer" else name for name in _texts(kind)) or "any"
    if kind == "object":
        return _object(schema, indent)
    if kind == "array":
        return type_of(schema["items"], indent) + "[]" if "items" in schema else "Array<any>"
    if kind == "string" and (choices := _texts(schema.get("enum"))):
        return " | ".join(f'"{choice}"' for choice in choices)
    return _SCALARS.get(kind, "any") if isinstance(kind, str) else "any"


def _variant(schema: Schema, indent: str) -> str:
    """One alternative of a `oneOf` that stands by itself."""
    comments = [] if (said := _text(schema, "description")) is None else [said]
    if "default" in schema:
        # Unlike elsewhere, the default of an enum keeps its JSON quotes.
        default = json_text(schema["default"]) if _has_choices(schema) else _default(schema)
        comments.append(f"default: {default}")
    return _nullable(schema, f"{indent}   ") + _trailing(comments)


def _object(schema: Schema, indent: str) -> str:
    said = _text(schema, "description")
    comment = "" if said is None else f"{indent}// {said}\n"
    required = set(_texts(schema.get("required")))
    fields = [
        _property(name if name in required else f"{name}?", _schema(each), indent)
        for name, each in _schema(schema.get("properties")).items()
    ]
    return f"{comment}{{\n{''.join(fields)}{indent}}}"


def _property(name: str, schema: Schema, indent: str) -> str:
    lines = []
    if (title := _text(schema, "title")) is not None:
        lines += [f"// {title}", "//"]
    if (said := _text(schema, "description")) is not None and "oneOf" not in schema:
        lines.append(f"// {said}")
    if isinstance(examples := schema.get("examples"), list) and examples:
        lines += ["// Examples:", *(f'// - "{example}"' for example in _texts(examples))]
    above = "".join(f"{indent}{line}\n" for line in lines)
    if isinstance(schema.get("oneOf"), list):
        return above + _one_of_property(name, schema, indent)
    has_default = "default" in schema and "oneOf" not in schema
    default = f" // default: {_default(schema)}" if has_default else ""
    return f"{above}{indent}{name}: {_nullable(schema, f'{indent}    ')},{default}\n"


def _one_of_property(name: str, schema: Schema, indent: str) -> str:
    """A property of several types: its own comments above it, then one type a line."""
    variants = [_schema(each) for each in schema["oneOf"]]
    said = _text(schema, "description")
    # What the first variant says of itself is not said twice.
    is_above = said is not None and not (variants and _text(variants[0], "description") == said)
    out = f"{indent}// {said}\n" if is_above else ""
    if "default" in schema:
        out += f"{indent}// default: {_default(schema)}\n"
    out += f"{indent}{name}:\n"
    for number, variant in enumerate(variants):
        comments = []
        described = _text(variant, "description")
        if described is not None and described != said and not (number == 0 and is_above):
            comments.append(described)
        if "default" in variant:
            comments.append(f"default: {_default(variant)}")
        out += f"{indent} | {_nullable(variant, f'{indent}   ')}{_trailing(comments)}\n"
    return f"{out}{indent},\n"


def _trailing(comments: list[str]) -> str:
    return f" // {' '.join(comments)}" if comments else ""


def _nullable(schema: Schema, indent: str) -> str:
    written = type_of(schema, indent)
    return (
        f"{written} | null" if schema.get("nullable") is True and "null" not in written else written
    )


def _default(schema: Schema) -> str:
    """The default of `schema`: bare where it is one of the choices, else as JSON."""
    default = schema["default"]
    if not isinstance(default, str):
        return json_text(default)
    return default if _has_choices(schema) else f'"{default}"'


def _has_choices(schema: Schema) -> bool:
    return isinstance(schema.get("enum"), list) and bool(schema["enum"])


def _schema(value: Any) -> Schema:
    return value if isinstance(value, Mapping) else {}


def _text(schema: Schema, key: str) -> str | None:
    return schema[key] if isinstance(schema.get(key), str) else None


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def json_text(value: Any) -> str:
    """Compact JSON as Rust's serde_json writes it, which differs from Python's in numbers.

    Numbers of more than 15 digits keep their value here; serde_json may misread the last place.
    """
    if isinstance(value, str | bool) or value is None:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return str(value)
    if isinstance(value, int | float):
        return _float_text(value)
    if isinstance(value, Mapping):
        pairs = (f"{json_text(str(key))}:{json_text(item)}" for key, item in value.items())
        return f"{{{','.join(pairs)}}}"
    return f"[{','.join(json_text(item) for item in value)}]"


def _float_text(value: float) -> str:
    """The shortest digits; without exponent from 1e-5 up to 1e16."""
    try:
        number = float(value)
    except OverflowError:
        return "null"
    if not math.isfinite(number):
        return "null"
    mantissa, _, exponent = repr(number).partition("e")
    if not exponent:
        return mantissa
    if int(exponent) == -5:
        sign = "-" if number < 0 else ""
        return f"{sign}0.0000{mantissa.lstrip('-').replace('.', '')}"
    return f"{mantissa}e{int(exponent)}"
