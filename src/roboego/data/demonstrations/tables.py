"""The Parquet files of a dataset, and series of them that grow by whole episodes."""
# T frames, D dimensions

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from roboego.data.demonstrations.layout import TASKS, Place
from roboego.errors import InputError
from roboego.sound.files import appearing


@dataclass(frozen=True, kw_only=True)
class Series:
    """The last file of a series, a table for every episode.

    Attributes:
        alone: each episode is a row group of its own, to be read alone; else all are one, which takes less room.
        limit: bytes, before compression, from which on the next episode goes to the next file.
    """

    template: str
    alone: bool
    limit: float
    place: Place
    tables: tuple[pa.Table, ...] = ()

    @property
    def next_place(self) -> Place:
        """The file that the next episode goes to."""
        return self.place if sum(t.nbytes for t in self.tables) < self.limit else self.place.next

    def grown(self, table: pa.Table) -> "Series":
        before = self.tables if self.next_place == self.place else ()
        return replace(self, place=self.next_place, tables=(*before, table))

    def write(self, folder: Path) -> None:
        """Writes the file anew, as a whole.

        Raises:
            OSError: it cannot be written.
        """
        groups = self.tables if self.alone else [pa.concat_tables(self.tables)]
        write_tables(self.place.path(folder, self.template), groups)


def write_tables(path: Path, tables: Sequence[pa.Table]) -> None:
    """A file of so many row groups, which appears when it is complete."""
    with appearing(path) as temporary, pq.ParquetWriter(temporary, tables[0].schema, compression="snappy") as out:
        for table in tables:
            out.write_table(table)


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """These columns of a file, or all of them.

    Raises:
        InputError: the file is missing or damaged, or lacks one of the columns.
    """
    try:
        with pq.ParquetFile(path) as file:
            missing = sorted(set(columns or ()) - set(file.schema_arrow.names))
            if missing:
                raise InputError(f"{path} has no column {', '.join(missing)}: it is damaged, or not of the layout v3.0")
            table = file.read(columns)
            return table if columns is None else table.select(columns)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} is missing or damaged ({error}); take it from a copy of the dataset") from error


def of_numbers(columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    """Columns of numbers [T], or lists of D numbers [T, D]; a single dimension is written as a plain number, as LeRobot does."""
    return pa.table({name: _column(values) for name, values in columns.items()})


def _column(values: NDArray[Any]) -> pa.Array:
    flat = pa.array(values.reshape(-1))
    return flat if values.ndim == 1 or values.shape[1] == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def numbers(column: pa.ChunkedArray, width: int, where: str) -> NDArray[Any]:
    """The other way: [T, D], D = `width`.

    Raises:
        InputError: there are not so many numbers everywhere.
    """
    flat = column.combine_chunks()
    if isinstance(flat, pa.ChunkedArray):  # one without any rows
        flat = pa.concat_arrays(flat.chunks) if flat.num_chunks else pa.array([], flat.type)
    rows = len(flat)
    if not pa.types.is_primitive(flat.type):
        flat = flat.flatten()
    values: NDArray[Any] = flat.to_numpy(zero_copy_only=False)
    if flat.null_count or not np.issubdtype(values.dtype, np.number) or len(values) != rows * width:
        raise InputError(f"{where} does not have {width} numbers in every frame: it is damaged")
    return values.reshape(rows, width)


def write_tasks(folder: Path, tasks: Sequence[str]) -> None:
    """The tasks by their number, such that pandas makes their texts the index."""
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks, pa.string())})
    kinds = (("task_index", "int64", "int64", None), ("task", "unicode", "object", None))
    fields = ("name", "pandas_type", "numpy_type", "metadata")
    columns = [{**dict(zip(fields, kind, strict=True)), "field_name": kind[0]} for kind in kinds]
    naming = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": {"encoding": "UTF-8"}}
    told = {
        "index_columns": ["task"],
        "column_indexes": [naming],
        "columns": columns,
        "attributes": {},
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.3.3",
    }
    write_tables(folder / TASKS, [table.replace_schema_metadata({"pandas": json.dumps(told)})])


def read_tasks(folder: Path) -> dict[int, str]:
    """Texts by their number; whatever their column is called, as the name of an index changes from version to version.

    Raises:
        InputError: the file is missing or damaged.
    """
    table = read_table(folder / TASKS)
    texts = [f.name for f in table.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    if "task_index" not in table.column_names or not texts:
        raise InputError(f"{folder / TASKS} does not name tasks by their number: it is damaged, or not of the layout v3.0")
    text = "task" if "task" in texts else texts[0]
    return dict(zip(table["task_index"].to_pylist(), table[text].to_pylist(), strict=True))
