"""Icons: drawings under `resources/icons`, tinted with a colour of the theme."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from aae_studio import paths

SIDE = 16
SCALES = (1, 2, 3)


def icon(name: str, color: QColor, disabled: QColor) -> QIcon:
    """The icon called `name`: what is drawn in `currentColor` gets the first colour, or the second where the
    button is disabled."""
    text = paths.resource("icons", f"{name}.svg").read_text(encoding="utf-8")
    result = QIcon()
    for mode, tint in ((QIcon.Mode.Normal, color), (QIcon.Mode.Disabled, disabled)):
        renderer = QSvgRenderer(QByteArray(text.replace("currentColor", tint.name()).encode()))
        for scale in SCALES:
            result.addPixmap(_drawn(renderer, scale), mode)
    return result


def _drawn(renderer: QSvgRenderer, scale: int) -> QPixmap:
    pixmap = QPixmap(SIDE * scale, SIDE * scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(pixmap.rect()))
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    return pixmap


def application_icon() -> QIcon:
    """The Studio's own icon."""
    return QIcon(str(paths.resource("icons", "aae-studio.svg")))
