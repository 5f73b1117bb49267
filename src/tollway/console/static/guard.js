// Says that more questions wait. What is shown never moves by itself: see console/guard/pages.py.

const shown = new Set([...document.querySelectorAll("[data-id]")].map((it) => it.dataset.id));
const news = document.getElementById("news");

async function look() {
  if (document.hidden) return;
  const answer = await fetch("/guard/pending.json", { headers: { accept: "application/json" } });
  if (answer.status === 401) location.reload();
  if (!answer.ok) return;
  const { pending } = await answer.json();
  const more = pending.filter((it) => !shown.has(it)).length;
  const gone = [...shown].filter((it) => !pending.includes(it));
  const said = [];
  if (more) said.push(more === 1 ? "1 more question waits." : `${more} more questions wait.`);
  if (gone.length) said.push(`${gone.join(", ")}: no longer open.`);
  const words = said.join(" ");
  if (news.firstElementChild.textContent !== words) news.firstElementChild.textContent = words;
  news.hidden = !said.length;
  news.querySelector("a").textContent = more ? "Show them" : "Load anew";
}

const every = 2000;
setInterval(() => look().catch(() => {}), every);
document.addEventListener("visibilitychange", () => look().catch(() => {}));
