"""Layers: what overlays draw is painted piece by piece, and looks as if it had been painted at once."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui import theme as themes
from aae_studio.ui.canvas.layers import Layers, Piece
from aae_studio.ui.canvas.plane import View
from aae_studio.ui.canvas.scene import Stage
from aae_studio.ui.plugins import OVERLAYS
from aae_studio.ui.screenshot import offscreen_studio

SIZE = QSize(80, 60)


@pytest.fixture
def stage(qapp):
    return Stage(View(0.0, 0.0, 2.0), SIZE, themes.load("dark"), True, QColor("#c06030"))


def disc(drawn):
    """A piece's drawing: a half transparent disc where its answer says."""

    def draw(painter, answer, stage):
        drawn.append(answer)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(200, answer[0], 40, 120))
        painter.drawEllipse(QPointF(*answer), 20, 14)

    return draw


def picture(draw):
    image = QImage(SIZE, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor("#203040"))
    painter = QPainter(image)
    draw(painter)
    painter.end()
    return image


def greatest_difference(one, other):
    return max(
        abs(a - b)
        for x in range(SIZE.width())
        for y in range(SIZE.height())
        for a, b in zip(one.pixelColor(x, y).getRgb(), other.pixelColor(x, y).getRgb(), strict=True)
    )


def test_layers_look_like_what_is_drawn_at_once(stage):
    draw = disc([])
    answers = (30, 20), (40, 30), (55, 35)
    pieces = [Piece((str(answer), "draw"), answer, draw) for answer in answers]

    def at_once(painter):
        for answer in answers:
            draw(painter, answer, stage)

    layered = picture(lambda painter: Layers().draw(painter, pieces, stage, 1.0))
    # Blending twice rounds twice.
    assert greatest_difference(layered, picture(at_once)) <= 2


def test_a_picture_is_kept_until_there_is_another_answer_or_another_stage(stage):
    drawn, layers = [], Layers()
    draw, first, other = disc(drawn), (30, 20), (40, 30)
    one, two = Piece(("a", "draw"), first, draw), Piece(("b", "draw"), other, draw)
    picture(lambda painter: layers.draw(painter, [one, two], stage, 1.0))
    picture(lambda painter: layers.draw(painter, [one, two], stage, 1.0))
    assert drawn == [first, other]
    fresh = Piece(("a", "draw"), (50, 30), draw)
    picture(lambda painter: layers.draw(painter, [fresh, two], stage, 1.0))
    assert drawn == [first, other, (50, 30)]
    moved = Stage(stage.view.panned(0.1, 0.0), stage.size, stage.theme, stage.crisp, stage.color)
    picture(lambda painter: layers.draw(painter, [fresh, two], moved, 1.0))
    assert drawn == [first, other, (50, 30), (50, 30), other]


def test_several_pieces_of_news_come_one_by_one_but_never_on_another_stage(stage):
    drawn, layers = [], Layers()
    draw = disc(drawn)
    old = [Piece((name, "draw"), (place, 20), draw) for name, place in (("a", 10), ("b", 20), ("c", 30))]
    assert layers.one_of_several(old, stage) is None, "nothing is on show yet"
    picture(lambda painter: layers.draw(painter, old, stage, 1.0))
    assert layers.one_of_several(old, stage) is None
    new = [Piece(piece.key, (piece.answer[0] + 5, 20), draw) for piece in old]
    assert layers.one_of_several([new[0], *old[1:]], stage) is None, "one alone is drawn with the others"
    assert layers.one_of_several(new, stage) is new[0]
    layers.paint(new[0], stage, 1.0)
    assert layers.one_of_several(new, stage) is new[1]
    layers.paint(new[1], stage, 1.0)
    assert layers.one_of_several(new, stage) is None
    moved = Stage(stage.view.panned(0.1, 0.0), stage.size, stage.theme, stage.crisp, stage.color)
    assert layers.one_of_several(new, moved) is None


def test_a_canvas_paints_no_more_than_one_overlay_a_turn(qtbot, qapp, tmp_path, monkeypatch):
    painted = []
    paint = Layers.paint

    def counted(layers, piece, stage, ratio):
        painted[-1].append(piece.key[0])
        paint(layers, piece, stage, ratio)

    config = ExperimentConfig(models=("aae",), hidden=(16,))
    with offscreen_studio(config, tmp_path, (1000, 800), "dark", "en") as studio:
        bench, turns = studio.workbench, studio.window.turns
        for name in OVERLAYS.names():
            bench.display.show_overlay(name, True)
        with qtbot.waitSignal(bench.prepared, timeout=30_000):
            studio.start()
        canvas = studio.window.lanes["aae"].canvas
        asked = {(name, "aae") for name in canvas._overlays}
        qtbot.waitUntil(lambda: asked <= set(bench.questions.answers), timeout=30_000)
        studio.close_threads()
        turns.finish()
        canvas.grab()
        take = turns._take

        def turn():
            painted.append([])
            take()

        monkeypatch.setattr(Layers, "paint", counted)
        # The same answers, as if they were new.
        for key, answer in list(bench.questions.answers.items()):
            bench.questions.answers[key] = {"seen": answer}
        for overlay in canvas._overlays.values():
            monkeypatch.setattr(overlay, "draw", lambda p, a, s, draw=overlay.draw: draw(p, a["seen"], s))
            monkeypatch.setattr(
                overlay, "annotate", lambda p, a, s, draw=overlay.annotate: draw(p, a["seen"], s)
            )
        canvas.refresh()
        while turns._waiting:
            turn()
        assert {name for names in painted for name in names} == set(canvas._overlays)
        assert max(len(names) for names in painted) == 1
        # Nothing is left for the paint.
        painted.append([])
        canvas.grab()
        assert painted[-1] == []
