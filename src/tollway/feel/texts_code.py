"""Code to scan as it streams: requests and their answers."""

CODE: tuple[tuple[str, str], ...] = (
    (
        "Write a small rate limiter in Python, with tests.",
        '''\
```python
"""A token bucket that is told the time, so that its tests need no clock."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """Holds up to `size` permits and regains `rate` of them a second."""

    size: float
    rate: float
    level: float
    seen: float

    def take(self, amount: float, now: float) -> bool:
        """Whether `amount` may pass at `now`; takes it where it may."""
        self._refill(now)
        if amount > self.level:
            return False
        self.level -= amount
        return True

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` may pass, were nothing else taken."""
        self._refill(now)
        missing = max(0.0, amount - self.level)
        return missing / self.rate

    def _refill(self, now: float) -> None:
        # A clock that went backwards regains nothing and loses nothing.
        passed = max(0.0, now - self.seen)
        self.level = min(self.size, self.level + passed * self.rate)
        self.seen = max(self.seen, now)


def full(size: float, rate: float, now: float) -> Bucket:
    """A bucket that starts out full."""
    if size <= 0 or rate <= 0:
        raise ValueError(f"size and rate are above zero, not {size} and {rate}")
    return Bucket(size=size, rate=rate, level=size, seen=now)


def test_a_full_bucket_lets_a_burst_through() -> None:
    bucket = full(size=10, rate=2, now=0.0)
    assert all(bucket.take(1, now=0.0) for _ in range(10))
    assert not bucket.take(1, now=0.0)


def test_what_is_taken_comes_back_at_the_rate() -> None:
    bucket = full(size=10, rate=2, now=0.0)
    assert bucket.take(10, now=0.0)
    assert bucket.wait(4, now=0.0) == 2.0
    assert bucket.take(4, now=2.0)


def test_it_never_holds_more_than_its_size() -> None:
    bucket = full(size=10, rate=2, now=0.0)
    assert not bucket.take(11, now=1_000_000.0)
```

The bucket never reads a clock: `now` is handed in, so a test can let a year pass in a line. \
`wait` tells a caller when to come back instead of leaving it to guess.
''',
    ),
    (
        "Read a large CSV of readings in TypeScript and sum them by sensor, without loading it whole.",
        """\
```typescript
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

interface Sum {
  count: number;
  total: number;
  least: number;
  most: number;
}

function add(sum: Sum | undefined, value: number): Sum {
  if (sum === undefined) {
    return { count: 1, total: value, least: value, most: value };
  }
  return {
    count: sum.count + 1,
    total: sum.total + value,
    least: Math.min(sum.least, value),
    most: Math.max(sum.most, value),
  };
}

/** Sums by sensor. Lines that hold no number are counted, and never guessed at. */
export async function sumBySensor(path: string): Promise<[Map<string, Sum>, number]> {
  const sums = new Map<string, Sum>();
  let unread = 0;
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  for await (const line of lines) {
    const [sensor, , reading] = line.split(",");
    const value = Number(reading);
    if (sensor === undefined || reading === undefined || Number.isNaN(value)) {
      unread += 1;
      continue;
    }
    sums.set(sensor, add(sums.get(sensor), value));
  }
  return [sums, unread];
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error("usage: sums FILE.csv");
  process.exit(2);
}
const [sums, unread] = await sumBySensor(path);
for (const [sensor, sum] of [...sums].sort(([a], [b]) => a.localeCompare(b))) {
  const mean = (sum.total / sum.count).toFixed(2);
  console.log(`${sensor}\\t${sum.count}\\t${mean}\\t${sum.least}..${sum.most}`);
}
if (unread > 0) {
  console.error(`${unread} lines held no reading (the heading is one of them)`);
}
```

Memory stays flat, whatever the file's size: only one line and one sum a sensor are kept.
""",
    ),
    (
        "Give me SQL that finds customers who came back within 30 days of their first order.",
        """\
```sql
-- One row a customer: the first order, the next one, and the days between them.
WITH ranked AS (
    SELECT
        customer_id,
        ordered_at,
        row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at, order_id) AS place
    FROM orders
    WHERE status <> 'cancelled'
),
firsts AS (
    SELECT customer_id, ordered_at AS first_at FROM ranked WHERE place = 1
),
seconds AS (
    SELECT customer_id, ordered_at AS second_at FROM ranked WHERE place = 2
)
SELECT
    date_trunc('month', f.first_at) AS cohort,
    count(*) AS customers,
    count(s.customer_id) FILTER (
        WHERE s.second_at < f.first_at + INTERVAL '30 days'
    ) AS returned,
    round(
        100.0 * count(s.customer_id) FILTER (
            WHERE s.second_at < f.first_at + INTERVAL '30 days'
        ) / count(*),
        1
    ) AS share_percent
FROM firsts AS f
LEFT JOIN seconds AS s USING (customer_id)
WHERE f.first_at < now() - INTERVAL '30 days'  -- younger cohorts have not had their chance
GROUP BY cohort
ORDER BY cohort;
```

Two things are easy to miss. Orders at the same moment are ranked by `order_id`, so a run gives \
the same answer twice; and cohorts younger than thirty days are left out, since their share could \
only rise.

An index that this plan can use:

```sql
CREATE INDEX CONCURRENTLY orders_by_customer
    ON orders (customer_id, ordered_at, order_id)
    WHERE status <> 'cancelled';
```
""",
    ),
    (
        "Now a bounded worker pool in Go that stops at the first error.",
        """\
```go
package pool

import (
	"context"
	"errors"
	"sync"
)

// Run calls do for each item, at most width at a time, and stops handing out items at the first
// error. It returns that error once every call that had begun is over.
func Run[T any](ctx context.Context, width int, items []T, do func(context.Context, T) error) error {
	if width < 1 {
		return errors.New("pool: width is below 1")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	queue := make(chan T)
	var group sync.WaitGroup
	for range min(width, len(items)) {
		group.Add(1)
		go func() {
			defer group.Done()
			for item := range queue {
				if err := do(ctx, item); err != nil {
					cancel(err)
					return
				}
			}
		}()
	}

feed:
	for _, item := range items {
		select {
		case queue <- item:
		case <-ctx.Done():
			break feed
		}
	}
	close(queue)
	group.Wait()
	return context.Cause(ctx)
}
```

`context.Cause` tells a failure of `do` from a caller who gave up, and the label on the loop is \
what lets `select` leave it. A worker that has failed takes no further item, and the feeder never \
blocks on a queue that nobody reads.
""",
    ),
)
