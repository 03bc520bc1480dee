// Keys, tabs, the filter, the theme; and the start.

const KEYS = [
  ["← → ↑ ↓ or h j k l", "Move; on the map: pan"],
  ["Enter", "Show the photo with its facts"],
  ["Esc", "Close; leave the filter"],
  ["Space", "In a burst: beside the pick"],
  ["o", "Originals in place of thumbnails, where they lie on this computer"],
  ["c", "Copy the photo's path"],
  ["n, p", "Next, previous group or month"],
  ["Home, End", "To the first, to the last"],
  [names.map((_name, at) => at + 1).join(" "), names.map((name) => sections[name].title).join(", ")],
  ["/", "Filter"],
  ["+ − 0", "On the map: closer, farther, everything"],
  ["t", "Light, dark, as the system"],
  ["?", "These keys"],
];
const LETTERS = { h: "ArrowLeft", j: "ArrowDown", k: "ArrowUp", l: "ArrowRight" };
const THEMES = ["auto", "light", "dark"];

const isDark = () => {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  byId("theme").textContent = { auto: "◐", light: "○", dark: "●" }[theme];
  byId("theme").title = `Theme: ${theme} (t)`;
  byId("theme").setAttribute("aria-label", `Theme: ${theme}; change to ${next}`);
  plane.ask();
}

const nextTheme = () => setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "auto") + 1) % 3]);

function setFilter(text) {
  byId("filter").value = text;
  state.words = text.toLowerCase().split(/\s+/).filter(Boolean);
  refresh();
  byId("view").scrollTop = 0;
  list.update();
}

const hasTiles = (row) => row !== undefined && row.kind === "tiles";

function moveAcross(by) {
  let { row, tile } = state;
  tile += by;
  if (hasTiles(list.rows[row]) && tile >= 0 && tile < list.rows[row].tiles.length) return moveTo(row, tile);
  do row += by;
  while (row >= 0 && row < list.rows.length && !hasTiles(list.rows[row]));
  if (hasTiles(list.rows[row])) moveTo(row, by > 0 ? 0 : list.rows[row].tiles.length - 1);
}

/** Move to the tile of the next line that is nearest to below or above this one. */
function moveDown(by) {
  const here = currentTile();
  if (!here) return;
  const centre = here.x + here.width / 2;
  let { row } = state;
  do row += by;
  while (row >= 0 && row < list.rows.length && !hasTiles(list.rows[row]));
  if (!hasTiles(list.rows[row])) return;
  const distances = list.rows[row].tiles.map((tile) => Math.abs(tile.x + tile.width / 2 - centre));
  moveTo(row, distances.indexOf(Math.min(...distances)));
}

/** Move to the first photo of the next group or month, or of the one before. */
function moveToGroup(by) {
  const starts = list.rows.flatMap((row, at) => (hasTiles(row) && !hasTiles(list.rows[at - 1]) ? [at] : []));
  const row = by > 0 ? starts.find((at) => at > state.row) : starts.findLast((at) => at < state.row);
  if (row !== undefined) moveTo(row, 0);
}

function moveToEnd(by) {
  const row = by > 0 ? list.rows.findLastIndex(hasTiles) : list.rows.findIndex(hasTiles);
  if (row >= 0) moveTo(row, by > 0 ? list.rows[row].tiles.length - 1 : 0);
}

function keyInDetail(key) {
  if (key === "ArrowLeft" || key === "ArrowUp") step(-1);
  else if (key === "ArrowRight" || key === "ArrowDown") step(1);
  else if (key === " ") toggleCompare();
  else if (key === "o") toggleOriginals();
  else if (key === "c") copyPaths([detail.photo], "of this photo");
  else if (key === "Escape") closeDetail();
  else return false;
  return true;
}

