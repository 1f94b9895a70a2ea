"""Several seeds in one table: each in a folder of its own, and mean and spread of what they found."""

import json
import statistics

import drawn
import pytest

from vision import mnist, seeds


def test_mean_and_standard_deviation_by_hand():
    # 2, 4, 9: the mean is 5, the squares of the distances 9 + 1 + 16 = 26, and 26 / 2 = 13
    assert seeds.spread([2.0, 4.0, 9.0]) == "5 ± 3.606"
    assert seeds.spread([0.936, 0.936]) == "0.936"
    assert seeds.spread([7.0]) == "7"


def test_rows_and_columns_that_some_seeds_lack():
    first = {"rows": {"real": {"accuracy": 0.5, "ms_ssim": 0.25}, "made": {"accuracy": 1.0}}}
    second = {"rows": {"real": {"accuracy": 0.7}, "made": {"accuracy": 1.0}}}
    assert seeds.table([first, second]).splitlines() == [
        "|  | accuracy | ms ssim |",
        "|---|---|---|",
        "| real | 0.6 ± 0.1414 | 0.25 |",
        "| made | 1 |  |",
    ]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return drawn.mnist(tmp_path_factory.mktemp("digits"))


def test_seeds_are_run_as_the_command_runs_them_and_only_once(digits, tmp_path, capsys):
    same = ["--data", str(digits), "--preset", "smoke", "--quiet"]
    line = ["mnist", "networks", "conditional", "--seeds", "2", "--out", str(tmp_path), *same]
    assert seeds.entry(line) == 0
    printed = capsys.readouterr().out
    found = [json.loads((tmp_path / f"seed{seed}" / "conditional.json").read_text()) for seed in range(2)]
    rows = [of["result"]["rows"]["actor, lambda 0 (figures 4, 7)"] for of in found]
    row = [line for line in printed.splitlines() if line.startswith("| actor, lambda 0")][-1]
    cells = [cell.strip() for cell in row.split("|")]
    values = [row["z_mse"] for row in rows]
    assert f"{statistics.fmean(values):.4g} ± " in cells[-2]
    assert "the networks (figures 12, 13), 2 seeds" in printed
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert seeds.entry(line) == 0
    assert capsys.readouterr().out == printed
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
    # and a folder is what the command makes with that seed
    assert mnist.entry(["conditional", *same, "--seed", "1", "--out", str(tmp_path / "alone")]) == 0
    alone = json.loads((tmp_path / "alone" / "conditional.json").read_text())
    assert alone["result"] == found[1]["result"]


def test_bad_lines_are_refused(tmp_path, capsys):
    out = ["--out", str(tmp_path / "x")]
    for line, said in (
        (["mnist", "conditionel", *out], "got conditionel"),
        (["mnist", "scales", "--seed", "4", *out], "expected --seeds"),
        (["mnist", "conditional", "--seeds", "0", *out], "expected a whole number from 1 to 1000, got '0'"),
    ):
        with pytest.raises(SystemExit) as stop:
            seeds.entry(line)
        assert stop.value.code == 2
        assert said in capsys.readouterr().err
    assert seeds.entry(["mnist", "scales", "--data", str(tmp_path / "none"), *out]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "x").exists()
