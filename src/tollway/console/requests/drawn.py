"""A request's life as SVG: a lane an attempt, time to the right.

Rules
1. It repeats in colour what the table beside it says; each part has its words as a title.
2. Nothing is styled in place: the page's policy refuses it.
"""

from tollway.console.requests.life import Lane, Life, seconds
from tollway.web.charts import Scale, ticks
from tollway.web.markup import element, words

WIDTH, LEFT, RIGHT, TOP = 720, 132, 20, 12
LANE, BAR, FOOT = 34, 18, 26
_LONGEST_NAME = 19


def drawn(life: Life) -> str:
    """The picture; empty where nothing is known."""
    if not life.lanes or life.until <= 0:
        return ""
    height = TOP + LANE * len(life.lanes) + FOOT
    scale = Scale(0.0, life.until, LEFT, WIDTH - RIGHT)
    parts = [_time(life.until, scale, height)]
    parts += [_lane(lane, TOP + LANE * at, scale) for at, lane in enumerate(life.lanes)]
    title = "The request's life: " + "; ".join(
        f"{mark.words} at {seconds(mark.at)}" for mark in life.marks
    )
    return element(
        "svg",
        element("title", words(title)),
        *parts,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        class_="life",
    )


def _time(until: float, scale: Scale, height: int) -> str:
    parts: list[str] = []
    for at in ticks(0.0, until):
        if at > until:
            continue
        x = f"{scale(at):.1f}"
        parts.append(element("line", x1=x, x2=x, y1=TOP, y2=height - FOOT, class_="grid"))
        parts.append(element("text", words(seconds(at)), x=x, y=height - 8, class_="mid"))
    return "".join(parts)


def _lane(lane: Lane, top: int, scale: Scale) -> str:
    name = lane.name if len(lane.name) <= _LONGEST_NAME else lane.name[: _LONGEST_NAME - 1] + "…"
    parts = [element("text", words(name), x=LEFT - 8, y=top + LANE / 2 + 4, class_="end")]
    for one in lane.stretches:
        start, end = scale(one.start), scale(one.end)
        parts.append(
            element(
                "rect",
                element("title", words(one.words)),
                x=f"{start:.1f}",
                y=top + (LANE - BAR) / 2,
                width=f"{max(end - start, 4.0 if one.kind == 'failed' else 1.5):.1f}",
                height=BAR,
                class_=one.kind,
            )
        )
    return "".join(parts)
