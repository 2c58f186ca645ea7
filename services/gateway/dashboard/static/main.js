// What scripts add to pages that work without them: they refresh themselves, and keys move through them.
import { chooseRows } from "./choosing.js";
import { followKeys } from "./keys.js";
import { stayLive } from "./live.js";

const main = document.getElementById("main");
followKeys(document);
chooseRows(main);
stayLive(main, document.querySelector("[data-pulse]"), document.body.dataset.events);
