"""A picture of what requests cost."""

import pygal
from pygal.style import CleanStyle

import config

PICTURE = config.ROOT / "docs" / "performance.svg"


def draw(bars: dict[str, list[float]]) -> None:
    """Draw the service's CPU time of each request beside the floor's, in milliseconds."""
    chart = pygal.Bar(
        title="CPU time of a request, in milliseconds",
        style=CleanStyle(background="white", plot_background="white"),
        print_values=True,
        print_values_position="top",
        show_y_guides=False,
        legend_at_bottom=True,
        formatter=lambda value: f"{value:.2f}",
        js=(),
        no_prefix=True,  # it is random, so each drawing would change the whole file
        width=800,
        height=400,
    )
    chart.x_labels = bars
    for name, values in zip(("service", "floor"), zip(*bars.values(), strict=True), strict=True):
        chart.add(name, values)
    chart.render_to_file(str(PICTURE))
