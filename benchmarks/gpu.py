"""What a GPU gains, beside the CPU of the same machine: python benchmarks/gpu.py [--device cuda] [--seconds 20]

Every way that goes over the GPU is gone once, within ten minutes at the default; nothing is downloaded. The rows:

products        a large product of matrices in float32 (TF32 on cards that have it) and in bf16, in TFLOP/s
melody training steps of the paper preset's stage, in melodies a second, and the share of the products' speed they reach
VAE, classifier, actor    steps of the paper presets of MNIST and CelebA on drawn images: images or vectors a second
feeding         images a second that are gathered from memory and put on the device as numbers, without a network
sampling        melodies a second of the embedded model, in batches of 256, in bf16 where there is it
generate        the command, from its start to its files, for 64 melodies
learn           the command, for two rounds
live            the inference process of a session: from its start until it is ready, and each of 20 requests

With --compile the trainings are also timed compiled by torch, which takes a minute each. Sizes of batches are the
presets' on the GPU and small on the CPU, where a step of them would take minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from costs import EXAMPLES, counted
from torch import Tensor

import melodylc
from melodylc.latent.adversarial import AdversarialLearning, LabelledEncodings
from melodylc.latent.gradient_steps import descend
from melodylc.latent.optimisers import Adam, adam
from melodylc.latent.precision import half_precision
from melodylc.latent.processes import Processes, joined
from melodylc.live.protocol import Answer, ControlValues, Heard, Request, Setup
from melodylc.live.worker import Worker
from melodylc.model import Model, load
from melodylc.vae.losses import Losses
from melodylc.vae.model import MelodyVAE
from melodylc.vae.presets import PRESETS
from vision import presets
from vision.data.images import Images
from vision.models import VAE, Encoder

SIDE = 4096  # of the matrices of the product
ON_CPU = 1  # example of a step on the CPU
DRAWN = 20_000  # images
SHAPES = {"MNIST": (1, 28, 28), "CelebA": (3, 64, 64)}
LABELS = 10
SAMPLED = 256
ASKED = 20  # requests of a session
WARM_UP = 3  # calls before what is timed on a GPU: kernels are chosen and compiled in them

Row = tuple[str, float, str]  # what, how much, of what unit


def rate(call: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Return how many calls a second are made, in so many seconds."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    for _ in range(WARM_UP if device.type == "cuda" else 1):
        call()
    wait()
    began, calls = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds or not calls:
        call()
        calls += 1
        if calls % 10 == 0 or device.type == "cpu":
            wait()
    wait()
    return calls / (time.perf_counter() - began if device.type == "cuda" else max(spent, 1e-9))


def products(device: torch.device, seconds: float) -> Iterator[Row]:
    """Yield the speed of large products."""
    for name, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = (torch.randn(SIDE, SIDE, device=device).to(dtype) for _ in range(2))
        yield f"products in {name}", rate(partial(torch.matmul, a, b), device, seconds) * 2 * SIDE**3 / 1e12, "TFLOP/s"


def melody_training(device: torch.device, seconds: float, compiled: bool) -> Iterator[Row]:
    """Yield the speed of steps of the paper preset."""
    preset = PRESETS["paper"]
    stage = preset.stages[0]
    model = MelodyVAE(preset.sizes).to(device)
    losses = Losses(model, Processes(device))
    bank = torch.from_numpy(melodylc.load().bank.states)
    batch = stage.batch if device.type == "cuda" else ON_CPU
    optimiser = adam(model.parameters(), fused=True)

    def step(of: Callable[..., tuple[Tensor, object]]) -> None:
        states = bank[torch.randint(len(bank), (batch,))].to(device)
        with half_precision(device):
            loss = of(states, stage, 0.3)[0]
        descend(optimiser, loss, 1.0)

    yield "melody training, paper", rate(partial(step, losses), device, seconds) * batch, "melodies/s"
    if compiled:
        yield "- compiled", rate(partial(step, torch.compile(losses)), device, seconds) * batch, "melodies/s"


def images(name: str, count: int = DRAWN) -> Images:
    """Draw images of noise: what a step costs does not depend on what is in them."""
    pixels = torch.randint(0, 256, (count, *SHAPES[name]), dtype=torch.uint8)
    return Images(pixels, torch.eye(LABELS)[torch.arange(count) % LABELS])


def image_training(name: str, device: torch.device, seconds: float, compiled: bool) -> Iterator[Row]:
    """Yield the speed of steps of a paper preset of images, fed as in training."""
    preset = {"MNIST": presets.MNIST, "CelebA": presets.CELEBA}[name]["paper"]
    few = images(name)
    batch = preset.vae.batch if device.type == "cuda" else ON_CPU
    vae = VAE(SHAPES[name], preset.architecture, preset.sigma_x).to(device)
    judge = Encoder(SHAPES[name], preset.judge, LABELS).to(device)

    def vae_loss(x: Tensor) -> Tensor:
        with half_precision(device):
            posterior = vae.encode(x)
            decoded = vae.decoder(posterior.sample())
        return (posterior.kl().sum(dim=-1) - vae.log_likelihood(x, decoded)).mean()

    def judge_loss(x: Tensor) -> Tensor:
        with half_precision(device):
            return judge(x).float().square().mean()

    for title, network, loss in (("VAE", vae, vae_loss), ("classifier", judge, judge_loss)):
        optimiser = adam(network.parameters(), fused=True)

        def step(of: Callable[[Tensor], Tensor], optimiser: Adam = optimiser) -> None:
            descend(optimiser, of(few.draw(batch, device)[0]))

        yield f"{name} {title}, paper", rate(partial(step, loss), device, seconds) * batch, "images/s"
        if compiled:
            yield "- compiled", rate(partial(step, torch.compile(loss)), device, seconds) * batch, "images/s"
    batch = preset.vae.batch
    yield f"{name} feeding", rate(partial(few.draw, batch, device), device, seconds / 4) * batch, "images/s"


def actor(device: torch.device, seconds: float) -> Iterator[Row]:
    """Yield the speed of steps of the paper's actor and critic, ten of the critic to one."""
    settings = presets.CELEBA["paper"].constraint("distance")
    latent = presets.CELEBA["paper"].architecture.latent
    mean = torch.randn(DRAWN, latent, device=device)
    labels = torch.eye(LABELS, device=device)[torch.arange(DRAWN, device=device) % LABELS]
    learning = AdversarialLearning(
        LabelledEncodings(mean, torch.ones_like(mean), labels), torch.ones(latent, device=device), settings, 0
    )
    yield "actor and critic, paper", rate(lambda: learning.step(0), device, seconds), "steps/s"


