"""The form of the experiment's options, made from what the configuration and the plug-ins declare."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.errors import ConfigError, StudioError
from aae_studio.core.options import Option, Value
from aae_studio.core.registry import MODELS, PRIORS, Registry
from aae_studio.ui.option_editors import Choice
from aae_studio.ui.option_rows import Group, OptionRow, Section
from aae_studio.ui.plugins import PANELS
from aae_studio.ui.readout import Readout
from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import grouped, tr
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.datasets.base import Dataset


def groups_of(config: ExperimentConfig) -> list[Group]:
    """The sections for a configuration: the experiment's own, then each plug-in's that has options."""
    groups = [Group(tr("Experiment"), "", "", tuple((option.name, option) for option in OPTIONS))]
    for registry, name in config.plugins():
        try:
            plugin = registry.get(name)
        except StudioError:
            # The trainer meets the same fault and reports it.
            continue
        rows = tuple((f"{name}.{option.name}", option) for option in plugin.options if not option.panel)
        if rows:
            groups.append(
                Group(
                    _heading(registry, plugin),
                    plugin.color if registry is MODELS else "",
                    getattr(plugin, "short", ""),
                    rows,
                    always_live=registry is PRIORS,
                    hint=_hint(plugin.options),
                )
            )
    return groups


def _hint(options: tuple[Option, ...]) -> str:
    """Which panel has the options that have no row, if there are any."""
    panels = [option.panel for option in options if option.panel]
    return tr("More in the panel “{title}”.", title=tr(PANELS.get(panels[0]).title)) if panels else ""


def _heading(registry: Registry, plugin: type) -> str:
    title = tr(plugin.title)
    if registry is MODELS:
        return title
    return tr("Prior: {title}", title=title) if registry is PRIORS else tr("Dataset: {title}", title=title)


class DataRow(QWidget):
    """The dataset in use: title, image size and counts; the rest in its tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self._title, self._counts = QLabel(), QLabel()
        layout = QGridLayout(self, horizontalSpacing=6, verticalSpacing=2)
        layout.setContentsMargins(0, 0, 0, 2)
        layout.setColumnStretch(1, 1)
        for row, (name, value) in enumerate(((tr("Data"), self._title), (tr("Train + test"), self._counts))):
            label = QLabel(name)
            label.setProperty("muted", True)
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setWordWrap(True)
            layout.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            layout.addWidget(value, row, 1)

    def show_dataset(self, dataset: Dataset) -> None:
        """Show this dataset."""
        channels, height, width = dataset.image_shape
        size = f"{width}×{height}" + (f"×{channels}" if channels > 1 else "")
        train, test = len(dataset.train), len(dataset.test)
        title = tr(dataset.title)
        self._title.setText(f"{title} {size}")
        self._counts.setText(f"{grouped(train)} + {grouped(test)}")
        split = tr("{train} images to train on, {test} to test with.", train=train, test=test)
        classes = tr("Classes: {names}", names=", ".join(tr(name) for name in dataset.classes))
        source = tr("Source: {source}", source=tr(dataset.attribution)) if dataset.attribution else ""
        explain(self, f"{title} · {tr(dataset.summary)}", split, classes, source)
        self.setAccessibleName(f"{tr('Data')}: {title} {size}. {split}")


