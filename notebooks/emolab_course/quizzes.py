"""The quiz at the end of a notebook: `quiz("03")`. Every choice opens its own explanation; nothing is sent anywhere.

The questions of notebook 03 are in `quiz/03.toml`. The page is plain HTML without a script, so it works in JupyterLab,
in an exported page and on the site, with a keyboard as well as with a mouse.
"""

from __future__ import annotations

import hashlib
import html
import tomllib
from dataclasses import dataclass
from pathlib import Path

from emolab.errors import EmolabError

FOLDER = Path(__file__).with_name("quiz")
LETTERS = "ABCDEF"
STYLE = (
    "<style>.emolab-quiz{max-width:44rem;line-height:1.5}.emolab-quiz fieldset{border:1px solid #8887;"
    "border-radius:6px;margin:0 0 1em;padding:.6em 1em}.emolab-quiz legend{padding:0 .4em;font-weight:600}"
    ".emolab-quiz details{margin:.3em 0;padding:.1em .5em;border-left:3px solid #8886}"
    ".emolab-quiz details[open].right{border-left-color:#14817b}.emolab-quiz details[open].wrong"
    "{border-left-color:#c2452d}.emolab-quiz summary{cursor:pointer}.emolab-quiz details p{margin:.3em 0 .5em 1.2em}"
    "</style>"
)


@dataclass(frozen=True)
class Choice:
    """One choice: its text, whether it is right, and why."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question and its choices, of which exactly one is right."""

    asks: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Quiz:
    """The questions of a notebook. It shows itself as HTML in a notebook, and as text in a terminal."""

    notebook: str
    questions: tuple[Question, ...]

    def _repr_html_(self) -> str:
        parts = [_question(number, question) for number, question in enumerate(self.questions, 1)]
        lead = "<p>Open the answer that you take for the right one. Each answer explains itself.</p>"
        return f'{STYLE}<div class="emolab-quiz">{lead}{"".join(parts)}</div>'

    def __repr__(self) -> str:
        lines = []
        for number, question in enumerate(self.questions, 1):
            lines.append(f"{number}. {question.asks}")
            lines += [f"   {letter}  {choice.text}" for letter, choice in lettered(question)]
        return "\n".join(lines)


def quiz(notebook: str) -> Quiz:
    """The quiz of a notebook such as "03". Raises EmolabError where it has none."""
    path = FOLDER / f"{notebook}.toml"
    if not path.is_file():
        raise EmolabError(f"notebook {notebook} has no quiz; there are {', '.join(names())}")
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["question"]
    questions = (Question(row["asks"], tuple(Choice(**choice) for choice in row["choices"])) for row in rows)
    return Quiz(notebook, tuple(questions))


def names() -> list[str]:
    """The notebooks that have a quiz, in reading order."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def lettered(question: Question) -> list[tuple[str, Choice]]:
    """The choices with their letters, in an order that depends on nothing but their texts."""
    ordered = sorted(question.choices, key=lambda choice: hashlib.sha256(choice.text.encode()).digest())
    return list(zip(LETTERS, ordered, strict=False))


def _question(number: int, question: Question) -> str:
    choices = "".join(
        f'<details class="{"right" if choice.right else "wrong"}">'
        f"<summary>{letter}. {html.escape(choice.text)}</summary>"
        f"<p><b>{'Right.' if choice.right else 'No.'}</b> {html.escape(choice.why)}</p></details>"
        for letter, choice in lettered(question)
    )
    return f"<fieldset><legend>{number}</legend><div>{html.escape(question.asks)}</div>{choices}</fieldset>"