def sampling(device: torch.device, seconds: float) -> Iterator[Row]:
    """Yield the speed of sampling melodies."""
    model: Model = load(device=str(device))

    def sample() -> None:
        with half_precision(device), torch.no_grad():
            model.decode_quickly(model.prior(SAMPLED, 0))

    yield "sampling", rate(sample, device, seconds) * SAMPLED, "melodies/s"


def commands(device: torch.device, seconds: float) -> Iterator[Row]:
    """Yield how long commands take."""
    with tempfile.TemporaryDirectory() as folder:
        made = ["generate", "--count", "64", "--key", "C major", "--out", f"{folder}/melodies"]
        learned = ["learn", "--rule", "syncopation(0.3)", "--rounds", "2", "--out", f"{folder}/actor.safetensors"]
        for arguments in (made, learned):
            began = time.perf_counter()
            command = [sys.executable, "-m", "melodylc", *arguments, "--seed", "0", "--device", str(device)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            yield arguments[0], time.perf_counter() - began, "s"


def live(device: torch.device, seconds: float) -> Iterator[Row]:
    """Yield how soon the inference process of a session is ready, and answers."""
    began = time.perf_counter()
    worker = Worker(Setup(device=str(device)))
    try:
        while not worker.ready:
            worker.poll()
            if worker.fatal:
                raise SystemExit(f"live: {worker.fatal}")
            time.sleep(0.01)
        yield "live, until it is ready", time.perf_counter() - began, "s"
        took = []
        for number in range(ASKED):
            began = time.perf_counter()
            answers: list[Heard] = []
            worker.ask(Request(number, ControlValues(), number))
            while not answers:
                answers = worker.poll()
                time.sleep(0.0005)
            if not isinstance(answers[0], Answer):
                raise SystemExit(f"live: expected an answer, got {answers[0]}")
            took.append(time.perf_counter() - began)
        yield "live, a melody, median", sorted(took)[ASKED // 2] * 1e3, "ms"
        yield "live, a melody, longest", max(took) * 1e3, "ms"
    finally:
        worker.close()


def measured(device: torch.device, seconds: float, compiled: bool) -> Iterator[Row]:
    """Yield all rows of a device, with so many seconds for each."""
    torch.manual_seed(0)
    yield from products(device, seconds / 4)
    yield from melody_training(device, seconds, compiled)
    for name in SHAPES:
        yield from image_training(name, device, seconds / 2, compiled)
    yield from actor(device, seconds / 2)
    yield from sampling(device, seconds / 2)
    yield from commands(device, seconds)
    yield from live(device, seconds)


def operations() -> float:
    """Return the floating-point operations of a melody in a step of the paper preset."""
    preset = PRESETS["paper"]
    losses = Losses(MelodyVAE(preset.sizes), Processes(torch.device("cpu")))
    states = torch.randint(0, 129, (EXAMPLES, 256)).to(torch.uint8)
    return counted(lambda: losses(states, preset.stages[0], kl_weight=0.3)[0].backward()) / EXAMPLES


def main() -> None:
    """Print a row for each figure, the CPU's beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each row (20)")
    parser.add_argument("--compile", action="store_true", help="also time the trainings compiled by torch")
    options = parser.parse_args()
    with joined(options.device) as processes:
        device = processes.device
        print(torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU", f"torch {torch.__version__}")
        beside = (
            {what: much for what, much, _ in measured(torch.device("cpu"), min(options.seconds, 5.0), False)}
            if (device.type == "cuda")
            else {}
        )
        print("| what | here | CPU | unit |\n|---|---|---|---|")
        rows: dict[str, float] = {}
        for what, much, unit in measured(device, options.seconds, options.compile):
            rows.setdefault(what, much)
            print(f"| {what} | {much:,.3g} | {beside.get(what, float('nan')):,.3g} | {unit} |", flush=True)
        reached = rows["melody training, paper"] * operations() / 1e12
        print(f"melody training: {reached:.3g} TFLOP/s, {reached / rows['products in bf16']:.0%} of products in bf16")


if __name__ == "__main__":
    main()
