"""Item metadata as tokens: the same ones at FULL and for an item that appears an hour later.

Categories are tokens as they are; text is hashed by its words and word pairs; numbers and release times fall into
quantile buckets, so that a value past the last edge shares the last bucket. Only an item created after all that
trained belongs to every bucket of creation time at once: that people of the past never chose it says nothing. Only
tokens that items with interactions carry are kept: no other token can have been learned.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from newfound import columns as c

if TYPE_CHECKING:
    from newfound.schema.document import SchemaDocument

N_BUCKETS = 16
MAX_TOKENS = 100_000
MIN_CARRIERS, MIN_TEXT_CARRIERS = 2, 5
"""Of tokens of a text most are in hardly any other: they would cost time and teach nothing."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FeatureField:
    """One trained metadata field: kind is `category`, `text` or `number`.

    edges: the inner bucket edges of a number; newest: the greatest CREATION_TIMESTAMP that trained, else None.
    """

    name: str
    kind: str
    edges: tuple[float, ...] = ()
    newest: float | None = None


FeatureFields = tuple[FeatureField, ...]


def feature_fields_from_dict(raw: Iterable[dict[str, Any]]) -> FeatureFields:
    """Read back fields written as plain JSON values."""
    return tuple(FeatureField(**field | {"edges": tuple(field["edges"])}) for field in raw)


def choose_fields(document: SchemaDocument, records: Sequence[Record]) -> FeatureFields:
    """Decide which fields of the items train; plain strings and booleans do not (behaviour specification §1)."""
    fields = []
    for field in document.fields:
        if field.name == c.ITEM_ID:
            continue
        if field.categorical:
            fields.append(FeatureField(field.name, "category"))
        elif field.textual:
            fields.append(FeatureField(field.name, "text"))
        elif field.type in ("int", "long", "float", "double"):
            values = [record[field.name] for record in records if record.get(field.name) is not None]
            if values:
                inner = np.quantile(np.asarray(values, dtype=np.float64), np.arange(1, N_BUCKETS) / N_BUCKETS)
                newest = float(max(values)) if field.name == c.CREATION_TIMESTAMP else None
                fields.append(FeatureField(field.name, "number", tuple(np.unique(inner).tolist()), newest))
    return tuple(fields)


def tokens_of(record: Record, fields: FeatureFields) -> list[list[str]]:
    """Spell the tokens of one item, a list per field; a missing value has none."""
    return [_field_tokens(record.get(field.name), field) for field in fields]


def _field_tokens(value: Any, field: FeatureField) -> list[str]:  # noqa: ANN401  # str, int, float or None
    if value is None or value == "":
        return []
    if field.kind == "category":
        return sorted({f"{field.name}={part}" for part in str(value).split("|") if part})
    if field.kind == "text":
        words = re.findall(r"\w+", str(value).lower())
        pairs = [f"{a} {b}" for a, b in itertools.pairwise(words)]
        return sorted({f"{field.name}~{part}" for part in (*words, *pairs)})
    if field.newest is not None and float(value) > field.newest:
        return [f"{field.name}#{bucket}" for bucket in range(len(field.edges) + 1)]
    return [f"{field.name}#{int(np.searchsorted(field.edges, float(value), side='right'))}"]


@dataclass(frozen=True, slots=True)
class TokenTable:
    """Tokens of n items as a CSR by item and field: offsets int64 (n * n_fields + 1,), tokens int32."""

    vocabulary: list[str]
    n_fields: int
    offsets: NDArray[np.int64]
    tokens: NDArray[np.int32]


def build_vocabulary(tokens: Iterable[list[list[str]]], fields: FeatureFields) -> list[str]:
    """Keep the tokens that at least MIN_CARRIERS of these items carry, most common first, at most MAX_TOKENS.

    Those of a text need MIN_TEXT_CARRIERS.
    """
    counts: list[Counter[str]] = [Counter() for _ in fields]
    for item in tokens:
        for count, own in zip(counts, item, strict=True):
            count.update(own)
    kept = {
        token: n
        for field, count in zip(fields, counts, strict=True)
        for token, n in count.items()
        if n >= (MIN_TEXT_CARRIERS if field.kind == "text" else MIN_CARRIERS)
    }
    return sorted(kept, key=lambda token: (-kept[token], token))[:MAX_TOKENS]


def encode_tokens(tokens: Sequence[list[list[str]]], vocabulary: list[str], n_fields: int) -> TokenTable:
    """Turn spelled tokens into codes; unknown ones are dropped."""
    code = {token: k for k, token in enumerate(vocabulary)}
    offsets = np.zeros(len(tokens) * n_fields + 1, np.int64)
    flat: list[int] = []
    for k, field in enumerate(field for fields in tokens for field in fields):
        flat.extend(code[token] for token in field if token in code)
        offsets[k + 1] = len(flat)
    return TokenTable(vocabulary, n_fields, offsets, np.array(flat, np.int32))


def telling(fields: FeatureFields) -> NDArray[np.bool_]:
    """Mark the fields (n_fields,) that say what an item is, not when it appeared."""
    return np.array([field.name != c.CREATION_TIMESTAMP for field in fields], np.bool_)


def described_items(table: TokenTable, fields: FeatureFields, n_items: int) -> NDArray[np.bool_]:
    """Mark the items (n_items,) with a known token that says what they are."""
    return np.diff(table.offsets).reshape(n_items, len(fields))[:, telling(fields)].sum(axis=1) > 0
