// All photos, or those of a search, an SQL condition, a cluster: a grid that holds only what is seen.

import { address, byId, get, go, make, many, say } from "/api.js";
import { look, Pane, setClose } from "/viewer.js";

const TILE = { width: 168, height: 132 };
export const KEYS = [
  ["← → ↑ ↓", "Move"],
  ["Enter", "Show large, and back"],
  ["z", "100 %"],
  ["Home, End", "To the first, to the last"],
];
const state = { photos: [], at: 0, large: false, pane: null, nodes: new Map(), columns: 1 };
let parts = null;

export async function open(main, filters) {
  parts = {
    scroller: make("div", { class: "scroller", tabIndex: 0, role: "listbox", "aria-label": "Photos" }),
    space: make("div", { class: "space", role: "presentation" }),
    large: make("div", { class: "panes large", hidden: true }),
  };
  parts.scroller.append(parts.space);
  parts.scroller.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  new ResizeObserver(lay).observe(parts.scroller);
  main.replaceChildren(make("section", { class: "photos", "aria-label": "Photos" }, parts.scroller, parts.large));
  const asked = address().settings;
  const field = (name, label, hint) =>
    make("label", {}, label, make("input", { name, type: "search", value: asked.get(name) || "", placeholder: hint, spellcheck: false }));
  const clusters = await get("/api/clusters");
  const chosen = asked.get("cluster") || "";
  const select = make("select", { name: "cluster" }, make("option", { value: "", text: "Any" }),
    ...clusters.map((each) => make("option", { value: each.id, text: `${each.label || each.id} (${each.size})`, selected: each.id === chosen })));
  filters.replaceChildren(make("form", { class: "ask", onsubmit: ask, onchange: ask },
    field("words", "Search ", "lake"), field("where", "SQL ", "technical > 0.5"), field("day", "Day ", "2024-05-01"),
    make("label", {}, "Cluster ", select), make("button", { class: "act", text: "Show" })));
  await load();
}

function ask(event) {
  event.preventDefault();
  const settings = new URLSearchParams([...new FormData(event.currentTarget)].filter(([, value]) => value));
  go("photos", [], settings);
  load().catch((error) => say(error.message, true));
}

const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

export async function load() {
  const asked = address().settings;
  const parts_ = [asked.get("where") && `(${asked.get("where")})`];
  if (asked.get("day")) parts_.push(`strftime(taken_at, '%Y-%m-%d') LIKE ${quoted(`${asked.get("day")}%`)}`);
  if (asked.get("cluster")) parts_.push(`shot_id IN (SELECT shot_id FROM clusters WHERE cluster_id = ${quoted(asked.get("cluster"))})`);
  const query = new URLSearchParams({ where: parts_.filter(Boolean).join(" AND "), words: asked.get("words") || "" });
  byId("left").textContent = "Looking";
  state.photos = await get(`/api/photos?${query}`);
  state.at = 0;
  state.nodes.forEach((node) => node.remove());
  state.nodes.clear();
  byId("left").textContent = many(state.photos.length, "photo");
  if (state.photos.length === 0) say("No photo fulfils this.");
  lay();
}

function lay() {
  const room = parts.scroller.clientWidth - 8;
  state.columns = Math.max(2, Math.floor(room / TILE.width));
  state.width = Math.floor(room / state.columns);
  parts.space.style.height = `${Math.ceil(state.photos.length / state.columns) * TILE.height}px`;
  draw(true);
}

/** Put the tiles that are seen into their places; those that are not seen any more are removed. */
function draw(anew = false) {
  const { scrollTop, clientHeight } = parts.scroller;
  const first = Math.max(0, (Math.floor(scrollTop / TILE.height) - 2) * state.columns);
  const last = Math.min(state.photos.length, (Math.ceil((scrollTop + clientHeight) / TILE.height) + 2) * state.columns);
  for (const [at, node] of state.nodes) {
    if (at < first || at >= last || anew === true) {
      node.remove();
      state.nodes.delete(at);
    }
  }
  for (let at = first; at < last; at += 1) if (!state.nodes.has(at)) add(at);
  mark();
}

function add(at) {
  const [name, content, day] = state.photos[at];
  const node = make("button", { type: "button", class: "tile", tabIndex: -1, role: "option", title: name, "aria-label": `${name} ${day}`, onclick: () => { state.at = at; enlarge(true); } },
    make("img", { src: `/thumb/${content}`, alt: "", loading: "eager", decoding: "async" }),
    make("span", { text: day || name }));
  node.style.transform = `translate(${(at % state.columns) * state.width}px, ${Math.floor(at / state.columns) * TILE.height}px)`;
  node.style.width = `${state.width - 4}px`;
  state.nodes.set(at, node);
  parts.space.append(node);
}

function mark() {
  state.nodes.forEach((node, at) => node.setAttribute("aria-selected", String(at === state.at)));
}

function enlarge(large) {
  if (!state.photos.length) return;
  state.large = large;
  parts.large.hidden = !large;
  if (!large) {
    state.pane?.close();
    state.pane = null;
    return setClose(false);
  }
  if (!state.pane) {
    state.pane = new Pane("Photo");
    parts.large.replaceChildren(state.pane.element, make("button", { type: "button", class: "act", text: "Close", onclick: () => enlarge(false) }));
  }
  const [name, content, day] = state.photos[state.at];
  state.pane.show(content, name);
  state.pane.caption.textContent = [name, day].filter(Boolean).join(" · ");
  mark();
}

function moveTo(at) {
  state.at = Math.min(state.photos.length - 1, Math.max(0, at));
  const top = Math.floor(state.at / state.columns) * TILE.height;
  const { scrollTop, clientHeight } = parts.scroller;
  if (top < scrollTop) parts.scroller.scrollTop = top;
  else if (top + TILE.height > scrollTop + clientHeight) parts.scroller.scrollTop = top + TILE.height - clientHeight;
  draw();
  if (state.large) enlarge(true);
}

export function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input")) return false;
  const work = {
    ArrowLeft: () => moveTo(state.at - 1), ArrowRight: () => moveTo(state.at + 1),
    ArrowUp: () => moveTo(state.at - state.columns), ArrowDown: () => moveTo(state.at + state.columns),
    Home: () => moveTo(0), End: () => moveTo(state.photos.length - 1),
    Enter: () => enlarge(!state.large), Escape: () => enlarge(false), z: () => state.large && setClose(!look.close),
  }[event.key];
  if (!work || (event.key === "Enter" && event.target.closest(".act"))) return false;
  work();
  return true;
}

export function close() {
  state.pane?.close();
  Object.assign(state, { pane: null, large: false });
  state.nodes.clear();
  look.close = false;
  byId("left").textContent = "";
}
