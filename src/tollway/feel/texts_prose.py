"""Prose to read as it streams: questions and their answers."""

PROSE: tuple[tuple[str, str], ...] = (
    (
        "Why do harbour towns keep their old lighthouses?",
        """\
A lighthouse that no longer guides anyone is an odd thing to pay for. The lens is a museum piece, \
the keeper's stairs need paint every third summer, and any skipper with a telephone knows the \
channel better than the lamp ever did. And yet almost no town that has one lets it go.

Part of the reason is plain thrift. A tower of dressed stone, two hundred feet above the tide, is \
the most expensive object that most villages ever built, and pulling it down costs more than \
leaving it. But thrift does not explain the light itself. Towns that could have let the lamp go \
dark have instead replaced it, twice and three times, first with paraffin, then with a filament, \
then with a cluster of diodes the size of a café saucer, each dimmer to the eye and brighter on \
the chart.

What the light does now is closer to what a clock on a square does. It tells people where they \
are in something larger than their own errand. A fisherman who has come round the point ten \
thousand times does not need to be told that the point is there; what he gets, every eight seconds, \
is a small confirmation that somebody on land is keeping an appointment with him. Nobody planned \
for that, and no budget names it.

There is an engineering lesson in it, too. The parts of a system that people trust are seldom \
the parts that do the most work. They are the parts that behave the same way every night, in fog \
and in clear weather, whether or not anybody is looking. Take such a part away and nothing breaks \
on the first day. On the hundredth, people begin to check things that they never used to check.

So the towns go on painting the stairs. Ask the council why, and you will hear about visitors and \
heritage, which is true as far as it goes. Ask the man with the brush, and he will say that it \
would be strange to look up and not see it.
""",
    ),
    (
        "Explain to a new colleague why averages mislead when one speaks of waiting.",
        """\
Suppose two bakeries each serve a customer in four minutes on average. In the first, everybody \
waits four minutes. In the second, nine people in ten are served at once and the tenth waits for \
forty. Their averages are the same, and nobody who has stood in both queues would call them alike.

Waiting is felt at the edges. The visits that pass smoothly leave no memory at all; the one on \
which you stood there, looking at the back of somebody's coat, is the one that you tell at home. \
If the second bakery has a regular who comes each morning, then within a week she has met the \
forty minutes at least once with even odds, and within a fortnight she has an opinion about the place.

That is why people who run services speak of percentiles. The median says what an ordinary visit \
is like. The ninetieth percentile says what one visit in ten is worse than, which for anybody who \
comes daily means a few times each month. The ninety-ninth sounds like a rarity and is not: a page \
that asks twenty things of twenty services meets somebody's hundredth request on every fifth view.

Averages have a second habit that is worse. They let you trade one person's time for another's \
without noticing. Make a thousand quick answers a hundredth of a second quicker, and you have paid, \
on paper, for ten seconds of somebody else's silence. No one whose screen stood still will feel \
repaid, naïve as it sounds to say so.

So write down three numbers rather than one: what is usual, what is bad, and how often the bad \
comes. Then look at the shape behind them, because two humps in a histogram are two stories, and \
the average lies in the valley between them, where hardly anybody ever was.
""",
    ),
    (
        "Tell me something about bridges that most people walk over without noticing.",
        """\
Look for the gap. Somewhere near the end of almost every bridge there is a narrow comb of steel \
teeth set across the road, and cars go over it with a short double knock. That comb is where the \
bridge is allowed to move.

A steel deck a kilometre long grows by about half a metre between a hard frost and a hot \
afternoon. Nothing can stop it. Early builders tried, with thicker piers and heavier anchors, and \
the bridge answered by cracking whatever held it. The change came when somebody stopped asking how to \
hold the deck still and asked instead where the movement should go. One end is pinned. \
The other rests on rollers or on a pad of rubber and lead, and the comb closes and opens over the \
year like a very slow hand.

Bridges in Japan wear the word for it on a small plate: 伸縮装置, the device that stretches and \
shrinks. Inspectors spend more time there than anywhere else, because grit finds its way between \
the teeth, and a joint that cannot move is worse than no joint. The load does not disappear when \
the gap jams; it travels to the next weakest thing, which nobody has painted a number on.

It is a good habit to look for the comb in other things. A timetable with no slack has none, and \
so the first late train cracks the whole evening. A budget that is spent to the last coin has \
none. A contract that says only what happens when all goes well has its rollers rusted solid. What \
looks like waste from the middle of the span, a hand's breadth of nothing with a rubber seal \
below, is the reason that the rest may be stiff. 🌉

The next time that you hear the knock, you will know that something gave way by a few millimetres, \
on purpose, so that you did not have to.
""",
    ),
    (
        "How would you describe the taste of rain to somebody who has always lived indoors?",
        """\
Begin with stone. Before rain has any taste of its own it takes on the taste of what it touches \
first, and in a town that is warm stone: a little chalk, a little iron, something like the edge of \
a clean glass. You do not taste it with the tongue so much as with the back of the nose, on the \
breath in, a minute before the first drop falls.

Then there is green. Leaves that have been shut all day open their pores, and the air fills with \
what they had been holding. People who grew up near pines say that it tastes of resin; people who grew \
up near hedges say tea. They are both right, because rain carries no flavour of its own from place \
to place and simply turns up whatever is there, as one turns up a lamp.

The drops themselves are almost nothing. Distilled by the sky, they are flatter than any water \
that you have drunk, and colder than they should be. Catch one, and what surprises you is the lack: \
no metal of pipes, none of the faint sweetness of a well. Children like it for the game. Thirsty \
people like it for a reason that I can only call politeness, for it asks nothing of you.

Last comes the ground. Wherever earth has been dry for long enough there are tiny makers of scent \
in it, and the rain knocks their work into the air. It is the smell that people have in mind when \
they say that a garden is breathing. We can tell it in absurdly small amounts, fewer parts than \
there are people in the street in all the water of a lake, and nobody is certain why we are so good at it. \
Perhaps those who were not good at it walked away from the water.

If you must have it in a sentence: rain tastes like a room in which somebody has just opened \
every window at once, and the room is everything.
""",
    ),
)
