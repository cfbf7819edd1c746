"""Slots of fragments put together: each numbered so that it stands for a value of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from finetune.fill import SLOT

PLACES = frozenset("rows of noun ask short group groups columns best rank limit pred pre post value".split())
"""Placeholders that the composer fills itself."""


@dataclass
class Slots:
    """Numbers the slots of fragments anew, so that two fragments with ``{city}`` speak of two cities."""

    used: Counter[str] = field(default_factory=Counter)

    def apart(self, *texts: str) -> list[str]:
        """The texts of one fragment, their slots numbered past those already used."""
        own: dict[str, str] = {}
        for kind, number in (m.groups() for text in texts for m in SLOT.finditer(text)):
            if kind + number not in own and kind not in PLACES:
                self.used[kind] += 1
                own[kind + number] = kind + (str(self.used[kind]) if self.used[kind] > 1 else "")
        return [SLOT.sub(lambda m: f"{{{own.get(m[1] + m[2], m[1] + m[2])}}}", text) for text in texts]
