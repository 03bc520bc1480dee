// Groups of duplicates: side by side, blinking, or their difference; and what each file holds that the other lacks.

import { address, byId, get, go, make, many, say, send } from "/api.js";
import { look, Pane, setClose } from "/viewer.js";

const WAYS = { side: "Side by side", blink: "Blink", difference: "Difference" };
export const KEYS = [
  ["← →", "Other file of the group"],
  ["↑ ↓", "Group before, group after"],
  ["b, d, s", "Blink, difference, side by side"],
  ["z", "100 %"],
  ["k", "Keep all of the group"],
  ["n", "Not the same picture"],
  ["Ctrl-Z", "Undo"],
];
const state = { groups: [], at: 0, other: 1, way: "side", panes: [] };
let parts = null;

export async function open(main, filters) {
  parts = {
    stage: make("div", { class: "panes" }),
    list: make("div", { class: "files", role: "listbox", "aria-label": "Files", tabIndex: 0 }),
    words: make("div", { class: "words", "aria-live": "polite" }),
  };
  const ways = Object.entries(WAYS).map(([way, text]) =>
    make("button", { type: "button", class: "act", "aria-pressed": "false", text, onclick: () => set(way) }));
  ways.forEach((button, at) => { button.dataset.way = Object.keys(WAYS)[at]; });
  const acts = make("div", { class: "acts", role: "group", "aria-label": "Decide" },
    make("button", { type: "button", class: "act", title: "k", text: "Keep all", onclick: keepAll }),
    make("button", { type: "button", class: "act", title: "n", text: "Not the same", onclick: differ }),
    make("button", { type: "button", class: "act strong", title: "↓", text: "Next", onclick: () => moveGroup(1) }),
    make("button", { type: "button", class: "act", title: "Ctrl-Z", text: "Undo", onclick: undo }));
  main.replaceChildren(make("section", { class: "bursts", "aria-label": "Duplicates" }, parts.stage, parts.words, parts.list, acts));
  filters.replaceChildren(make("div", { class: "ways", role: "group", "aria-label": "How they are shown" }, ...ways));
  state.panes = [new Pane("The file that stays"), new Pane("The other file")];
  parts.stage.replaceChildren(...state.panes.map((pane) => pane.element));
  say("Looking for duplicates");
  await load();
  say("");
}

export async function load() {
  state.groups = await get("/api/duplicates");
  const wanted = state.groups.findIndex((each) => each.id === address().words[0]);
  show(Math.max(0, wanted >= 0 ? wanted : Math.min(state.at, state.groups.length - 1)));
}

function show(at) {
  state.at = at;
  state.other = 1;
  const group = state.groups[at];
  const frees = state.groups.reduce((sum, each) => sum + each.frees, 0);
  byId("left").textContent = `${many(state.groups.length, "group")}, ${(frees / 1e6).toFixed(1)} MB may go`;
  if (!group) {
    parts.words.replaceChildren(make("p", { class: "plain", text: "There are no duplicates." }));
    return;
  }
  go("duplicates", [group.id], address().settings, true);
  draw();
}

function draw() {
  const { files } = state.groups[state.at];
  const pair = [files[0], files[Math.min(state.other, files.length - 1)]];
  pair.forEach((file, number) => {
    state.panes[number].show(file.content, `${file.name}, ${file.reason}`);
    state.panes[number].caption.textContent = `${file.name} · ${file.width} × ${file.height}`;
  });
  parts.stage.dataset.count = 2;
  parts.stage.dataset.way = state.way;
  for (const button of document.querySelectorAll("[data-way].act")) button.setAttribute("aria-pressed", String(button.dataset.way === state.way));
  parts.words.replaceChildren(
    make("strong", { text: state.groups[state.at].kind }),
    make("span", { class: "quiet", text: ` group ${state.at + 1} of ${state.groups.length}` }),
    ...pair.map((file) => make("p", { text: `${file.name}: ${file.reason}${file.only.length ? `. Only it has: ${file.only.join(", ")}` : ""}` })),
  );
  parts.list.replaceChildren(...files.map((file, at) =>
    make("button", {
      type: "button", class: `file ${file.extra ? "reject" : ""}`, role: "option", tabIndex: -1, "aria-selected": String(at === state.other),
      onclick: () => { if (at) { state.other = at; draw(); } },
    },
    make("img", { src: `/thumb/${file.content}`, alt: "" }),
    make("span", {}, make("strong", { text: file.name }), make("br"),
      make("span", { class: "quiet", text: `${file.folder} · ${(file.size / 1e6).toFixed(2)} MB · ${file.extra ? "may go" : file.there ? "stays" : "not there"}` })))));
}

function set(way) {
  state.way = way;
  draw();
}

function moveGroup(by) {
  if (state.groups[state.at + by]) show(state.at + by);
}

const shots = () => [...new Set(state.groups[state.at].files.map((file) => file.shot))];
const decide = (verb) => send("/api/decide", { decisions: [{ verb, shots: shots() }] }).then(() => load());

function keepAll() {
  if (state.groups.length) decide("keep-all");
}

function differ() {
  if (!state.groups.length) return;
  if (shots().length > 1) decide("different");
  else say("These are the same bytes.");
}

const undo = () => send("/api/undo").then(() => load());

export function key(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") return undo();
  if (event.ctrlKey || event.metaKey || event.altKey || !state.groups.length) return false;
  const { files } = state.groups[state.at];
  const step = (by) => { state.other = Math.min(files.length - 1, Math.max(1, state.other + by)); draw(); };
  const work = {
    ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => moveGroup(-1), ArrowDown: () => moveGroup(1),
    b: () => set("blink"), d: () => set("difference"), s: () => set("side"), k: keepAll, n: differ, z: () => setClose(!look.close),
  }[event.key];
  if (!work || (event.key.startsWith("Arrow") && event.target.closest("select, input"))) return false;
  work();
  return true;
}

export function close() {
  state.panes.forEach((pane) => pane.close());
  state.panes = [];
  look.close = false;
  byId("left").textContent = "";
}
