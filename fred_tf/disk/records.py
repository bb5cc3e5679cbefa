"""Records: JSON files that say what work they are of, so that it continues.

```
{
  "format_version": 4,
  "kind": "evaluation",
  "identity": {...},    settings that tell this work from other work of its kind
  "data": {...},        facts of the real data behind it; null where none is
  ...                   what came of it
  "sha256": "..."       digest of all the rest, see `seal`
}
```

All work follows one rule: what is complete is kept, what was interrupted goes
on, and what was made with other settings or other data is refused by name of
the first difference. `continued` is that rule; nothing overwrites a record
without having asked it.
"""

import contextlib
import json
import pathlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from fred_tf.disk import files

# Of everything that this library writes and reads again.
FORMAT_VERSION = 4

WAY_OUT = "Choose another folder or name, or delete it to make it anew."
# Differences that a refusal names.
_MOST_TOLD = 3
# What tells test images of data. What only trains does not depend on them, and
# earlier versions did not say what stands for their split.
OF_TEST = ("data.test", "data.tested_on")
_OWN = ("format_version", "kind", "identity", "data", "sha256")


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()

Differences = dict[str, tuple[Any, Any]]

# Path, kind, identity and data, as `write` and `continued` begin with them.
Work = tuple[pathlib.Path, str, dict[str, Any], dict[str, Any] | None]


def plain(value: Any) -> Any:
    """Returns `value` as JSON would give it back: tuples become lists.

    Raises:
        TypeError: something in `value` has no JSON form.
        ValueError: a number in `value` is NaN or infinite.
    """
    return json.loads(json.dumps(value, allow_nan=False))


def seal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a JSON object with the SHA-256 of the rest of it as `sha256`.

    The hash is that of `json.dumps(rest, sort_keys=True)`: neither white space
    nor the order of keys counts.

    Args:
        values: JSON values; an earlier `sha256` is replaced.
    """
    rest = {key: value for key, value in values.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True)
    return {**rest, "sha256": files.digest(text.encode())}


def write(
    path: files.Path,
    kind: str,
    identity: Mapping[str, Any],
    data: Mapping[str, Any] | None,
    **content: Any,
) -> None:
    """Writes a record, all of it or nothing.

    Args:
        path: the file.
        kind: what kind of work it is of, in a word.
        identity: settings that tell this work from other work of its kind.
        data: facts of the real data behind it, see `DataFacts`; None where
            there are none.
        **content: what came of it; all values are fit for JSON.

    Raises:
        TypeError, ValueError: a value is not fit for JSON.
        OSError: writing failed, e.g. the disk is full; `path` is as it was.
    """
    values = {
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "identity": identity,
        "data": data,
        **content,
    }
    files.write_json(path, seal(plain(values)))


def read(
    path: files.Path, kind: str | None = None, way_out: str = WAY_OUT
) -> dict[str, Any]:
    """Reads a record.

    Args:
        path: the file.
        kind: what kind it must be of; None takes any sealed JSON object of
            this format version.
        way_out: what to do about one that cannot be read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no JSON object, of another format version, not
            as it was written, or of another kind.
    """
    record = checked(files.read_json(path), path, way_out)
    if kind is not None:
        _check_parts(path, record, kind, way_out)
    return record


def checked(
    record: Any, path: files.Path, way_out: str = WAY_OUT
) -> dict[str, Any]:
    """Returns a sealed JSON object of this format version, as it was written.

    Args:
        record: what JSON gives.
        path: where it is from, for the message.
        way_out: what to do about one that is not so.

    Raises:
        ValueError: it is not so.
    """
    if not isinstance(record, dict):
        raise ValueError(
            f"{path} must hold a JSON object. Received: a "
            f"{type(record).__name__}. Restore it from a copy. {way_out}"
        )
    version = record.get("format_version", ABSENT)
    if version != FORMAT_VERSION:
        raise ValueError(
            f"`format_version` of {path} must be {FORMAT_VERSION} for this "
            f"version of fred_tf. Received: {version!r}. Use the version of "
            f"fred_tf that wrote it. {way_out}"
        )
    stated, sealed = record.get("sha256", ABSENT), seal(record)["sha256"]
    if stated != sealed:
        raise ValueError(
            f"{path} must be as it was written. Received: one of SHA-256 "
            f"{sealed} that states {stated}. Restore it from a copy. {way_out}"
        )
    return record


def _check_parts(
    path: files.Path, record: dict[str, Any], kind: str, way_out: str
) -> None:
    if record.get("kind") != kind:
        raise ValueError(
            f"{path} must be a record of kind {kind!r}. Received: one of kind "
            f"{record.get('kind')!r}. {way_out}"
        )
    for part, kinds in (("identity", dict), ("data", dict | None)):
        if not isinstance(record.get(part, ABSENT), kinds):
            raise ValueError(
                f"`{part}` of {path} must be a JSON object. Received: "
                f"{record.get(part, ABSENT)!r}. {way_out}"
            )


@contextlib.contextmanager
def stating(path: files.Path, way_out: str = WAY_OUT) -> Iterator[None]:
    """Names the file where what a sealed record states cannot be.

    ```python
    with records.stating(path):
        facts = DataFacts.from_json(record["data"])
    ```

    Raises:
        ValueError: the block found a value or a kind of value that cannot be,
            or missed one.
    """
    try:
        yield
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
    ) as error:
        what = str(error) if isinstance(error, ValueError) else repr(error)
        raise ValueError(
            f"{path} must state what this version of fred_tf can use: "
            f"{what.rstrip('.')}. {way_out}"
        ) from error


def content(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what came of the work of a record: all but its own fields."""
    return {name: v for name, v in record.items() if name not in _OWN}


