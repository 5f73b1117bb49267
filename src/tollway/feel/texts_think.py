"""Questions that are thought about before they are answered: question, reasoning, answer."""

THINK: tuple[tuple[str, str, str], ...] = (
    (
        "A train leaves every 12 minutes and a bus every 18. Both just left. When do they next "
        "leave together, and how often a day?",
        """\
They both left now, at time zero. The train leaves at 12, 24, 36, 48 and so on, the bus at 18, 36, \
54. The first time that is in both lists is 36. Check with the least common multiple: 12 is 2·2·3, \
18 is 2·3·3, so the lcm is 2·2·3·3 = 36. Good, that agrees.

How often a day? A day has 1,440 minutes; 1440 / 36 = 40. But that depends on whether they run all \
day. The question does not say. If they run around the clock it is 40 times a day, counting the \
one at zero and not the one at 1,440, which belongs to the next day. If they stop at night it is \
fewer. Should I assume? I could give the number for a full day and say how to scale it. With \
service from 5:00 to 24:00, that is 19 hours = 1,140 minutes; 1140 / 36 = 31.67, so departures \
together at 0, 36, ..., 31·36 = 1116, which is 32 of them with the first one counted.

I might also double-check for a trap: "both just left" means that the offset is zero, so no \
Chinese-remainder trouble. If the bus had left 5 minutes earlier there would be no common \
departure at all, since gcd(12, 18) = 6 does not divide 5. Worth a mention? It is a nice point but \
not asked for. I will leave it out or keep it to a sentence.

So the answer: in 36 minutes; 40 times in 24 hours of service.
""",
        """\
**In 36 minutes**, and then every 36 minutes: that is the smallest number that both 12 and 18 divide.

Around the clock that makes 1,440 / 36 = **40 times a day**. If the service rests at night, count \
the minutes that it runs, divide by 36, round down, and add one for the first departure: from 5:00 \
to midnight that is 32.
""",
    ),
    (
        "Should we cache the results of a search page whose index changes every minute?",
        """\
What matters here is how often the same query comes within the time that a result may be stale. \
Let me set up the quantities. Say the queries arrive at rate λ, and a share of them are repeats. \
With a lifetime T for the cache, a query that arrives at rate r on its own is a hit with \
probability about rT / (1 + rT), since the first one after expiry is always a miss.

If the index changes each minute and readers accept a result that is a minute old, T = 60 s. A query \
that is asked once an hour: r = 1/3600, rT = 0.0167, hit share 1.6%. Useless. A query that is asked \
once a second: rT = 60, hit share 98%. So the answer depends on how heavy the head of the query \
distribution is. On most sites it is heavy: the top hundred queries make up somewhere between 10% \
and 40% of traffic. I do not know theirs. I should tell them how to measure rather than invent a \
figure.

What of the danger? Stale results are bounded by T if keys expire. Worse is the stampede: when a \
popular key expires, all requests in flight go to the index at once. Mend: one request refills \
while the others wait or are served the stale copy, so-called single flight, or \
stale-while-revalidate. And personalised results must not be shared: the key must hold everything \
that the answer depends on, otherwise one customer sees another's prices. That is the mistake that \
hurts, much more than staleness. I will lead with it after the verdict.

Alternatively, invalidate on change: put the index generation in the key. As it changes each minute, \
that gives T = 60 s in effect and no stale answers at all. That is simple and better: the key is \
(generation, query, everything personal). Recommend this.

Let me also give a cut-off: worth it if the hit share is above maybe 20%, judged by cost. Formula for \
the expected hit share over the log: sum over queries of p_i · λp_iT / (1 + λp_iT). They can \
compute it from a day's log in ten lines.
""",
        """\
**Yes, if your popular queries are popular enough; a day's log tells you.**

1. **Put the index's generation into the key**, with everything else that the answer depends on \
(language, permissions, prices shown). A new generation then makes old entries unreachable: nothing \
is ever stale, and nobody sees another's results.
2. **Estimate the hit share first.** A query that comes r times a second is a hit with a \
probability of rT / (1 + rT), where T is 60 s. Asked once a second that is 98%; asked once an hour, \
less than 2%. Sum it over your log.
3. **Let one request refill.** When the generation changes, every popular key misses at once. Have \
the first request compute, and the others wait for it.

Below a hit share of a fifth I would leave it out: the memory and the rule of what belongs into the \
key cost more than they save.
""",
    ),
    (
        "Our meeting room is 6 by 4 m. We want eight people around one table. Which table?",
        """\
Room: 6 m by 4 m. Around a table one needs space to pull a chair out and to pass behind it: about \
0.9 m to pull out, 1.2 m if others walk behind. On the door side take 1.2 m, on the others 0.9 m.

Say that the door is on a short side. Along the length: 6 - 1.2 - 0.9 = 3.9 m. Across: 4 - 0.9 - 0.9 = \
2.2 m. So the table may be at most 3.9 by 2.2 m. That is generous.

Eight people need about 0.65 to 0.7 m of edge each. Three on each long side and one at each end: \
long side 3 × 0.7 = 2.1 m, and the ends 0.9 to 1.2 m wide. So 2.2 by 1.1 m holds eight, tightly at the \
corners. Better 2.4 by 1.2 m. That leaves 6 - 2.4 = 3.6 m along the length, 1.8 m at each end, and \
(4 - 1.2) / 2 = 1.4 m on each side. All are above 1.2 m, so people may pass everywhere.

Round one? Eight around a circle: the circumference 8 × 0.7 = 5.6 m, diameter 1.78 m, so 1.8 m. It \
leaves (4 - 1.8) / 2 = 1.1 m on the sides: enough to pull out, a bit tight to pass. And the middle \
of the table is out of reach. But a round table has no head, which some teams like.

If there is a screen on a short wall: with a rectangle, the people at the near end sit with their back to \
it; put four on each side instead: 4 × 0.65 = 2.6 m long, so 2.8 by 1.1 m. That leaves 1.6 m at the ends. \
Good. I'd offer: 2.4 × 1.2 in general, 2.8 × 1.1 with a screen.
""",
        """\
**2.4 × 1.2 m**, three on each long side and one at each end. It leaves 1.4 m along the sides and \
1.8 m at the ends, so that anybody can leave while the rest stay seated.

With a **screen on a short wall** take 2.8 × 1.1 m and seat four on each side: nobody turns their \
back on it. A **round** one would need 1.8 m and leaves 1.1 m at the sides, which is enough to \
sit down and tight to pass.
""",
    ),
)
