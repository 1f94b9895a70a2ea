"""The attributes of CelebA's faces: the paper's ten, or a choice among all forty."""

from __future__ import annotations

from melodylc.base.errors import UserError
from vision.data.images import LabelNames

NAMES = """
    5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair
    Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male
    Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks
    Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace
    Wearing_Necktie Young
""".split()  # noqa: SIM905 - forty words are easier to read without their quotes

# The ten of section 9.1; a minus takes the complement: facial hair is the opposite of No_Beard.
ATTRIBUTES = (
    ("bald", "Bald"),
    ("black hair", "Black_Hair"),
    ("blond hair", "Blond_Hair"),
    ("brown hair", "Brown_Hair"),
    ("eyeglasses", "Eyeglasses"),
    ("male", "Male"),
    ("facial hair", "-No_Beard"),
    ("smiling", "Smiling"),
    ("hat", "Wearing_Hat"),
    ("young", "Young"),
)
# of which a face has one at the most; a quarter of the bald have gray hair
ALTERNATIVES = (
    ("bald", "black hair", "blond hair", "brown hair"),
    ("black hair", "blond hair", "brown hair", "gray hair"),
)
# table 3, the columns of figures
FIGURE_LABELS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("blond hair", (0, 0, 1, 0, 0, 0, 0, 1, 0, 1)),
    ("brown hair", (0, 0, 0, 1, 0, 0, 0, 1, 0, 1)),
    ("black hair", (0, 1, 0, 0, 0, 0, 0, 1, 0, 1)),
    ("male", (0, 1, 0, 0, 0, 1, 0, 1, 0, 1)),
    ("facial hair", (0, 1, 0, 0, 0, 1, 1, 1, 0, 1)),
    ("eyeglasses", (0, 1, 0, 0, 1, 1, 1, 1, 0, 1)),
    ("bald", (1, 0, 0, 0, 0, 1, 1, 1, 0, 1)),
    ("aged", (1, 0, 0, 0, 0, 1, 1, 0, 0, 0)),
)


def _all_forty() -> dict[str, tuple[str, bool]]:
    """Return, by CelebA's names, ours and whether the two mean the same; those beyond the ten only lose their marks."""
    ten = {given.lstrip("-"): (name, not given.startswith("-")) for name, given in ATTRIBUTES}
    return {given: ten.get(given, (given.replace("_", " ").lower(), True)) for given in NAMES}


MEANINGS = _all_forty()


def label_names(chosen: str | None = None) -> LabelNames:
    """Return the attributes that a text chooses, names of CelebA or ours between commas, in its order; or the ten.

    Raises:
        UserError: for a name that is neither, and for an attribute that is named twice.
    """
    attributes = tuple(name for name, _ in ATTRIBUTES) if chosen is None else _chosen(chosen)
    figure_labels = FIGURE_LABELS
    if attributes != tuple(name for name, _ in ATTRIBUTES):  # one after the other, as table 3 has them all
        figure_labels = tuple((name, tuple(int(name == other) for other in attributes)) for name in attributes)
    groups = [tuple(name for name in group if name in attributes) for group in ALTERNATIVES]
    return LabelNames(
        attributes=attributes,
        exclusive=False,
        figure_labels=figure_labels,
        aliases={given: meant for given, meant in MEANINGS.items() if meant[0] in attributes},
        alternatives=tuple(
            group
            for at, group in enumerate(groups)
            if len(group) > 1 and not any(set(group) <= set(other) for other in groups[:at])
        ),
    )


def _chosen(text: str) -> tuple[str, ...]:
    known = {name.casefold(): name for name, _ in MEANINGS.values()}
    known |= {given.replace("_", " ").casefold(): name for given, (name, _) in MEANINGS.items()}
    found: list[str] = []
    for part in text.split(","):
        name = " ".join(part.replace("_", " ").split()).casefold()
        if name not in known:
            raise UserError(
                f"--attributes: expected names of CelebA's attributes between commas, got {part.strip()!r}; "
                f"they are {', '.join(NAMES)}"
            )
        if known[name] in found:
            raise UserError(f"--attributes: {known[name]} is named twice in {text!r}")
        found.append(known[name])
    return tuple(found)
