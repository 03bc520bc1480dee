// The page: views by their addresses, keys, the theme, and what the server tells meanwhile.

import { address, byId, calm, go, make, readOnly, say } from "/api.js";
import * as bursts from "/bursts.js";
import * as duplicates from "/duplicates.js";
import * as photos from "/photos.js";
import * as reclaim from "/reclaim.js";

const VIEWS = { bursts, duplicates, photos, reclaim };
const TITLES = { bursts: "Bursts", duplicates: "Duplicates", photos: "Photos", reclaim: "Reclaim" };
const THEMES = ["auto", "light", "dark"];
let view = null;

if (location.search) history.replaceState(null, "", location.pathname + location.hash); // the key is not kept

async function open() {
  const name = address().view in VIEWS ? address().view : "bursts";
  view?.close();
  view = VIEWS[name];
  byId("tabs").replaceChildren(...Object.entries(TITLES).map(([each, text]) =>
    make("a", { href: `#/${each}`, text, "aria-current": each === name ? "page" : null })));
  document.title = `${TITLES[name]} · Review`;
  try {
    await view.open(byId("main"), byId("filters"));
  } catch (error) {
    say(error.message, true);
  }
  document.body.dataset.ready = name;
}

let opened = "";
addEventListener("popstate", () => {
  const now = address();
  if (now.view !== opened) open();
  else view.load(true).catch((error) => say(error.message, true));
  opened = now.view;
});

addEventListener("keydown", (event) => {
  if (byId("keys").open) return;
  if (event.target.closest("input, select, textarea") && event.key.length === 1) return;
  if (event.key === "?") return showKeys();
  if (view && view.key(event) !== false) event.preventDefault();
});

function showKeys() {
  byId("keys").querySelector("dl").replaceChildren(
    ...view.KEYS.flatMap(([key, text]) => [make("dt", { text: key }), make("dd", { text })]));
  byId("keys").showModal();
}

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = { auto: "◐", light: "○", dark: "●" }[theme];
  byId("theme").setAttribute("aria-label", `Theme: ${theme}`);
  localStorage.setItem("theme", theme);
}

byId("help").addEventListener("click", showKeys);
byId("theme").addEventListener("click", () =>
  setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "auto") + 1) % THEMES.length]));
setTheme(THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto");

let reload = 0;
const events = new EventSource("/api/events");
events.onmessage = ({ data }) => {
  const event = JSON.parse(data);
  if (event.kind === "waiting") event.words ? say(event.words, true) : calm();
  if (event.kind === "writer") event.busy ? say("The library is being written.") : calm();
  if (event.kind === "library" || (event.kind === "decisions" && view === bursts)) {
    clearTimeout(reload);
    reload = setTimeout(() => view.load().catch((error) => say(error.message, true)), 300);
  }
};
events.onerror = () => say("The server does not answer; is `photoidx review` still running?", true);
events.onopen = () => readOnly ? say("Read-only") : calm();
if (!location.hash) go("bursts", [], new URLSearchParams(), true);
opened = address().view;
open();
