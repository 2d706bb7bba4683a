"""The fingerprint of a row: 128 bits over its columns in one text form, the same for ever and from any file format.

It is BLAKE2b over the canonical texts of the contract's columns that are not informational, in the contract's order,
joined by U+001F (which no accepted value holds), nothing for null, separators at the end removed. So a nullable column
added at the end of a contract changes no hash of a row that does not state it. Columns of a contract are never moved.
"""

from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.landing.contract import Contract

SEPARATOR = "\x1f"
HASH_BYTES = 16


def row_hashes(canonical: dict[str, pa.Array], contract: Contract) -> np.ndarray:
    """One hash a row: an array of shape (rows, 16), uint8."""
    columns = [canonical[column.name] for column in contract.hashed_columns]
    joined = pc.binary_join_element_wise(*columns, SEPARATOR, null_handling="replace", null_replacement="")
    if contract.hashed_columns[-1].nullable:
        joined = pc.utf8_rtrim(joined, SEPARATOR)
    texts = joined.cast(pa.binary()).to_pylist()
    digests = b"".join([blake2b(text, digest_size=HASH_BYTES).digest() for text in texts])
    return np.frombuffer(digests, np.uint8).reshape(-1, HASH_BYTES)
