"""From a failed check of settings to a line that says file, key, value and what is allowed."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sim.errors import InputError, nearest

_TAGS = ("name", "scheme", "kind", "topology")


def explain(error: ValidationError, model: type[BaseModel], file: Path | None, settings: object) -> InputError:
    """Turn a validation error of settings into an input error with a line for each problem."""
    lines = []
    for problem in _worth_telling(error.errors(include_url=False)):
        keys, owner = _walk(model, problem["loc"])
        key, value, message = _by_name(keys, settings), problem["input"], problem["msg"]
        kind, context = problem["type"], problem.get("ctx", {})
        if kind == "extra_forbidden":
            valid = list(owner.model_fields) if owner else []
            lines.append(InputError(f'unknown key "{keys[-1]}"; {nearest(keys[-1], valid)}', file=file, key=key))
        elif kind == "missing":
            lines.append(InputError("is missing", file=file, key=key, allowed=_allowed(owner, keys[-1])))
        elif kind == "union_tag_invalid":
            tag = _tag_of(context)
            valid = [name.strip(" '") for name in context["expected_tags"].split(",")]
            text = f'unknown {tag} "{context["tag"]}"; {nearest(context["tag"], valid)}'
            lines.append(InputError(text, file=file, key=f"{key}.{tag}"))
        elif kind == "union_tag_not_found":
            tag = _tag_of(context)
            lines.append(InputError(f'"{tag}" is missing', file=file, key=key))
        elif kind == "value_error":
            text = message.removeprefix("Value error, ")
            shown = {"value": value} if keys and not isinstance(value, BaseModel) and not _is_large(value) else {}
            lines.append(InputError(text, file=file, key=key or None, **shown))
        else:
            allowed = _allowed(owner, keys[-1] if keys else "")
            lines.append(InputError(_in_terms_of_a_file(message), file=file, key=key, value=value, allowed=allowed))
    return lines[0] if len(lines) == 1 else InputError("\n".join(str(line) for line in lines))


def _in_terms_of_a_file(message: str) -> str:
    """Return pydantic's message with what a TOML file holds, a table or a list, in place of Python's classes."""
    text = (message[:1].lower() + message[1:]).replace("input should", "should")
    text = re.sub(r"a valid dictionary( or (instance of \w+|object to extract fields from))?", "a table", text)
    text = re.sub(r"^(tuple|dictionary) should have", "should have", text)
    return text.replace("a valid tuple", "a list").replace(" after validation, not ", ", not ")


def _worth_telling(problems: list[Any]) -> list[Any]:
    """Leave out what only follows from another problem: a key that is there misspelt, a list without its bad items."""

    def follows(problem: Any) -> bool:
        loc = problem["loc"]
        others = [other for other in problems if other is not problem]
        if problem["type"] == "missing":
            misspelt = [o["loc"][-1] for o in others if o["type"] == "extra_forbidden" and o["loc"][:-1] == loc[:-1]]
            return bool(difflib.get_close_matches(str(loc[-1]), [str(key) for key in misspelt], n=1))
        return problem["type"] == "too_short" and any(other["loc"][: len(loc)] == loc for other in others)

    return [problem for problem in problems if not follows(problem)]


def _is_large(value: Any) -> bool:
    return len(repr(value)) > 200


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _walk(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[list[str], type[BaseModel] | None]:
    """Return the dotted path without the tags of unions, and the model that owns its last key."""
    keys: list[str] = []
    owner: type[BaseModel] | None = model
    candidates: list[type[BaseModel]] = [model]
    for i, part in enumerate(loc):
        tagged = [m for m in candidates if len(candidates) > 1 and _has_tag(m, part)]
        if tagged and i < len(loc):
            candidates = tagged
            owner = tagged[0]
            continue
        if part == "[key]":  # the key before is itself what is wrong
            break
        keys.append(str(part))
        if isinstance(part, int) or not candidates:
            continue
        owner = candidates[0]
        field = owner.model_fields.get(str(part))
        if field is not None:
            candidates = _models_in(field.annotation) or [m for meta in field.metadata for m in _models_in(meta)]
            if i == len(loc) - 1:
                break
    return keys, owner


def _by_name(keys: list[str], settings: object) -> str:
    """Return the dotted path, members of lists by name where that can be set by it: see ``apply_overrides``."""
    told, node = [], settings
    for key in keys:
        told.append(key)
        if isinstance(node, list | tuple):
            names = [each.get("name") for each in node if isinstance(each, dict)]
            node = node[int(key)]
            name = node.get("name") if isinstance(node, dict) else None
            if name and isinstance(name, str) and names.count(name) == 1 and "." not in name and not name.isdigit():
                told[-1] = name
        else:
            node = node.get(key) if isinstance(node, dict) else None
    return ".".join(told)


def _has_tag(model: type[BaseModel], value: int | str) -> bool:
    fields = [model.model_fields[tag] for tag in _TAGS if tag in model.model_fields]
    return any(value in (*get_args(field.annotation), *(field.examples or ())) for field in fields)


def _tag_of(context: dict[str, Any]) -> str:
    """Return the key that tells the members of a union apart; a function that does so is called like the key."""
    return str(context["discriminator"]).strip("'").removesuffix("()")


def _allowed(owner: type[BaseModel] | None, key: str) -> str | None:
    field = owner.model_fields.get(key) if owner else None
    return field.description if field else None
