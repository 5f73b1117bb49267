// The gateway's news for a page: one stream, closed while nobody can see the page.

/** A stream that was refused, not broken off: whoever is signed out is shown the way in. */
async function signedOut(path) {
  const abort = new AbortController();
  const answer = await fetch(path, { signal: abort.signal }).catch(() => null);
  if (answer?.status === 401) location.reload();
  abort.abort();
}

/** Calls `take(news)` for each piece of news from now on; returns a function that ends it. */
export function watch(take, path = "/live") {
  let source = null;
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(path);
    source.onmessage = (event) => take(JSON.parse(event.data));
    source.onerror = () => {
      if (source?.readyState === EventSource.CLOSED) signedOut(path);
      take({ dead: "The console does not answer. It may be starting again." });
    };
  };
  const close = () => {
    source?.close();
    source = null;
  };
  const turn = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", turn);
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
  return () => {
    document.removeEventListener("visibilitychange", turn);
    close();
  };
}

/** POSTs `body` as a form with the session's token; resolves with the answer, rejects with its words. */
export async function post(path, body = {}) {
  const answer = await fetch(path, {
    method: "POST",
    body: new URLSearchParams(body),
    headers: { "x-csrf": document.body.dataset.csrf, accept: "application/json" },
  });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer;
}

/** The data that the page was given in the island of this id. */
export const island = (id) => JSON.parse(document.getElementById(id).textContent);
