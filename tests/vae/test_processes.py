"""Several processes train one model: torchrun starts them, here where it matters, and gloo averages their gradients."""

import csv

import launched
import numpy as np
import pytest
import torch
import train_together
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from melodylc.base.errors import UserError
from melodylc.latent.processes import Processes, joined

CPU = torch.device("cpu")


def train(processes, *arguments, launch=launched.forked):
    """Train in so many processes; return the exit code and what was written on the standard error."""
    ended = launch(processes, train_together.__file__, *arguments)
    return ended.returncode, ended.stderr


def curve(out):
    """Return the rows of a log: stage, step and the values."""
    with (out / "log.csv").open() as file:
        rows = [row for row in csv.reader(file) if row[0] != "stage"]
    return [(row[0], int(row[1])) for row in rows], [[float(value) for value in row[3:]] for row in rows]


@pytest.fixture(scope="module")
def alone(tiny_corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("together") / "alone"
    code, said = train(1, tiny_corpus, out)
    assert code == 0, said
    return out


def same_course(out, other):
    (places, values), (other_places, others) = curve(out), curve(other)
    assert places == other_places
    for row, expected in zip(values, others, strict=True):
        np.testing.assert_allclose(row, expected, rtol=0.02)  # in bf16 a sum depends on its parts
    weights, known = load_file(out / "model.safetensors"), load_file(other / "model.safetensors")
    assert weights.keys() == known.keys()
    for name, value in known.items():
        moved = value.abs().max().item() + 1e-3
        assert (weights[name] - value).abs().max().item() < 0.05 * moved + 0.02, name


def test_two_processes_follow_the_curve_of_one(tiny_corpus, alone, tmp_path):
    code, said = train(2, tiny_corpus, tmp_path / "two", launch=launched.together)
    assert code == 0, said
    same_course(tmp_path / "two", alone)


def test_a_run_of_two_processes_is_stopped_by_one_and_resumed_by_four(tiny_corpus, alone, tmp_path):
    code, said = train(2, tiny_corpus, tmp_path / "run", "--stop", 6, launch=launched.together)
    assert code != 0
    assert curve(tmp_path / "run")[0] == curve(alone)[0][:6]  # both ended after the step that the one was in
    assert not (tmp_path / "run" / "model.safetensors").exists(), said
    code, said = train(4, tiny_corpus, tmp_path / "run", "--resume")
    assert code == 0, said
    same_course(tmp_path / "run", alone)


def test_more_processes_than_a_batch_can_be_shared_by(tiny_corpus, tmp_path):
    code, said = train(3, tiny_corpus, tmp_path / "run")
    assert code != 0
    assert "expected processes that share batches of 16 equally, got 3" in said, said


@given(count=st.integers(1, 8), rows=st.integers(1, 6), seed=st.integers(0, 1000))
@settings(max_examples=50)
def test_the_shares_of_all_processes_are_the_batch(count, rows, seed):
    whole = torch.arange(count * rows * 3).reshape(-1, 3)
    every = [Processes(CPU, rank, count) for rank in range(count)]
    shares = torch.cat([each.share(whole) for each in every])
    assert sorted(shares.tolist()) == whole.tolist()  # nothing twice, nothing left out
    drawn = []
    for each in every:
        torch.manual_seed(seed)
        drawn.append((each.random((rows, 2)), each.noise((rows, 2))))
    torch.manual_seed(seed)
    for index, alone in enumerate((torch.rand(count * rows, 2), torch.randn(count * rows, 2))):
        assert all(torch.equal(alone[rank::count], drawn[rank][index]) for rank in range(count))


@pytest.fixture
def four_gpus(monkeypatch):
    """A machine with four GPUs, whose numbers are kept by the CPU; yields which of them are touched, in order."""
    touched = []
    zeros = torch.zeros

    def note(device, *_):
        touched.append(str(device))

    def put(*shape, device="cpu"):
        note(device)
        return zeros(*shape)

    def state(device="cuda"):
        note(device)
        return zeros(1)

    for name, of in {
        "is_available": lambda: True,
        "device_count": lambda: 4,
        "set_device": note,
        "get_rng_state": state,
        "set_rng_state": lambda state, device="cuda": note(device),
        "manual_seed_all": lambda seed: None,
    }.items():
        monkeypatch.setattr(torch.cuda, name, of)
    monkeypatch.setattr(torch, "zeros", put)
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda backend: None)
    for name in ("barrier", "destroy_process_group"):
        monkeypatch.setattr(torch.distributed, name, lambda: None)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 2)
    return touched


@pytest.mark.parametrize("asked", [None, "cuda", "cuda:0"])
def test_each_process_touches_its_own_gpu_alone(asked, four_gpus, monkeypatch):
    for name, value in {"WORLD_SIZE": "4", "RANK": "2", "LOCAL_RANK": "2"}.items():
        monkeypatch.setenv(name, value)
    with joined(asked) as processes:
        assert (processes.device, processes.rank, processes.count) == (torch.device("cuda", 2), 2, 4)
        before = torch.get_rng_state()
        with processes.forked():
            torch.manual_seed(1)
            torch.rand(3)
        assert torch.equal(torch.get_rng_state(), before)
    assert set(four_gpus) == {"cuda:2"}
    assert len(four_gpus) == 4  # made current, tried, and its random numbers kept and given back


@pytest.mark.parametrize(("asked", "touched"), [("cpu", {"cpu"}), ("cuda:1", {"cuda:1"})])
def test_one_process_touches_what_it_is_given(asked, touched, four_gpus):
    with joined(asked) as processes, processes.forked():
        assert processes.device == torch.device(asked)
    assert set(four_gpus) == touched


@pytest.mark.parametrize("asked", ["nonsense", "meta", "cuda:99999999999999999999"])
def test_a_device_that_is_none_is_one_line(asked):
    with pytest.raises(UserError, match="device: expected cpu, or cuda where there is a GPU") as error, joined(asked):
        pass
    assert "\n" not in str(error.value)


def test_a_gpu_for_each_process(monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="expected a GPU for each process, this machine has 1"), joined("cuda"):
        pass
