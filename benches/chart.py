"""A bar chart as SVG, by hand: panels below each other, in each a group of bars a test, two bars a group."""

from xml.sax.saxutils import escape

WIDTH, PANEL_HEIGHT, MARGIN_LEFT, MARGIN_TOP = 860, 230, 70, 44
PLOT_HEIGHT = 150
COLOURS = ("#9aa5b1", "#2f6fde")


def bars(panels, names: tuple[str, str], unit: str) -> str:
    """`panels` is a list of (title, [(label, first, second), …])."""
    height = MARGIN_TOP + PANEL_HEIGHT * len(panels)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
             f'height="{height}" font-family="system-ui, sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
             legend(names, unit)]
    for number, (title, groups) in enumerate(panels):
        parts.append(panel(title, groups, MARGIN_TOP + number * PANEL_HEIGHT))
    return "\n".join([*parts, "</svg>", ""])


def legend(names, unit: str) -> str:
    parts, x = [], MARGIN_LEFT
    for name, colour in zip(names, COLOURS):
        parts.append(f'<rect x="{x}" y="14" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 17}" y="24">{escape(name)}</text>')
        x += 120
    parts.append(f'<text x="{x}" y="24" fill="#555">{escape(unit)}; above each pair, Pika ÷ Redis</text>')
    return "\n".join(parts)


def panel(title: str, groups, top: int) -> str:
    base = top + 30 + PLOT_HEIGHT
    limit = max((value for _, *pair in groups for value in pair), default=1) * 1.15
    group_width = (WIDTH - MARGIN_LEFT - 20) / max(len(groups), 1)
    bar_width = min(group_width * 0.32, 46)
    parts = [f'<text x="{MARGIN_LEFT}" y="{top + 14}" font-weight="bold">{escape(title)}</text>']
    for step in range(5):
        value = limit * step / 4
        y = base - PLOT_HEIGHT * step / 4
        parts.append(f'<line x1="{MARGIN_LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e6ea"/>')
        parts.append(f'<text x="{MARGIN_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#555">{short(value)}</text>')
    for index, (label, first, second) in enumerate(groups):
        middle = MARGIN_LEFT + group_width * (index + 0.5)
        for value, x, colour in ((first, middle - bar_width, COLOURS[0]), (second, middle, COLOURS[1])):
            tall = PLOT_HEIGHT * value / limit
            parts.append(f'<rect x="{x:.1f}" y="{base - tall:.1f}" width="{bar_width - 2:.1f}" '
                         f'height="{tall:.1f}" fill="{colour}"/>')
        highest = base - PLOT_HEIGHT * max(first, second) / limit
        ratio = second / first if first else 0
        parts.append(f'<text x="{middle:.1f}" y="{highest - 4:.1f}" text-anchor="middle">{ratio:.2f}×</text>')
        parts.append(f'<text x="{middle:.1f}" y="{base + 16}" text-anchor="middle">{escape(label)}</text>')
    return "\n".join(parts)


def short(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.1f}M"
    return f"{value / 1e3:.0f}k" if value >= 1e3 else f"{value:.0f}"