function keyInList(key) {
  const here = currentTile();
  if (key === "ArrowLeft") moveAcross(-1);
  else if (key === "ArrowRight") moveAcross(1);
  else if (key === "ArrowDown") moveDown(1);
  else if (key === "ArrowUp") moveDown(-1);
  else if (key === "n") moveToGroup(1);
  else if (key === "p") moveToGroup(-1);
  else if (key === "Home") moveToEnd(-1);
  else if (key === "End") moveToEnd(1);
  else if (key === "Enter" && here) openDetail(here.photo);
  else if (key === " " && here && pairOf(here.photo)) toggleCompare(here.photo);
  else if (key === "c" && here) copyPaths([here.photo], "of this photo");
  else return false;
  return true;
}

function showKeys() {
  byId("keys").showModal();
  byId("keys").focus();
}

function keyAnywhere(key) {
  if (key === "/") byId("filter").focus();
  else if (key === "?") showKeys();
  else if (key === "t") nextTheme();
  else if (/^[1-9]$/.test(key) && Number(key) <= names.length) choose(names[Number(key) - 1]);
  else return false;
  return true;
}

/** Tell whether the key belongs to what has the focus: text is typed, a button is pressed, a tab list has its arrows. */
function isTaken(event) {
  const own = event.target.closest("input, a, [role=tab], button:not(.tile)");
  if (own === null) return false;
  if (own.matches("input")) return true;
  return event.key === "Enter" || event.key === " " || (own.matches("[role=tab]") && event.key.startsWith("Arrow"));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === byId("filter")) {
    if (event.key === "Escape" && event.target.value) setFilter("");
    else if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") leaveFilter();
    else return;
    event.preventDefault();
    return;
  }
  if (isTaken(event)) return;
  const key = LETTERS[event.key] || event.key;
  if (byId("keys").open) return key === "?" ? byId("keys").close() : undefined;
  const done = detail.dialog.open
    ? keyInDetail(key) || (key === "t" && keyAnywhere(key))
    : (state.section === "map" ? plane.key(key) : keyInList(key)) || keyAnywhere(key);
  if (done) event.preventDefault();
});
document.addEventListener("keyup", (event) => {
  if (event.key === " " && event.target.matches(".tile")) event.preventDefault(); // it would press the tile
});

function leaveFilter() {
  byId("filter").blur();
  if (state.section === "map") byId("plane").focus();
  else moveTo(state.row, state.tile);
}

function drawTabs() {
  for (const [at, name] of names.entries()) {
    const tab = make("button", { type: "button", role: "tab", title: `${sections[name].title} (${at + 1})`, onclick: () => choose(name) });
    tab.dataset.name = name;
    tab.setAttribute("aria-controls", name === "map" ? "map" : "view");
    tab.append(make("span", { text: sections[name].title }), make("span", { class: "number" }));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      const next = (at + by + names.length) % names.length;
      choose(names[next], false);
      byId("tabs").children[next].focus();
    });
    byId("tabs").append(tab);
  }
}

function start() {
  const files = photoCount - leads.length;
  const times = leads.map((photo) => columns.time[photo]).filter(Boolean);
  const years = times.length ? [...new Set([times[times.length - 1], times[0]].map((time) => time.slice(0, 4)))].join("–") : "";
  byId("summary").textContent = [many(leads.length, "photo"), files ? many(files, "more file") : "", years].filter(Boolean).join(" · ");
  drawTabs();
  for (const [key, words] of KEYS) byId("keys").querySelector("dl").append(make("dt", { text: key }), make("dd", { text: words }));
  let typing = 0;
  byId("filter").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => setFilter(event.target.value), 120);
  });
  byId("theme").addEventListener("click", nextTheme);
  byId("help").addEventListener("click", showKeys);
  byId("keys").addEventListener("click", () => byId("keys").close());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plane.ask());
  let width = 0;
  new ResizeObserver(() => {
    if (state.section === "map") plane.ask();
    else if (width !== roomWidth()) refresh();
    else list.ask();
    width = roomWidth();
  }).observe(document.body);
  setTheme("auto");
  const wanted = location.hash.slice(1);
  choose(names.includes(wanted) ? wanted : "photos");
  if (document.readyState === "loading" && data.thumbs === null) document.addEventListener("DOMContentLoaded", () => list.clear());
}

start();
