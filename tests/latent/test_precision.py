import torch

from melodylc.latent.precision import half_precision


def test_a_card_that_only_emulates_bf16_computes_in_full_precision(monkeypatch):
    for native in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True, has=native: has or including_emulation
        )
        assert half_precision(torch.device("cuda"))._enabled is native
