"""What people call the things that ImageNet's labels name: synonyms, and the kind that a breed or model is of."""

from __future__ import annotations

from functools import lru_cache

from photoidx.indexer.embedders.imagenet import class_names

# The labels name 118 breeds of dogs, and none is called a dog. ImageNet's classes stand in the order of WordNet's tree,
# so that most kinds are runs of numbers: (first, last).
_KINDS: dict[str, tuple[tuple[int, int], ...]] = {
    "animal": ((0, 50), (52, 68), (70, 397)),
    "fish": ((0, 6), (389, 397)),
    "bird": ((7, 24), (80, 100), (127, 146)),
    "frog": ((30, 32),),
    "turtle": ((33, 37),),
    "lizard": ((38, 48),),
    "snake": ((52, 68),),
    "spider": ((72, 77),),
    "crab": ((118, 121), (125, 125)),
    "whale": ((147, 148),),
    "dog": ((151, 268),),
    "wolf": ((269, 271),),
    "fox": ((277, 280),),
    "cat": ((281, 285),),
    "bear": ((294, 297),),
    "insect": ((300, 326),),
    "beetle": ((300, 307),),
    "butterfly": ((321, 326),),
    "rabbit": ((330, 332),),
    "ape": ((365, 369),),
    "monkey": ((370, 382),),
    "elephant": ((101, 101), (385, 386)),
    "horse": ((339, 339), (603, 603)),
    "airplane plane": ((404, 404), (895, 895)),
    "bicycle bike": ((444, 444), (671, 671)),
    "boat": (
        (472, 472),
        (484, 484),
        (554, 554),
        (576, 576),
        (625, 625),
        (780, 780),
        (814, 814),
        (871, 871),
        (914, 914),
    ),
    "ship": ((403, 403), (510, 510), (628, 628), (724, 724), (780, 780)),
    "car": ((407, 407), (436, 436), (468, 468), (511, 511), (609, 609), (627, 627), (656, 656), (661, 661), (817, 817)),
    "truck": ((555, 555), (569, 569), (675, 675), (717, 717), (864, 864), (867, 867)),
    "train": ((466, 466), (547, 547), (820, 820)),
    "food": ((924, 957), (959, 969)),
    "fruit": ((948, 957),),
    "vegetable": ((936, 946),),
    "mountain": ((970, 970), (980, 980)),
    "beach": ((977, 978),),
    "flower": ((985, 986),),
    "mushroom": ((991, 997),),
}


@lru_cache(maxsize=1)
def label_texts() -> dict[str, str]:
    """Return for each label of the default embedder its text to be searched: `beacon (lighthouse, pharos)`.

    The synonyms are WordNet's.
    """
    kinds: dict[str, dict[str, None]] = {}
    for number, (label, *synonyms) in enumerate(class_names()):
        of = [kind for kind, runs in _KINDS.items() if _within(number, runs)]
        kinds.setdefault(label, {}).update(dict.fromkeys((*synonyms, *of)))
    return {label: f"{label} ({', '.join(others)})" if others else label for label, others in kinds.items()}


def _within(number: int, runs: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= number <= last for first, last in runs)