class RateNow(QWidget):
    """The learning rate of the next step, where it is not the one that was chosen."""

    def __init__(self, workbench: Workbench, theme: Theme) -> None:
        super().__init__()
        self._bench = workbench
        label = QLabel(tr("Rate now"))
        label.setProperty("muted", True)
        self.value = Readout(theme.color("text"), fixed_font(12), "0.0000", Qt.AlignmentFlag.AlignRight)
        self.value.setAccessibleName(tr("Rate now"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label)
        layout.addWidget(self.value, 1)
        for part in (label, self.value):
            explain(part, tr("The learning rate of the next step, as the decay has it."))
        workbench.progressed.connect(self._follow)
        workbench.prepared.connect(self._follow)
        workbench.configured.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        config = self._bench.config
        self.setVisible(config.rate_decay > 0)
        self.value.setText(f"{config.rate_at(self._bench.step):.2g}")


class OptionsForm(QWidget):
    """Shows the options of the configuration that was asked for, and changes them on the workbench.

    Plug-ins are looked at only after the trainer has brought up the first experiment, because their
    files import torch.
    """

    def __init__(self, workbench: Workbench, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench, self._theme = workbench, theme
        self._sections: list[Section] = []
        # Sections whose rare options are on show, by the key of their first option; also those that left.
        self.unfolded: set[str] = set()
        self._opened = False
        self._loading = QLabel(tr("Loading…"))
        self._loading.setProperty("muted", True)
        self._data = DataRow()
        self._data.hide()
        content = QWidget()
        self._column = QVBoxLayout(content, spacing=0)
        self._column.setContentsMargins(10, 8, 6, 8)
        self._column.addWidget(self._loading)
        self._column.addStretch(1)
        self._scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(content)
        content.installEventFilter(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._scroll)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        workbench.configured.connect(self._show)
        workbench.prepared.connect(self._open)
        # A first experiment that cannot be is mended here too.
        workbench.failed.connect(self._on_failed)
        if workbench.snapshot is not None:
            self._open()

    def unfold(self, names: set[str]) -> None:
        """Show the rare options of these sections, as another form does whose `unfolded` they are."""
        self.unfolded = set(names)
        for section in self._sections:
            section.more.setChecked(section.name in names)

    @property
    def rows(self) -> dict[str, OptionRow]:
        """The rows by the key that `Workbench.configure` takes."""
        return {key: row for section in self._sections for key, row in section.rows.items()}

    def _open(self) -> None:
        self._opened = True
        self._loading.hide()
        self._show()
        if self._workbench.snapshot is not None:
            self._data.show_dataset(self._workbench.snapshot.dataset)
            self._data.show()

    def _show(self) -> None:
        if not self._opened:
            return
        asked = self._workbench.asked
        groups = groups_of(asked)
        if groups != [section.group for section in self._sections]:
            self._arrange(groups)
        for key, row in self.rows.items():
            if not row.editor.editing:
                row.show_value(self._value(asked, key))

    def _value(self, config: ExperimentConfig, key: str) -> Value:
        if "." not in key:
            return getattr(config, key)
        return config.options.get(key, self.rows[key].editor.option.default)

    def _arrange(self, groups: list[Group]) -> None:
        """Put up the sections; those that stay keep their widgets, and with them the focus."""
        there = {section.group: section for section in self._sections}
        self._sections = [there.pop(group, None) or self._new_section(group) for group in groups]
        for section in there.values():
            self._column.removeWidget(section)
            section.hide()
            section.deleteLater()
        for place, section in enumerate(self._sections):
            self._column.insertWidget(place, section)
        for before, after in pairwise(stop for section in self._sections for stop in section.stops()):
            QWidget.setTabOrder(before, after)
        widest = max((row.needed for row in self.rows.values()), default=0)
        for row in self.rows.values():
            row.editor.setFixedWidth(widest)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Only now it is known how wide new rows are. Nothing may be cut: the dock cannot be narrower than
        # the widest row and the scroll bar.
        if event.type() == QEvent.Type.LayoutRequest:
            width = self._scroll.widget().minimumSizeHint().width()
            self.setMinimumWidth(width + self._scroll.verticalScrollBar().sizeHint().width())
        return super().eventFilter(watched, event)

    def _new_section(self, group: Group) -> Section:
        section = Section(group, self._theme)
        section.chosen.connect(self._choose)
        section.more.setChecked(section.name in self.unfolded)
        section.unfolded.connect(self._note_unfolded)
        if "device" in section.rows:
            section.body.insertWidget(1, self._data)
            self._grey_devices(section.rows["device"])
        if "rate_decay" in section.rows:
            place = section.body.indexOf(section.rows["rate_decay"])
            section.body.insertWidget(place + 1, RateNow(self._workbench, self._theme))
        return section

    def _note_unfolded(self, name: str, open_: bool) -> None:
        (self.unfolded.add if open_ else self.unfolded.discard)(name)

    def _grey_devices(self, row: OptionRow) -> None:
        from aae_studio.core.compute import available_devices

        assert isinstance(row.editor, Choice)
        missing = set(row.editor.option.choices) - set(available_devices())
        row.editor.grey_out(
            {name: tr("This machine (or this build of torch) has no {name}.", name=name) for name in missing}
        )

    def _choose(self, key: str, value: Value) -> None:
        row = self.rows.get(key)
        if row is None:
            # Its section leaves, and took the focus from it.
            return
        try:
            self._workbench.configure(**{key: value})
        except StudioError as fault:
            self._refuse(row, fault)
        else:
            row.show_value(value)

    def _on_failed(self, fault: StudioError) -> None:
        self._open()
        if isinstance(fault, ConfigError) and fault.field in self.rows:
            self._refuse(self.rows[fault.field], fault)

    def _refuse(self, row: OptionRow, fault: StudioError) -> None:
        """Say what is wrong; show the old value again, unless the user is still entering another."""
        if not row.editor.editing:
            row.show_value(self._value(self._workbench.asked, row.key))
        values = {**fault.values, "field": row.name} if isinstance(fault, ConfigError) else fault.values
        row.mark(tr(fault.template, **values))
