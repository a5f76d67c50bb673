"""Questions: what panels and overlays want to know of each snapshot, and what it came to."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

from aae_studio.ui.survey_thread import Question, Survey


class Questions(Mapping[Hashable, Question]):
    """The questions that are asked of every snapshot, by key.

    `answers` holds what they came to last, `unanswered` the keys of what was asked, or asked in other words,
    since then. `hurry` is called when one shall not wait for the next snapshot.
    """

    def __init__(self, hurry: Callable[[], None]) -> None:
        self.answers: dict[Hashable, Any] = {}
        self.unanswered: set[Hashable] = set()
        self._asked: dict[Hashable, Question] = {}
        self._hurry = hurry

    def __getitem__(self, key: Hashable) -> Question:
        return self._asked[key]

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._asked)

    def __len__(self) -> int:
        return len(self._asked)

    def ask(self, key: Hashable, question: Question, soon: bool = True) -> None:
        """Have a question answered for the newest snapshot, and for each later one until `drop`.

        It is called in the survey thread; what it gives is in `answers` when the workbench says `surveyed`.
        Without `soon` it waits for the next snapshot.
        """
        self._asked[key] = question
        self.unanswered.add(key)
        if soon:
            self._hurry()

    def drop(self, key: Hashable) -> None:
        """Ask this no longer, and forget the answer."""
        self._asked.pop(key, None)
        self.answers.pop(key, None)
        self.unanswered.discard(key)

    def take(self, survey: Survey) -> None:
        """Keep the answers to what is still asked."""
        self.answers.update({key: answer for key, answer in survey.answers.items() if key in self})
        self.unanswered -= {key for key in survey.answers if self.get(key) is survey.questions[key]}

    def clear(self) -> None:
        """Forget all: the answers were about models that are gone."""
        self._asked.clear()
        self.answers.clear()
        self.unanswered.clear()
