"""Make the README's pictures and GIF from the program itself, without a screen.

Usage: python packaging/make_media.py [folder]          (default: docs/images)
"""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QBuffer, QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from aae_studio import paths
from aae_studio.core.config import ExperimentConfig
from aae_studio.ui.app import Studio
from aae_studio.ui.screenshot import offscreen_studio, screenshot

SIZE, GIF_WIDTH = (1280, 800), 860
TRAINING_FRAMES, STEPS_PER_FRAME, DRAG_FRAMES = 22, 20, 36


def grabbed(studio: Studio) -> Image.Image:
    """The window as a small picture of few colours."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    studio.window.grab().save(buffer, "PNG")
    picture = Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGB")
    return picture.resize((GIF_WIDTH, round(GIF_WIDTH * SIZE[1] / SIZE[0])), Image.Resampling.LANCZOS)


def train(studio: Studio, steps: int) -> None:
    """Train so many steps and wait until they are on show."""
    bench = studio.workbench
    goal = bench.step + steps
    bench.train(steps)
    while bench.findings.step < goal:
        QApplication.processEvents()
    studio.window.catch_up()
    QApplication.processEvents()


def drag(studio: Studio, kind: QEvent.Type, share: float) -> None:
    """Move the mouse, its button down, along a closed path through the AAE's plane."""
    canvas = studio.window.lanes["aae"].canvas
    reach = 0.33 * min(canvas.width(), canvas.height())
    angle = 2 * math.pi * share
    at = QPointF(
        canvas.width() / 2 + reach * math.sin(angle), canvas.height() / 2 + reach * math.sin(2 * angle) * 0.8
    )
    left = Qt.MouseButton.LeftButton
    event = QMouseEvent(kind, at, QPointF(canvas.mapToGlobal(at)), left, left, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas, event)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    frames: list[Image.Image] = []
    with offscreen_studio(ExperimentConfig(), paths.data_dir(), SIZE, "dark", "en") as studio:
        studio.start()
        while studio.workbench.snapshot is None or studio.window.loss_plots is None:
            QApplication.processEvents()
        for _ in range(TRAINING_FRAMES):
            train(studio, STEPS_PER_FRAME)
            frames.append(grabbed(studio))
        drag(studio, QEvent.Type.MouseButtonPress, 0)
        for frame in range(DRAG_FRAMES):
            drag(studio, QEvent.Type.MouseMove, frame / DRAG_FRAMES)
            frames.append(grabbed(studio))
    palette = frames[-1].quantize(128)
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    small[0].save(
        folder / "tour.gif", save_all=True, append_images=small[1:], duration=110, loop=0, optimize=True
    )
    config = ExperimentConfig()
    screenshot(config, paths.data_dir(), 1200, folder / "studio.png", (1600, 1000), "dark", "en")
    inside = ("holes", "field", "step")
    screenshot(config, paths.data_dir(), 1200, folder / "inside.png", (1600, 1000), "dark", "en", show=inside)


if __name__ == "__main__":
    main()