def continued(
    path: files.Path,
    kind: str,
    identity: Mapping[str, Any],
    data: Mapping[str, Any] | None,
    free: Collection[str] = (),
    way_out: str = WAY_OUT,
    has_begun: Callable[[Mapping[str, Any]], bool] = lambda content: True,
) -> dict[str, Any] | None:
    """Returns what a file holds of this very work.

    ```python
    done = records.continued(path, "evaluation", identity, data) or {}
    accuracies = done.get("accuracies", [])  # goes on after these
    ```

    Args:
        path: the file.
        kind: what kind of work it is of.
        identity: the settings asked for.
        data: facts of the data asked for.
        free: dotted names of settings that may differ, since the work can be
            extended or does not depend on them; those of data begin with
            `data.`.
        way_out: what to do about other work.
        has_begun: whether anything has come of other work, by the record's
            `content`. What failed before that gives way.

    Returns:
        The `content` of the record; None where there is no file, or one of
        other work that gives way.

    Raises:
        ValueError: the file is of other settings or data, or `read` refuses
            it.
    """
    if not pathlib.Path(path).exists():
        return None
    record = read(path, kind, way_out)
    different = differences(work(record), {**identity, "data": data})
    for name in free:
        different.pop(name, None)
    if different and not has_begun(content(record)):
        return None
    refuse(path, different, way_out)
    return content(record)


def work(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what is compared of a record: identity, and `data` beside it."""
    return {**record["identity"], "data": record["data"]}


def refuse(
    path: files.Path, different: Differences, way_out: str = WAY_OUT
) -> None:
    """Refuses work that differs from what is asked for, if it does.

    Raises:
        ValueError: names the first differences, with both values.
    """
    if not different:
        return
    told = [
        f"`{name}` is {there!r} there, {asked!r} is asked for"
        for name, (there, asked) in different.items()
    ]
    if len(told) > _MOST_TOLD:
        told[_MOST_TOLD:] = [f"and {len(told) - _MOST_TOLD} more"]
    raise ValueError(
        f"{path} is of other settings or data: {'; '.join(told)}. {way_out}"
    )


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {name: value} if name else {}
    return {
        leaf: content
        for key, part in value.items()
        for leaf, content in _leaves(
            part, f"{name}.{key}" if name else str(key)
        ).items()
    }


def differences(
    there: Mapping[str, Any], asked: Mapping[str, Any], subset: bool = False
) -> Differences:
    """Compares two nested JSON objects leaf by leaf; a list is one leaf.

    Args:
        there: what a folder holds.
        asked: what the caller wants.
        subset: whether `there` may hold leaves that `asked` does not name.

    Returns:
        The values `(there, asked)` of every leaf that differs by its dotted
        name, `ABSENT` where one side has none; empty when they agree.
    """
    there, asked = _leaves(plain(there)), _leaves(plain(asked))
    names = asked if subset else there | asked
    pairs = {
        name: (there.get(name, ABSENT), asked.get(name, ABSENT))
        for name in names
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
