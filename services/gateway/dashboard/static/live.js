// Keeps a page as it would be if it were opened anew: `data-live` says after how many seconds it is asked for again, and
// a stream of events makes it sooner when something happens.
import { morphChildren } from "./morph.js";

const LONGEST_PAUSE_MS = 30_000;
const APART_MS = 700;

export function stayLive(main, pulse, eventsAddress) {
  const seconds = Number(main?.dataset.live);
  if (!seconds) return;
  let pause = seconds * 1000;
  let last = performance.now();
  let timer;
  let stream;

  function plan(inMs) {
    clearTimeout(timer);
    timer = setTimeout(refresh, inMs);
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
    last = performance.now();
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
    plan(pause);
  }

  // Where there is no stream, or no more of them, the page is refreshed by the clock alone.
  function listen() {
    if (!eventsAddress || stream) return;
    stream = new EventSource(eventsAddress);
    stream.addEventListener("message", () => plan(Math.max(0, last + APART_MS - performance.now())));
  }

  function leave() {
    stream?.close();
    stream = undefined;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      leave();
    } else {
      listen();
      refresh();
    }
  });
  // A page that the browser keeps for the way back must not keep a stream too.
  addEventListener("pagehide", leave);
  addEventListener("pageshow", listen);
  show(true);
  if (!document.hidden) listen();
  plan(pause);
}
