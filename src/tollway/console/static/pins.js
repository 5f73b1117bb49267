// Follows a look that takes a while, and loads the page anew when it is over.

const words = document.querySelector("[data-looking]");
const bar = document.querySelector("progress");

async function look() {
  const answer = await fetch("/pins/verify.json", { headers: { accept: "application/json" } });
  if (!answer.ok) return location.reload();
  const said = await answer.json();
  if (said.state !== "looking") return location.reload();
  if (said.total) {
    bar.max = said.total;
    bar.value = said.hashed;
    const mb = Math.round(said.total / 1e6).toLocaleString("en");
    words.textContent = `${Math.round((100 * said.hashed) / said.total)}% of ${mb} MB hashed.`;
  }
  setTimeout(() => look().catch(() => {}), 500);
}

if (words) look().catch(() => {});
