// j and k go from row to row, Enter opens, x chooses, / finds, g and a letter goes to a page, ? tells all of it.

const PAGES = { o: "", d: "dead", r: "lists", m: "messages", l: "lines", i: "integrations", s: "schedules" };

export function followKeys(page) {
  let goes = false;

  page.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const writing = event.target.closest("input:not([type=checkbox]), textarea, select");
    if (event.key === "Escape" && writing) writing.blur();
    if (writing || page.querySelector("dialog[open]")) return;
    const key = event.key;
    if (goes && key in PAGES) {
      location.assign(page.querySelector(".brand").href.replace(/\/?$/, "/") + PAGES[key]);
    }
    goes = key === "g";
    if (key === "j" || key === "k") move(page, key === "j" ? 1 : -1);
    else if (key === "/") page.querySelector("[data-search]")?.focus();
    else if (key === "x") rowOf(page.activeElement)?.querySelector("input[type=checkbox]")?.click();
    else if (key === "?") page.getElementById("keys").showModal();
    else return;
    event.preventDefault();
  });
}

function rowOf(element) {
  return element?.closest("tr, li, article");
}

function move(page, by) {
  const rows = [...page.querySelectorAll("#main [data-row]")];
  if (!rows.length) return;
  const here = rows.indexOf(page.activeElement);
  const next = here < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, here + by));
  // The browser shows where one is only after a key; this was one.
  rows[next].focus({ focusVisible: true });
  rows[next].scrollIntoView({ block: "nearest" });
}
