"""What `live --bind` takes for the knob that is moved."""

import argparse

import pytest

from melodylc import UserError
from melodylc.cli import binding
from melodylc.live.control_map import ControlMap
from midi_io import messages
from midi_io.ports import MemoryPorts


class Controller(MemoryPorts):
    """A controller that moves one knob at each look, on a clock that waiting moves."""

    def __init__(self, *movements):
        self.time, self.movements = 100.0, list(movements)
        super().__init__(lambda: self.time)

    def receive(self):
        for message in self.movements.pop(0) if self.movements else []:
            self.put(message)
        return super().receive()

    def sleep(self, seconds):
        self.time += seconds


def cc(*pairs, channel=2):
    return [messages.control(channel, number, value) for number, value in pairs]


@pytest.fixture
def bound(monkeypatch, tmp_path):
    """What controls are bound to by movements, two looks at the port each."""

    def bind(controls, *movements):
        controller = Controller(*movements)
        monkeypatch.setattr(binding, "open_ports", lambda *arguments, **settings: controller)
        monkeypatch.setattr(binding.time, "monotonic", controller.now)
        monkeypatch.setattr(binding.time, "sleep", controller.sleep)
        options = argparse.Namespace(
            bind=controls, name="melodylc", backend="auto", port=None, port_in=None, port_out=None
        )
        path = tmp_path / "controls.toml"
        binding.bind(options, ControlMap(), path)
        return [str(ControlMap.load(path).triggers[control]) for control in controls]

    return bind


@pytest.mark.parametrize(
    ("first", "rest", "is_bound_to"),
    [
        (cc((74, 5)), cc((74, 6)), "cc 74 @ 3"),
        ([*cc((0, 1), (32, 4)), bytes((0xC2, 7))], [], "program @ 3"),
        (cc((99, 1), (98, 8), (6, 64), (38, 0)), cc((101, 0), (100, 0), (96, 1), (97, 1)), None),
        (cc((99, 1), (98, 8), (6, 64), (38, 0), (74, 1)), [], "cc 74 @ 3"),
        (cc((16, 5), (48, 9)), cc((16, 6), (48, 1)), "cc 16 @ 3"),
        (cc((48, 9)), cc((16, 6), (48, 1)), "cc 16 @ 3"),  # the fine half first
        (cc((48, 9)), cc((48, 1)), "cc 48 @ 3"),
        (cc((48, 9)), cc((16, 1), channel=5), "cc 48 @ 3"),
        (cc((120, 0), (123, 0), (127, 0)), [], None),
    ],
)
def test_what_is_moved(bound, first, rest, is_bound_to):
    if is_bound_to is None:
        with pytest.raises(UserError, match="bind: nothing was moved for 60 seconds"):
            bound(["key"], first, rest)
    else:
        assert bound(["key"], first, rest) == [is_bound_to]


def test_a_knob_of_14_bits_that_still_moves_is_not_the_next_one(bound):
    moving = cc((48, 3))
    assert bound(["low", "high"], cc((16, 5), (48, 9)), [], moving, moving, cc((17, 1)), cc((49, 1))) == [
        "cc 16 @ 3",
        "cc 17 @ 3",
    ]
