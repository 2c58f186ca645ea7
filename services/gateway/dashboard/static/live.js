// Keeps a page as it would be if it were opened anew: `data-live` says after how many seconds it is asked for again.
import { morphChildren } from "./morph.js";

const LONGEST_PAUSE_MS = 30_000;

export function stayLive(main, pulse) {
  const seconds = Number(main?.dataset.live);
  if (!seconds) return;
  let pause = seconds * 1000;
  let timer;

  function plan() {
    clearTimeout(timer);
    timer = setTimeout(refresh, pause);
  }

  function show(isLive) {
    if (!pulse) return;
    pulse.hidden = false;
    pulse.classList.toggle("lost", !isLive);
    pulse.querySelector("b").textContent = isLive ? "Live" : "Not reachable";
  }

  async function refresh() {
    // A hidden page costs nothing; it is refreshed when it is looked at again.
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { "X-Fragment": "1" }, cache: "no-store" });
      if (answer.redirected) {
        location.reload();
        return;
      }
      if (!answer.ok && answer.status !== 503) throw new Error(`answered ${answer.status}`);
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      const said = main.querySelector(":scope > .said");
      if (said) parsed.body.prepend(said.cloneNode(true));
      morphChildren(main, parsed.body);
      main.dispatchEvent(new CustomEvent("refreshed"));
      pause = seconds * 1000;
      show(true);
    } catch {
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      show(false);
    }
    plan();
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  show(true);
  plan();
}
