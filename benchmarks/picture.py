"""Draws a bar chart of the results with 8 clients, as SVG."""

from html import escape

from benchmarks.figures import Figures

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 340, 50, 280, 50
BARS = (("plain Flask", 8, "#b0b7bf"), ("Mayfly", 8, "#2f7d5b"))
ALONE = ("PostgreSQL alone", 4)


def bars(figures: Figures) -> str:
    """Return the chart: requests a second as a share of those of PostgreSQL alone in the same round."""
    columns = figures.columns()
    shares = {
        (subject, column): figures.ratio((subject, *column, clients), (ALONE[0], *column, ALONE[1])) or 0.0
        for subject, clients, _ in BARS
        for column in columns
    }
    top = max(1.0, *shares.values())
    parts = [*_frame(top), *_legend()]
    step = (WIDTH - LEFT - 20) / len(columns)
    for place, column in enumerate(columns):
        left = LEFT + place * step
        parts.append(_text(left + step / 2, BOTTOM + 20, " ".join(column), "middle"))
        for number, (subject, _, colour) in enumerate(BARS):
            share = shares[subject, column]
            tall, x = (BOTTOM - TOP) * share / top, left + step * (0.16 + 0.36 * number)
            parts.append(
                f'<rect x="{x:.1f}" y="{BOTTOM - tall:.1f}" width="{step * 0.32:.1f}" height="{tall:.1f}" '
                f'fill="{colour}"/>'
            )
            parts.append(_text(x + step * 0.16, BOTTOM - tall - 5, f"{share:.0%}", "middle"))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


def _frame(top: float) -> list[str]:
    whole = BOTTOM - (BOTTOM - TOP) / top
    right = WIDTH - 20
    return [
        _text(LEFT, 22, "Requests a second, 8 clients, as a share of PostgreSQL alone"),
        f'<line x1="{LEFT}" y1="{BOTTOM}" x2="{right}" y2="{BOTTOM}" stroke="black"/>',
        f'<line x1="{LEFT}" y1="{whole:.1f}" x2="{right}" y2="{whole:.1f}" stroke="black" stroke-dasharray="4 4"/>',
        _text(LEFT - 6, whole + 4, "100%", "end"),
        _text(LEFT - 6, BOTTOM + 4, "0", "end"),
    ]


def _legend() -> list[str]:
    parts = []
    for number, (subject, _, colour) in enumerate(BARS):
        x = LEFT + number * 130
        parts.append(f'<rect x="{x}" y="{HEIGHT - 22}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(x + 18, HEIGHT - 12, subject))
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
