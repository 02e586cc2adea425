#!/usr/bin/env python3
"""Writes the text and test sets of ../mini-text.toml beside itself: two invented languages, nobody's words.

Some lines come twice, some are lines of the test sets, some are short: cleaning has something to do.
"""
import random
from pathlib import Path

HERE = Path(__file__).parent
SYLLABLES = {"en": "ba lo ri men ta sho ve dun ki pa".split(), "sw": "nga mwe zi ku to ra hi po sa ye".split()}
NAMES = ["Dorma", "Velin", "Tasko", "Mirra"]


def lexicon(language):
    draw = random.Random(f"lexicon {language}")
    return ["".join(draw.choices(SYLLABLES[language], k=draw.choice((1, 2, 2, 3)))) for _ in range(150)]


def sentence(draw, words):
    length = draw.randint(4, 12)
    chosen = [words[min(int(draw.expovariate(0.03)), len(words) - 1)] for _ in range(length)]
    return " ".join(chosen).capitalize() + "."


def put(name, lines):
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


for language in SYLLABLES:
    words = lexicon(language)
    draw = random.Random(f"text {language}")
    parallel = [sentence(draw, words) for _ in range(24)]
    put(f"parallel/{language}.txt", parallel)
    lines = []
    for document in range(60):
        lines += [sentence(draw, words) for _ in range(draw.randint(2, 8))]
        if document % 5 == 0:
            lines.append("Home | Contact | 20%02d" % document)  # the same line but for digits
        if document % 12 == 0:
            lines.append(parallel[document // 12])
        lines.append("")
    put(f"text/{language}.txt", lines)
    put(f"verses/{language}.tsv", [f"v.{n}\t{sentence(draw, words)}" for n in range(1, 81)])
    for split, count in (("train", 60), ("dev", 18), ("test", 18)):
        rows = []
        for number in range(count):
            premise = sentence(draw, words)
            label = ("contradiction", "neutral", "entailment")[number % 3]
            hypothesis = premise if label == "entailment" else sentence(draw, words)
            rows.append(f"{premise}\t{hypothesis}\t{label}")
        if split != "train" or language == "en":
            put(f"nli/{split}-{language}.tsv", rows)
    for split, count in (("train", 40), ("dev", 24)):
        rows = []
        for _ in range(count):
            for word in sentence(draw, words).rstrip(".").split():
                rows.append(f"{word}\tO")
                if draw.random() < 0.15:
                    rows.append(f"{draw.choice(NAMES)}\tB-PER")
            rows.append("")
        if split != "train" or language == "en":
            put(f"ner/{split}-{language}.tsv", rows)
