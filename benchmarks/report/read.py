"""Reads results folders as other tools do: trials and outcomes with pandas and polars, event files with TensorBoard's own reader.

    pip install -r benchmarks/report/requirements.txt
    python3 benchmarks/report/read.py results/reference/default [results/reference/grid ...]

For each folder: both libraries see as many trials as there are, with the test accuracies of the records; the accuracies of the outcomes are
those of their trials. Where `reprogram report FOLDER --tensorboard` has been run, every trial with a learning curve has its points, exactly.

Exit codes: 0 everything agrees, 1 something does not, 77 nothing was tried, and why.
"""

import json
import pathlib
import sys

try:
    import pandas as pd
    import polars as pl
except ImportError as error:
    print(f"not run: {error}; `pip install -r benchmarks/report/requirements.txt` brings it")
    sys.exit(77)


def trials(folder):
    with_pandas = pd.read_parquet(folder / "trials.parquet")
    with_polars = pl.read_parquet(folder / "trials.parquet")
    assert len(with_pandas) == with_polars.height > 0
    records = {path.stem: json.loads(path.read_text()) for path in (folder / "records").glob("*.json")}
    for key, accuracy in zip(with_pandas["key"], with_pandas["test_accuracy"]):
        status = records[key]["status"]
        assert status["kind"] != "ok" or abs(status["outcome"]["test"]["accuracy"] - accuracy) < 1e-12, key
    means = with_pandas.groupby(["backbone", "dataset", "method"])["test_accuracy"].mean()
    same = with_polars.group_by("backbone", "dataset", "method").agg(pl.col("test_accuracy").mean())
    for backbone, dataset, method, accuracy in same.iter_rows():
        there = means[backbone, dataset, method]
        assert (accuracy is None and pd.isna(there)) or abs(there - accuracy) < 1e-12, method
    return with_polars, records


def outcomes(folder, table):
    n = 0
    for key, accuracy in table.drop_nulls("test_accuracy").select("key", "test_accuracy").unique().iter_rows():
        found = pd.read_parquet(folder / "outcomes" / f"{key}.parquet", dtype_backend="pyarrow")
        if "right" in found or "prediction" in found:
            right = found["right"] if "right" in found else found["gold"] == found["prediction"]
            assert abs(right.mean() - accuracy) < 1e-12, key
            n += len(found)
    return n


def curves(folder, records):
    runs = sorted((folder / "tensorboard").rglob("events.out.tfevents.*"))
    if not runs:
        return "no event files"
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError as error:
        return f"event files not read: {error}"
    n = 0
    for run in runs:
        record = next(record for key, record in records.items() if key.startswith(run.name.rsplit(".", 1)[1]))
        events = EventAccumulator(str(run)).Reload()
        curve = record["status"]["outcome"]["curve"]
        for tag, field in (("train/loss", "train_loss"), ("validation/accuracy", "validation_accuracy"), ("validation/loss", "validation_loss")):
            points = [(event.step, event.value) for event in events.Scalars(tag)]
            assert [step for step, _ in points] == [point["epoch"] for point in curve], run
            assert all(abs(value - point[field]) <= 1e-6 * max(1, abs(value)) for (_, value), point in zip(points, curve)), (run, tag)
            n += len(points)
        test = events.Scalars("test/accuracy")[0]
        assert test.step == record["status"]["outcome"]["epoch"]
    return f"{len(runs)} runs with {n} points of event files"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for folder in map(pathlib.Path, sys.argv[1:]):
        table, records = trials(folder)
        print(f"{folder}: {table.height} trials, {outcomes(folder, table)} outcomes, {curves(folder, records)}")


if __name__ == "__main__":
    main()
