"""Icons: drawings under `resources/icons`, tinted with a colour of the theme."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from aae_studio import paths

SIDE = 16
SCALES = (1, 2, 3)


def icon(name: str, color: QColor) -> QIcon:
    """The icon called `name`; what is drawn in `currentColor` gets this colour."""
    text = paths.resource("icons", f"{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(text.replace("currentColor", color.name()).encode()))
    result = QIcon()
    for scale in SCALES:
        pixmap = QPixmap(SIDE * scale, SIDE * scale)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(pixmap.rect()))
        painter.end()
        pixmap.setDevicePixelRatio(scale)
        result.addPixmap(pixmap)
    return result


def application_icon() -> QIcon:
    """The Studio's own icon."""
    return QIcon(str(paths.resource("icons", "aae-studio.svg")))
