"""Several seeds in one table: each in a folder of its own, and mean and spread of what they found."""

import json
import statistics

import drawn
import launched
import pytest

from vision import mnist, seeds
from vision.data import celeba as celeba_data


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


def test_numbers_outside_rows_and_what_is_no_number():
    results = [
        {"auc": 0.5, "best": "0.1", "map": {"value": 0.25, "below": 1}, "scales": {"1": [0.5]}},
        {"auc": 0.75, "best": "0.1", "map": {"value": 0.25, "below": 3}, "scales": {"1": [0.25]}},
    ]
    # 0.5 and 0.75: each is 0.125 from the mean, and sqrt(2 * 0.125^2) = 0.1768; 1 and 3: sqrt(2)
    assert seeds.table(results).splitlines() == [
        "- auc: 0.625 ± 0.1768",
        "- best: 0.1",
        "- map: value 0.25, below 2 ± 1.414",
    ]
    found = seeds.summary(results)
    assert found["auc"] == {"mean": 0.625, "standard_deviation": pytest.approx(0.125 * 2**0.5), "values": [0.5, 0.75]}
    assert found["best"] == {"values": ["0.1", "0.1"]}
    assert found["map"]["below"]["values"] == [1, 3]
    assert seeds.summary([{"auc": 0.5}])["auc"] == {"mean": 0.5, "standard_deviation": None, "values": [0.5]}


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
    written = json.loads((tmp_path / "seeds.json").read_text())
    assert (written["data_set"], written["seeds"], list(written["experiments"])) == (
        "mnist",
        2,
        ["networks", "conditional"],
    )
    assert written["experiments"]["conditional"]["rows"]["actor, lambda 0 (figures 4, 7)"]["z_mse"]["values"] == values
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("seed?/**/*") if path.is_file()}
    assert seeds.entry(line) == 0
    assert capsys.readouterr().out == printed
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("seed?/**/*") if path.is_file()} == before
    # and a folder is what the command makes with that seed
    assert mnist.entry(["conditional", *same, "--seed", "1", "--out", str(tmp_path / "alone")]) == 0
    alone = json.loads((tmp_path / "alone" / "conditional.json").read_text())
    assert alone["result"] == found[1]["result"]


def test_faces_are_decoded_once_for_all_seeds(tmp_path, monkeypatch):
    faces = drawn.celeba(tmp_path / "faces")
    decoded, image = [], celeba_data._image
    monkeypatch.setattr(celeba_data, "_image", lambda files, line: (decoded.append(line.image), image(files, line))[1])
    same = ["--data", str(faces), "--out", str(tmp_path / "out"), "--preset", "smoke", "--quiet"]
    assert seeds.entry(["celeba", "networks", "--seeds", "2", *same]) == 0
    assert sorted(decoded) == sorted(set(decoded))
    assert len(decoded) > 0
    assert sorted(path.parent.name for path in tmp_path.rglob("images-*.npy")) == ["out", "out"]  # and their hashes
    assert seeds.entry(["celeba", "networks", "--seeds", "2", *same, "--decoded", str(tmp_path / "kept")]) == 0
    assert len(list((tmp_path / "kept").glob("images-*.npy"))) == 2


def test_seeds_in_several_processes_are_those_of_one(digits, tmp_path):
    line = ["mnist", "scales", "--seeds", "2", "--data", digits, "--preset", "smoke", "--quiet", "--device", "cpu"]
    ended = launched.together(2, "-m", "vision.seeds", *line, "--out", "together", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert seeds.entry([*map(str, line), "--out", str(tmp_path / "alone")]) == 0
    together, alone = (
        json.loads((tmp_path / name / "seeds.json").read_text())["experiments"]["scales"]["mean"]
        for name in ("together", "alone")
    )
    for square, found in alone.items():
        assert together[square]["values"] == pytest.approx(found["values"], abs=1e-4)
    assert ended.stdout.count("seeds, mean ± standard deviation") == 1
    ended = launched.together(2, "-m", "vision.seeds", "mnist", "scales", "--out", "x", "--data", "no", folder=tmp_path)
    assert ended.returncode != 0
    assert ended.stderr.count("vision.mnist: mnist: no train-images") == 1


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
    assert seeds.entry(["mnist", "scales", "--device", "nonsense", *out]) == 2
    said = capsys.readouterr().err
    assert said.startswith("vision.seeds: device: expected cpu")
    assert said.count("\n") == 1
    assert seeds.entry(["mnist", "scales", "--data", str(tmp_path / "none"), *out]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("option", ["--seed", "--see", "--ou"])
def test_no_option_of_a_seed_hides_behind_those_of_all(option, digits, tmp_path, capsys):
    line = ["mnist", "networks", "--seeds", "2", "--out", str(tmp_path), "--data", str(digits), "--preset", "smoke"]
    with pytest.raises(SystemExit) as stop:
        seeds.entry([*line, option, "3"])
    assert stop.value.code == 2
    capsys.readouterr()
    assert list(tmp_path.iterdir()) == []
