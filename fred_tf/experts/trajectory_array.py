"""One expert trajectory as an array in a `.npy` file: rounding and reading.

Halves take half the room and round parameters to 11 (float16) or 8 (bfloat16)
bits, while an expert moves little beside the length of its parameters. Measured
on four experts of the preset `digits_ipc1_tm`, segments of two epochs from
start epochs 0 to 9, means; |theta| is 13.4, and the expert moves by 0.35:

| in per cent of the way moved | float16 | bfloat16 |
|---|---|---|
| rounding of the start | 1.0 | 7.3 |
| rounding of the target | 1.0 | 7.8 |
| of the way itself (longest) | 1.4 (2.2) | 10.5 (15.7) |

So take float16 wherever parameters stay below its 65504. Distilled with these
experts and 100 outer steps, digits reach 91.3 +- 0.8 % with float32, 91.4 +-
0.7 % with float16 and 91.5 +- 0.8 % with bfloat16: less than the spread of 5
networks (evaluation.epochs=150, seed 0). `benchmarks/expert_dtype.py` prints
all of these.
"""

import pathlib

import ml_dtypes
import numpy as np

from fred_tf.disk import arrays, files

# What a parameter is, and what its file holds: `.npy` cannot name bfloat16,
# so the file holds its bits.
DTYPES: dict[str, tuple[np.dtype, np.dtype]] = {
    "float32": (np.dtype(np.float32), np.dtype(np.float32)),
    "bfloat16": (np.dtype(ml_dtypes.bfloat16), np.dtype(np.uint16)),
    "float16": (np.dtype(np.float16), np.dtype(np.float16)),
}


def rounded(
    trajectory: np.ndarray, shape: tuple[int, int], dtype: str
) -> np.ndarray:
    """Returns a checked copy of a trajectory as its file shall hold it.

    Args:
        trajectory: `[epochs + 1, parameters]`.
        shape: what its shape must be.
        dtype: one of `DTYPES`; rounds to nearest, half to even.

    Raises:
        ValueError: the shape is another, or a value is not finite or too
            large for `dtype`.
    """
    # A copy, because the rows may be views of variables.
    array = np.array(trajectory, np.float32, order="C")
    if array.shape != shape:
        raise ValueError(
            "A trajectory must have the store's shape [epochs + 1, parameters] "
            f"= {shape}. Received: {array.shape}."
        )
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        raise ValueError(
            "A trajectory must be finite. Received: NaN or infinite "
            f"parameters from row {int(np.argmin(finite))} on. Lower "
            "`experts.learning_rate`."
        )
    kind, file_kind = DTYPES[dtype]
    with np.errstate(over="ignore"):
        array_rounded = array.astype(kind, copy=False)
    fits = np.isfinite(array_rounded).all(axis=1)
    if not fits.all():
        row = int(np.argmin(fits))
        raise ValueError(
            f"Parameters stored as {dtype} must not exceed "
            f"{float(ml_dtypes.finfo(kind).max):.6g}. Received: "
            f"{np.abs(array[row]).max():.6g} in row {row}. Make another store "
            "with `experts.dtype` bfloat16, whose range is that of float32, "
            "or float32."
        )
    return array_rounded.view(file_kind)


def open_file(
    path: pathlib.Path, shape: tuple[int, int], dtype: str
) -> np.ndarray:
    """Maps a file that `rounded` filled, read-only.

    Returns:
        `[epochs + 1, parameters]` of `dtype`, memory-mapped.

    Raises:
        ValueError: the file holds something else.
    """
    kind, file_kind = DTYPES[dtype]
    with files.opened(path) as file:
        try:
            found, found_shape, start = arrays.header(file)
        except ValueError as error:
            raise ValueError(
                f"must be a `.npy` file of {file_kind}. Received: one that "
                f"{error}"
            ) from error
        if found_shape != shape or found != file_kind:
            raise ValueError(
                f"must be {file_kind} {shape}. Received: {found} {found_shape}."
            )
        # Mapping allocates nothing, whatever the header claims.
        array = np.memmap(file, file_kind, "r", start, shape)
    return array.view(kind)
